"""A purchase charged to a saved method: an invoice of its own, finalized and paid at once."""

from __future__ import annotations

from typing import Any

from ..gateway.snapshots import InvoiceSnapshot
from ..gateway.write import Operation
from ..steps import StepDone, StepRefused
from ..tables import PurchaseRow
from .one_purchase import PATIENCE, PURCHASE_KEY, OnePurchase, is_under_way
from .states import State


class ByInvoice:
    """Make the invoice, pay it; void it if that is refused, wait if the customer has to act."""

    def __init__(self, one: OnePurchase, method: str) -> None:
        self._one = one
        self._method = method

    def carry_out(self) -> None:
        """Raises StepRefused: the purchase has failed, and nothing is left to be paid."""
        one = self._one
        try:
            finalized = self._make_invoice()
        except StepRefused as refused:
            # A draft that is never finalized asks nobody for money.
            one.over(State.FAILED, refused.message, refused)
            raise
        invoice, paid = finalized.object_id, None
        try:
            if not self._is_paid(finalized):
                paid = self._pay(invoice)
        except StepRefused as refused:
            if not refused.needs_action and one.give_up(invoice, State.FAILED, refused):
                raise
        one.settle(invoice, paid)

    def follow(self) -> None:
        """Look after the invoice that waits; after ``PATIENCE`` it is given up."""
        one = self._one
        assert one.row.invoice_id is not None, f"{one.row.id} waits without an invoice"
        found = one.settle(one.row.invoice_id)
        if found.status != "open" or is_under_way(found):
            return
        if one.moment().billing >= found.created_at + PATIENCE:
            one.give_up(found.id, State.EXPIRED, None)

    def _make_invoice(self) -> StepDone:
        """An invoice for nothing but this purchase, ready to be paid."""
        one = self._one
        made = one.steps.do(
            "invoice", Operation.INVOICE_CREATE, self._invoice(), look=self._made_before
        )
        invoice = made.object_id
        with one.tools.database.write() as tx:
            tx.get_one(PurchaseRow, one.row.seq).invoice_id = invoice
        one.steps.do(
            "item",
            Operation.INVOICE_ITEM_CREATE,
            self._item(invoice),
            look=lambda: self._with_item(invoice),
        )
        return one.steps.do(
            "finalize",
            Operation.INVOICE_FINALIZE,
            {"auto_advance": False},
            target=invoice,
            look=lambda: self._finalized(invoice),
        )

    def _pay(self, invoice: str) -> StepDone:
        return self._one.steps.do(
            "pay",
            Operation.INVOICE_PAY,
            {"payment_method": self._method},
            target=invoice,
            look=lambda: self._one.in_status(invoice, "paid"),
        )

    def _is_paid(self, finalized: StepDone) -> bool:
        """Whether the customer's balance covered all of it, or an earlier run has paid it."""
        found = finalized.snapshot
        if not isinstance(found, InvoiceSnapshot):
            found = self._one.tools.reader.invoice(finalized.object_id)
        return found.status == "paid"

    def _invoice(self) -> dict[str, Any]:
        return {
            "customer": self._one.customer,
            "currency": self._one.row.currency,
            "collection_method": "charge_automatically",
            # It is finalized and paid from here: it has no time of its own.
            "auto_advance": False,
            # Amounts that wait for the plan's next invoice stay there.
            "pending_invoice_items_behavior": "exclude",
            "metadata": self._one.metadata(),
        }

    def _item(self, invoice: str) -> dict[str, Any]:
        row = self._one.row
        return {
            "customer": self._one.customer,
            "invoice": invoice,
            "currency": row.currency,
            "unit_amount_decimal": str(row.amount // row.quantity),
            "quantity": row.quantity,
            "description": row.description,
            "metadata": self._one.metadata(),
        }

    def _made_before(self) -> InvoiceSnapshot | None:
        for found in self._one.tools.reader.invoices_of(self._one.customer):
            if found.metadata.get(PURCHASE_KEY) == self._one.row.id:
                return found
        return None

    def _with_item(self, invoice: str) -> InvoiceSnapshot | None:
        found = self._one.tools.reader.invoice(invoice)
        return found if found.lines else None

    def _finalized(self, invoice: str) -> InvoiceSnapshot | None:
        found = self._one.tools.reader.invoice(invoice)
        return found if found.status != "draft" else None
