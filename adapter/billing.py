"""The parameters of what is billed now. Preview and execution are built from the same object.

That is what makes "charged what the quote said" hold: there is no second place where an item, a
proration or an anchor could be said differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .gateway.snapshots import CHANGE_KEY

LATEST_INVOICE = "latest_invoice"


@dataclass(frozen=True)
class Purchase:
    """A first purchase: a new subscription with one line.

    ``metered``: it is billed by usage, so it has no quantity and nothing is due at its start.
    ``invoice_days``: it is billed by sent invoices, due in so many days, and not by card.
    """

    customer: str
    price: str
    quantity: int
    metered: bool = False
    invoice_days: int | None = None

    def _items(self) -> list[dict[str, Any]]:
        if self.metered:
            return [{"price": self.price}]
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


@dataclass(frozen=True)
class Credit:
    """One negative line that pays back allowance that was not used: ``amount`` in minor units.

    ``product`` is what the line is about; a coupon does not lower a credit.
    """

    amount: int
    currency: str
    product: str

    def line(self) -> dict[str, Any]:
        """The same in a preview's ``invoice_items`` and in an update's ``add_invoice_items``."""
        return {
            "discountable": False,
            "price_data": {
                "currency": self.currency,
                "product": self.product,
                "unit_amount": -self.amount,
            },
        }


@dataclass(frozen=True)
class UpdateNow:
    """A change of one line that takes effect, and is paid, at once.

    ``item`` None adds a line. ``prorate``: unused time is credited (to the second, by Stripe).
    ``restart``: a new period begins now, as an interval change always must: flexible billing never
    moves the anchor by itself (stripe-facts §3.2). ``proration_date`` is unix seconds. ``trial``:
    the subscription is on a trial, which goes on, so nothing is billed now.
    """

    customer: str
    subscription: str
    item: str | None
    price: str
    quantity: int
    prorate: bool
    restart: bool
    proration_date: int
    credit: Credit | None = None
    trial: bool = False

    def _details(self) -> dict[str, Any]:
        # The item's id, or a second item would be added; the quantity, or it would become 1.
        item: dict[str, Any] = {"price": self.price, "quantity": self.quantity}
        if self.item is not None:
            item["id"] = self.item
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


@dataclass(frozen=True)
class RemoveNow:
    """The end of one line while others of its subscription go on.

    ``credit`` turns its unused paid time into balance.
    """

    customer: str
    subscription: str
    item: str
    credit: bool

    def _details(self) -> dict[str, Any]:
        return {
            "items": [{"id": self.item, "deleted": True}],
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


@dataclass(frozen=True)
class Later:
    """A change or an end at the period's end: a matter of the subscription's schedule.

    Nothing is billed now, so nothing has to agree with a preview.
    """

    customer: str
    subscription: str


@dataclass(frozen=True)
class Resubscribe:
    """The end of one subscription now, and a new one in its place, in one request.

    ``due``: what the quote said is charged once the credit of the end is used, in minor units;
    None until it was quoted.
    """

    customer: str
    subscription: str
    credit: bool
    price: str
    quantity: int
    due: int | None = None

    @property
    def ending(self) -> Cancel:
        return Cancel(self.customer, self.subscription, self.credit)

    @property
    def beginning(self) -> Purchase:
        return Purchase(self.customer, self.price, self.quantity)

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``: of the new subscription."""
        return self.beginning.preview()


@dataclass(frozen=True)
class ByAgreement:
    """A plan without a price begins or ends: nothing of it is at Stripe."""

    customer: str


# What Stripe can be asked to preview.
Billed = Purchase | UpdateNow | RemoveNow | Cancel | EndUsage | Resubscribe
Bill = Billed | Later | ByAgreement
_KINDS: Mapping[str, type[Bill]] = {
    "purchase": Purchase,
    "update_now": UpdateNow,
    "remove_now": RemoveNow,
    "cancel": Cancel,
    "end_usage": EndUsage,
    "later": Later,
    "by_agreement": ByAgreement,
    "resubscribe": Resubscribe,
}


def bill_to_json(bill: Bill) -> dict[str, Any]:
    """A bill as it is stored with the change, so that resuming sends what was quoted."""
    kind = next(name for name, known in _KINDS.items() if isinstance(bill, known))
    return {"kind": kind, **asdict(bill)}


def bill_from_json(stored: dict[str, Any]) -> Bill:
    """The inverse of ``bill_to_json``."""
    members = {name: value for name, value in stored.items() if name != "kind"}
    if isinstance(members.get("credit"), dict):
        members["credit"] = Credit(**members["credit"])
    return _KINDS[stored["kind"]](**members)
