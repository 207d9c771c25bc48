"""The invoice on which the first period of a scheduled change is billed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, lazyload

from ..due import Work, arm
from ..tables import AccountRow, ChangeLineRow, InvoiceRow, SubscriptionRow
from .states import State, subject_of

# Asked for every paid invoice, so made once.
_GIVEN_UP = (
    select(ChangeLineRow)
    .where(ChangeLineRow.invoice_id == bindparam("invoice"))
    .where(ChangeLineRow.grace_until.is_not(None), ChangeLineRow.state == State.FAILED.value)
    .options(lazyload(ChangeLineRow.change))
)


def activation_invoice(tx: Session, line: ChangeLineRow, sub: SubscriptionRow) -> InvoiceRow | None:
    """The invoice of a scheduled line's first period, by the price and period of its lines.

    The billing reason says nothing reliable at a phase's start (stripe-facts §7).
    """
    invoices = tx.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.subscription_id == sub.id)
        .order_by(InvoiceRow.created_at.desc())
    )
    return next((invoice for invoice in invoices if is_first_invoice(line, invoice)), None)


def is_first_invoice(line: ChangeLineRow, invoice: InvoiceRow) -> bool:
    """Whether ``invoice`` bills the first period of a change that was scheduled."""
    if line.effective_at is None:
        return False
    starts = line.effective_at.isoformat()
    return any(
        entry["price"] == line.price_id and entry["period"]["start"] >= starts
        for entry in invoice.lines
    )


def late_payment(tx: Session, account: AccountRow, invoice: InvoiceRow, now: datetime) -> None:
    """Money that arrived for a change that was given up: the worker credits it to the balance."""
    for line in tx.scalars(_GIVEN_UP, {"invoice": invoice.id}):
        owner = account.customer_id or account.id
        arm(tx, Work.GIVE_UP, subject_of(line), owner, now)
