"""The end, now: of lines, of a subscription, of what is billed by usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..gateway.snapshots import CHANGE_KEY
from .lines import LATEST_INVOICE


@dataclass(frozen=True)
class RemoveNow:
    """The end of ``items`` while other lines of their subscription go on.

    ``credit`` turns their unused paid time into balance.
    """

    customer: str
    subscription: str
    items: tuple[str, ...]
    credit: bool

    def _details(self) -> dict[str, Any]:
        return {
            "items": [{"id": item, "deleted": True} for item in self.items],
            "proration_behavior": "always_invoice" if self.credit else "none",
        }

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``."""
        return {
            "customer": self.customer,
            "subscription": self.subscription,
            "subscription_details": self._details(),
        }

    def update(self, change_id: str) -> dict[str, Any]:
        """For ``subscriptions.update``; nothing is due, so no payment can fail."""
        return {
            **self._details(),
            "metadata": {CHANGE_KEY: change_id},
            "expand": [LATEST_INVOICE],
        }


@dataclass(frozen=True)
class Cancel:
    """The end of a subscription, now. ``credit`` turns the unused paid time into balance."""

    customer: str
    subscription: str
    credit: bool

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``."""
        return {
            "customer": self.customer,
            "subscription": self.subscription,
            "subscription_details": {
                "cancel_now": True,
                "proration_behavior": "always_invoice" if self.credit else "none",
            },
        }

    def cancel(self, comment: str | None) -> dict[str, Any]:
        """For ``subscriptions.cancel``; both switches default to off at Stripe."""
        params: dict[str, Any] = {
            "prorate": self.credit,
            "invoice_now": self.credit,
            "expand": [LATEST_INVOICE],
        }
        return {**params, "cancellation_details": {"comment": comment}} if comment else params


@dataclass(frozen=True)
class EndUsage:
    """The end, now, of a subscription that is billed by usage: what was used is billed with it.

    ``meter`` is the id of the meter that has counted it.
    """

    customer: str
    subscription: str
    meter: str

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``."""
        return Cancel(self.customer, self.subscription, credit=False).preview()

    def cancel(self, comment: str | None) -> dict[str, Any]:
        """For ``subscriptions.cancel``. There is no fixed fee to give back."""
        params = Cancel(self.customer, self.subscription, credit=False).cancel(comment)
        return {**params, "invoice_now": True}
