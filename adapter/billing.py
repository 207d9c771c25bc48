"""The parameters of what is billed now. Preview and execution are built from the same object.

That is what makes "charged what the quote said" hold: there is no second place where an item, a
proration or an anchor could be said differently.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .gateway.snapshots import CHANGE_KEY

LATEST_INVOICE = "latest_invoice"


@dataclass(frozen=True)
class Purchase:
    """A first purchase: a new subscription with one line."""

    customer: str
    price: str
    quantity: int

    def _items(self) -> list[dict[str, Any]]:
        return [{"price": self.price, "quantity": self.quantity}]

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
            "payment_behavior": "default_incomplete",
            "metadata": {CHANGE_KEY: change_id},
            "expand": [LATEST_INVOICE],
        }
        if payment_method is not None:
            params["default_payment_method"] = payment_method
        return params


@dataclass(frozen=True)
class UpdateNow:
    """A change of one line that takes effect, and is paid, at once.

    ``prorate``: unused time is credited (to the second, by Stripe). ``restart``: a new period
    begins now, as an interval change always must: flexible billing never moves the anchor by
    itself (stripe-facts §3.2). ``proration_date`` is unix seconds.
    """

    customer: str
    subscription: str
    item: str
    price: str
    quantity: int
    prorate: bool
    restart: bool
    proration_date: int

    def _details(self) -> dict[str, Any]:
        # The item's id, or a second item would be added; the quantity, or it would become 1.
        item = {"id": self.item, "price": self.price, "quantity": self.quantity}
        details: dict[str, Any] = {
            "items": [item],
            "proration_behavior": "always_invoice" if self.prorate else "none",
        }
        if self.prorate:
            details["proration_date"] = self.proration_date
        if self.restart:
            details["billing_cycle_anchor"] = {"type": "now"}
        return details

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``."""
        return {
            "customer": self.customer,
            "subscription": self.subscription,
            "subscription_details": self._details(),
        }

    def update(self, change_id: str) -> dict[str, Any]:
        """For ``subscriptions.update``.

        ``pending_if_incomplete``: a payment that fails or waits leaves the old plan in force. It
        allows only a closed list of parameters (stripe-facts §3.5); all of these are on it.
        """
        return {
            **self._details(),
            "payment_behavior": "pending_if_incomplete",
            "metadata": {CHANGE_KEY: change_id},
            "expand": [LATEST_INVOICE],
        }


@dataclass(frozen=True)
class Cancel:
    """The end of a subscription, now or at its period's end.

    ``credit`` turns the unused paid time into balance; it only matters now.
    """

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
        return {**params, **_comment(comment)}

    def set_end(self, change_id: str, comment: str | None) -> dict[str, Any]:
        """For ``subscriptions.update``: end at the period's end."""
        return {
            "cancel_at_period_end": True,
            "metadata": {CHANGE_KEY: change_id},
            "expand": [LATEST_INVOICE],
            **_comment(comment),
        }


Bill = Purchase | UpdateNow | Cancel
_KINDS: dict[str, type[Purchase] | type[UpdateNow] | type[Cancel]] = {
    "purchase": Purchase,
    "update_now": UpdateNow,
    "cancel": Cancel,
}


def bill_to_json(bill: Bill) -> dict[str, Any]:
    """A bill as it is stored with the change, so that resuming sends what was quoted."""
    kind = next(name for name, known in _KINDS.items() if isinstance(bill, known))
    return {"kind": kind, **asdict(bill)}


def bill_from_json(stored: dict[str, Any]) -> Bill:
    """The inverse of ``bill_to_json``."""
    members = {name: value for name, value in stored.items() if name != "kind"}
    return _KINDS[stored["kind"]](**members)


def _comment(comment: str | None) -> dict[str, Any]:
    return {"cancellation_details": {"comment": comment}} if comment else {}
