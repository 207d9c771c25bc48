"""Finding the effect of a write at Stripe, for when its idempotency key cannot tell any more."""

from __future__ import annotations

from ..billing import UpdateNow
from ..gateway.read import Reader
from ..gateway.snapshots import InvoiceSnapshot, SubscriptionSnapshot


class Looking:
    """Looks at Stripe for what one plan change has done. None means: not there."""

    def __init__(self, reader: Reader, customer: str, change_id: str) -> None:
        self._reader = reader
        self._customer = customer
        self._change_id = change_id

    def created_subscription(self) -> SubscriptionSnapshot | None:
        """The subscription made for this change, known by the change's id in its metadata."""
        for found in self._reader.subscriptions_of(self._customer):
            if found.change_id == self._change_id:
                return found
        return None

    def updated(self, bill: UpdateNow) -> SubscriptionSnapshot | None:
        """The subscription if it carries this change, or holds it as its pending update."""
        found = self._reader.subscription(bill.subscription)
        if found.pending_update_expires_at is not None:
            return found
        return found if found.change_id == self._change_id else None

    def without_item(self, subscription: str, item: str) -> SubscriptionSnapshot | None:
        """The subscription if the item is no longer on it."""
        found = self._reader.subscription(subscription)
        return None if any(held.id == item for held in found.items) else found

    def ended(self, subscription: str) -> SubscriptionSnapshot | None:
        """The subscription if it has ended."""
        found = self._reader.subscription(subscription)
        return found if found.ended_at is not None else None

    def on_method(self, subscription: str, method: str) -> SubscriptionSnapshot | None:
        """The subscription if it is charged to ``method`` ("" for the customer's default)."""
        found = self._reader.subscription(subscription)
        return found if (found.default_payment_method or "") == method else None

    def paid(self, invoice: str) -> InvoiceSnapshot | None:
        """The invoice if it is paid."""
        return self._invoice(invoice, "paid")

    def credited(self, invoice: str) -> InvoiceSnapshot | None:
        """The invoice if a credit note has lowered what remains of it."""
        found = self._reader.invoice(invoice)
        return found if found.amount_remaining < found.amount_due else None

    def voided(self, invoice: str) -> InvoiceSnapshot | None:
        """The invoice if it is void."""
        return self._invoice(invoice, "void")

    def finalized(self, invoice: str) -> InvoiceSnapshot | None:
        """The invoice if it is no longer a draft."""
        found = self._reader.invoice(invoice)
        return found if found.status != "draft" else None

    def _invoice(self, invoice: str, status: str) -> InvoiceSnapshot | None:
        found = self._reader.invoice(invoice)
        return found if found.status == status else None
