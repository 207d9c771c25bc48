"""How a subscription, or one line of it, came to its end: whether that is to be told, and as what.

Read from the mirror and the plan changes; ``adapter.effects`` puts it into notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .changes.states import State
from .sales.agreements import agreed_offer
from .tables import AccountRow, ChangeLineRow, InvoiceRow, LineRow, SubscriptionRow

FIRST_INVOICE = "subscription_create"


@dataclass(frozen=True)
class SubscriptionState:
    """What effects compare: a subscription's row as it was before a store."""

    status: str
    cancel_at: datetime | None
    canceled_at: datetime | None
    items: frozenset[tuple[str, str, int]]

    @classmethod
    def of(cls, row: SubscriptionRow) -> SubscriptionState:
        return cls(row.status, row.cancel_at, row.canceled_at, items_of(row))


def items_of(row: SubscriptionRow) -> frozenset[tuple[str, str, int]]:
    """What a subscription holds: id, price and quantity of each item."""
    lines = (line for line in row.lines if not line.removed)
    return frozenset((line.id, line.price_id, line.quantity) for line in lines)


def told_by_changes(
    tx: Session, before: SubscriptionState | None, row: SubscriptionRow
) -> frozenset[str]:
    """Items of a shared subscription whose end a change of ours tells of, line by line: one that
    is open, or one taken back whose end was the one that is gone now.

    An item that is alone is told of here: its end is that of the subscription.
    """
    items = {line.id for line in row.lines if not line.removed}
    if len(items) < 2:
        return frozenset()
    was = before.cancel_at if before else None
    state, ends_at = ChangeLineRow.state, ChangeLineRow.effective_at
    ends = tx.scalars(
        select(ChangeLineRow.item_id)
        .where(ChangeLineRow.subscription_id == row.id, ChangeLineRow.price_id.is_(None))
        .where(
            state.in_((State.EXECUTING.value, State.SCHEDULED.value))
            | ((state == State.CANCELLED.value) & (ends_at == was))
        )
    )
    return frozenset(items & {item for item in ends if item is not None})


def being_replaced(tx: Session, row: SubscriptionRow) -> bool:
    """Whether a change of ours, paid at a page, is moving the lines of a subscription to another:
    its end is no goodbye.
    """
    moving = select(ChangeLineRow.seq).where(
        ChangeLineRow.moved_from == row.id, ChangeLineRow.state == State.EXECUTING.value
    )
    return tx.scalars(moving.limit(1)).first() is not None


def entered_unpaid(tx: Session, row: SubscriptionRow) -> dict[str, ChangeLineRow]:
    """Items on a plan that Stripe has entered and nobody has paid for, with the change that waits
    for the payment or was given up.
    """
    prices = {line.id: line.price_id for line in row.lines}
    found = tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.subscription_id == row.id, ChangeLineRow.price_id.is_not(None))
        .order_by(ChangeLineRow.seq)
    )
    newest = {change.item_id: change for change in found if change.item_id is not None}
    return {
        item: change
        for item, change in newest.items()
        if change.price_id == prices.get(item) and _was_entered_in_vain(change)
    }


def _was_entered_in_vain(change: ChangeLineRow) -> bool:
    entered = any(step["to"] == State.ACTIVATING for step in change.history)
    return entered and change.state in (State.ACTIVATING, State.FAILED)


def why_unpaid(unpaid: ChangeLineRow | None) -> str | None:
    """Stripe is asked to cancel what is given up, and so does not say why."""
    return "payment_failed" if unpaid and unpaid.failure else None


def told_or_replaced(tx: Session, account: AccountRow, line: LineRow) -> bool:
    """Whether a change of ours took the line off, or is taking it off."""
    state, ends = ChangeLineRow.state, ChangeLineRow.price_id.is_(None)
    ours = tx.scalars(
        select(ChangeLineRow.seq)
        .where(ChangeLineRow.account_seq == account.seq, ChangeLineRow.family == line.family)
        .where(
            state.in_((State.EXECUTING.value, State.AWAITING_PAYMENT.value))
            | (ends & (state == State.SCHEDULED.value))
            | (ends & (state == State.APPLIED.value) & (ChangeLineRow.item_id == line.id))
        )
        .limit(1)
    )
    return ours.first() is not None


def gave_way(tx: Session, row: SubscriptionRow) -> bool:
    """Whether a change of ours has ended the subscription for a plan that is held by agreement."""
    ends = tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.subscription_id == row.id, ChangeLineRow.price_id.is_(None))
        .where(ChangeLineRow.state.in_((State.EXECUTING.value, State.APPLIED.value)))
    )
    return any(agreed_offer(line) is not None for line in ends)


def never_started(tx: Session, before: SubscriptionState | None, row: SubscriptionRow) -> bool:
    """Whether the subscription ended without ever having been paid for or on trial.

    If it was last seen incomplete, or only its end is seen, its invoices tell. What was never paid
    for has its first invoice and no other (stripe-facts §3.5), so whatever has become of a later
    one, it had started by then. Without any invoice nothing had to be paid for it to start.
    """
    if row.status == "incomplete_expired":
        return True
    if before is not None and before.status != "incomplete":
        return False
    if row.trial_end is not None or row.collection_method != "charge_automatically":
        return False
    known = tx.scalars(select(InvoiceRow).where(InvoiceRow.subscription_id == row.id))
    return row.latest_invoice is not None and all(
        invoice.billing_reason == FIRST_INVOICE and invoice.status != "paid" for invoice in known
    )
