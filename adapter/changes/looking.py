"""Finding the effect of a write at Stripe, for when its idempotency key cannot tell any more."""

from __future__ import annotations

from collections.abc import Collection

from ..billing import UpdateNow
from ..gateway.read import Reader
from ..gateway.snapshots import (
    CHANGE_KEY,
    INVOICE_KEY,
    BalanceMoveSnapshot,
    InvoiceSnapshot,
    SubscriptionSnapshot,
)


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

    def without_items(
        self, subscription: str, items: Collection[str]
    ) -> SubscriptionSnapshot | None:
        """The subscription if none of the items is on it any more."""
        found = self._reader.subscription(subscription)
        return None if any(held.id in items for held in found.items) else found

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

    def given_back(self, invoice: str) -> bool:
        """Whether Stripe has put back on the balance what a void invoice had taken from it."""
        return any(
            move.type == "unapplied_from_invoice" and move.invoice == invoice
            for move in self._reader.balance_moves(self._customer)
        )

    def balance_credit(self, invoice: str) -> BalanceMoveSnapshot | None:
        """What the change has put on the balance because of an invoice, if it has."""
        ours = {CHANGE_KEY: self._change_id, INVOICE_KEY: invoice}.items()
        moves = self._reader.balance_moves(self._customer)
        return next((move for move in moves if move.metadata.items() >= ours), None)

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
