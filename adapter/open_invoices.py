"""Invoices that nobody has paid: who answers for them, and paying them with a replaced card.

When a customer gets another default payment method, Stripe itself retries nothing: it does so only
for a card passed as ``source``, and then "for each of the customer's current subscriptions, if the
subscription bills automatically and is in the past_due state, the latest open invoice […] with
automatic collection enabled" (Stripe API reference: update a customer). The same rule is kept here
for payment methods. Whether something was replaced is read from what the last attempt was made
with, not from an event, so neither order nor loss of events decides it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .changes.first_invoice import is_first_invoice
from .changes.states import PAY_PERIOD, State
from .due import Work, arm
from .tables import (
    AccountRow,
    ChangeLineRow,
    IntentRow,
    InvoiceRow,
    PurchaseRow,
    SubscriptionRow,
)


def arm_retries(tx: Session, account: AccountRow, now: datetime) -> None:
    """Have every invoice paid that was last tried with another method than is now the default."""
    for invoice, _method in retryable(tx, account):
        arm(tx, Work.RETRY_PAYMENT, invoice.id, account.customer_id or account.id, now)


def retryable(tx: Session, account: AccountRow) -> Iterator[tuple[InvoiceRow, str]]:
    """Invoices to try once more, each with the method that Stripe would charge.

    Never one that a change or a purchase answers for, nor one of a pending update: those are paid
    by whoever made them, or not at all.
    """
    if account.deleted:
        return
    owing = tx.scalars(
        select(SubscriptionRow)
        .where(SubscriptionRow.account_seq == account.seq, SubscriptionRow.status == "past_due")
        .where(SubscriptionRow.collection_method == "charge_automatically")
        .where(SubscriptionRow.pending_update_expires_at.is_(None))
    ).unique()
    for sub in owing.all():
        # Stripe's own order: the subscription's method goes before the customer's (facts §3.6).
        method = sub.default_payment_method or account.default_payment_method
        invoice = tx.get(InvoiceRow, sub.latest_invoice or "")
        if method is None or invoice is None or not _may_be_tried(invoice, method):
            continue
        if not (_was_tried(tx, invoice, method) or is_answered_for(tx, account, invoice)):
            yield invoice, method


def _may_be_tried(invoice: InvoiceRow, method: str) -> bool:
    return (
        invoice.status == "open"
        and invoice.attempt_count > 0
        and invoice.tried_method not in (None, method)
    )


def retry_subject(invoice_id: str) -> str:
    """What the remembered writes of retries are kept under."""
    return f"retry:{invoice_id}"


def retry_step(method: str) -> str:
    """The step that pays an invoice with ``method``, once."""
    return f"pay_with_{method}"


def _was_tried(tx: Session, invoice: InvoiceRow, method: str) -> bool:
    tried = tx.scalars(
        select(IntentRow.key)
        .where(IntentRow.subject == retry_subject(invoice.id))
        .where(IntentRow.step == retry_step(method))
        .where(IntentRow.outcome.in_(("done", "refused")))
        .limit(1)
    )
    return tried.first() is not None


def is_answered_for(tx: Session, account: AccountRow, invoice: InvoiceRow) -> bool:
    """Whether a change or a purchase answers for this invoice: it tells its caller by itself."""
    bought = select(PurchaseRow.seq).where(PurchaseRow.invoice_id == invoice.id).limit(1)
    if tx.scalars(bought).first() is not None:
        return True
    busy = (State.EXECUTING, State.AWAITING_PAYMENT, State.ACTIVATING)
    lines = tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.account_seq == account.seq)
        .where(
            (ChangeLineRow.invoice_id == invoice.id)
            | ChangeLineRow.state.in_((*busy, State.SCHEDULED))
        )
    )
    return any(
        (line.invoice_id == invoice.id and not _is_owed(line))
        or (
            line.state in busy
            and line.subscription_id in (None, invoice.subscription_id)
            and not _pays_first(tx, line, invoice)
        )
        # The news of the period may come after the news of its invoice.
        or (line.state == State.SCHEDULED and is_first_invoice(line, invoice))
        for line in lines
    )


def _is_owed(line: ChangeLineRow) -> bool:
    """Whether the line has ended and left a bill behind: of that the change tells nobody more."""
    return line.price_id is None and line.state == State.APPLIED


def _pays_first(tx: Session, line: ChangeLineRow, invoice: InvoiceRow) -> bool:
    """Whether ``invoice`` is the period's own, which the change has to see paid before anything."""
    begun = tx.scalars(
        select(IntentRow.key)
        .where(IntentRow.subject == f"change:{line.change.id}", IntentRow.target == invoice.id)
        .where(IntentRow.step == PAY_PERIOD)
        .limit(1)
    )
    return begun.first() is not None
