"""A first purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..gateway.snapshots import CHANGE_KEY
from .lines import LATEST_INVOICE, Entry


@dataclass(frozen=True)
class Purchase:
    """A first purchase: a new subscription with a line for each of ``entries``.

    ``invoice_days``: it is billed by sent invoices, due in so many days, and not by card.
    """

    customer: str
    entries: tuple[Entry, ...]
    invoice_days: int | None = None

    @property
    def metered(self) -> bool:
        """Whether all of it is billed by usage."""
        return all(entry.quantity is None for entry in self.entries)

    def _items(self) -> list[dict[str, Any]]:
        return [entry.params() for entry in self.entries]

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``."""
        return {"customer": self.customer, "subscription_details": {"items": self._items()}}

    def create(self, change_id: str, payment_method: str | None) -> dict[str, Any]:
        """For ``subscriptions.create``.

        ``default_incomplete`` leaves the first invoice open and the subscription incomplete until
        that invoice is paid, so an unpaid plan is never active.
        """
        params: dict[str, Any] = {
            "customer": self.customer,
            "items": self._items(),
            "metadata": {CHANGE_KEY: change_id},
            "expand": [LATEST_INVOICE],
        }
        if self.invoice_days is not None:
            by_invoice = {"collection_method": "send_invoice"}
            return {**params, **by_invoice, "days_until_due": self.invoice_days}
        params["payment_behavior"] = "default_incomplete"
        if payment_method is not None:
            params["default_payment_method"] = payment_method
        return params
