"""A change of what runs already, made and paid at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..gateway.snapshots import CHANGE_KEY
from .lines import LATEST_INVOICE, Credit, Entry


@dataclass(frozen=True)
class UpdateNow:
    """A change of lines of one subscription that takes effect, and is paid, at once.

    All of ``entries`` in one update, so that all come about or none. ``prorate``: unused time is
    credited (to the second, by Stripe). ``restart``: a new period begins now, as an interval change
    always must: flexible billing never moves the anchor by itself (stripe-facts §3.2).
    ``proration_date`` is unix seconds. ``trial``:
    the subscription is on a trial, which goes on, so nothing is billed now.
    """

    customer: str
    subscription: str
    entries: tuple[Entry, ...]
    prorate: bool
    restart: bool
    proration_date: int
    credit: Credit | None = None
    trial: bool = False

    def _details(self) -> dict[str, Any]:
        details: dict[str, Any] = {
            "items": [entry.params() for entry in self.entries],
            "proration_behavior": "always_invoice" if self.prorate else "none",
        }
        if self.prorate:
            details["proration_date"] = self.proration_date
        if self.restart:
            details["billing_cycle_anchor"] = {"type": "now"}
        return details

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``."""
        params: dict[str, Any] = {
            "customer": self.customer,
            "subscription": self.subscription,
            "subscription_details": self._details(),
        }
        if self.credit is not None:
            params["invoice_items"] = [self.credit.line()]
        return params

    def update(self, change_id: str) -> dict[str, Any]:
        """For ``subscriptions.update``.

        ``pending_if_incomplete``: a payment that fails or waits leaves the old plan in force. It
        allows only a closed list of parameters (stripe-facts §3.5); all of these are on it.
        """
        params = {
            **self._details(),
            "payment_behavior": "pending_if_incomplete",
            "metadata": {CHANGE_KEY: change_id},
            "expand": [LATEST_INVOICE],
        }
        if self.credit is not None:
            params["add_invoice_items"] = [self.credit.line()]
        return params
