"""What becomes of a row whose object Stripe does not have any more.

It is marked as gone and brought to the end its kind has, so that nothing here waits for it any
longer; what follows (notices, changes that waited) follows from that movement, as from any other.
The ticket rule holds: an absence that was seen before a younger read says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from .effects import Effects, InvoiceState
from .endings import SubscriptionState
from .gateway.gone import Kind
from .holdings import ENDED
from .locks import lock, locked_account
from .tables import AccountRow, InvoiceRow, ScheduleRow, SubscriptionRow

log = structlog.get_logger(__name__)

_Row = SubscriptionRow | InvoiceRow | ScheduleRow


@dataclass(frozen=True)
class Absent:
    """An object that Stripe does not have (any more), with the ticket taken before asking."""

    kind: Kind
    id: str
    ticket: int


def bury(tx: Session, effects: Effects, absent: Absent, told_at: datetime) -> bool:
    """Mark the row of an object that is gone; False if there is none, or a younger read has it.

    ``told_at`` is when that was told of, on the customer's clock; it stands in for the date that
    Stripe cannot tell any more.
    """
    if absent.kind == "customer":
        return _customer(tx, effects, absent)
    row = _row(tx, absent)
    if row is None:
        return False
    lock(tx, row.account_seq)
    account = tx.get_one(AccountRow, row.account_seq)
    tx.refresh(row)
    if row.ticket >= absent.ticket:
        return False
    row.ticket, row.gone = absent.ticket, True
    log.warning("gone_at_stripe", kind=absent.kind, id=absent.id)
    _END[absent.kind](tx, effects, account, row, told_at)
    return True


def _row(tx: Session, absent: Absent) -> _Row | None:
    """Refunds and disputes are facts: that Stripe has lost one does not undo it."""
    match absent.kind:
        case "subscription":
            return tx.get(SubscriptionRow, absent.id)
        case "invoice":
            return tx.get(InvoiceRow, absent.id)
        case "schedule":
            return tx.get(ScheduleRow, absent.id)
    return None


def _customer(tx: Session, effects: Effects, absent: Absent) -> bool:
    account = locked_account(tx, absent.id)
    if account is None or account.ticket >= absent.ticket:
        return False
    account.ticket, account.deleted = absent.ticket, True
    tx.flush()
    effects.customer_moved(tx, account)
    return True


def _subscription(
    tx: Session, effects: Effects, account: AccountRow, row: SubscriptionRow, told_at: datetime
) -> None:
    before = SubscriptionState.of(row)
    if row.status not in ENDED:
        row.status, row.ended_at = "canceled", told_at
    row.schedule_id = row.pending_update_expires_at = None
    tx.flush()
    effects.subscription_moved(tx, account, before, row, told_at)


def _invoice(
    tx: Session, effects: Effects, account: AccountRow, row: InvoiceRow, _told_at: datetime
) -> None:
    """Only drafts can be deleted: what it would have asked for is not asked for any more."""
    before = InvoiceState.of(row)
    if row.status not in ("paid", "uncollectible"):
        row.status, row.next_payment_attempt = "void", None
    tx.flush()
    effects.invoice_moved(tx, account, before, row)


def _schedule(
    tx: Session, _effects: Effects, _account: AccountRow, row: ScheduleRow, _told_at: datetime
) -> None:
    """Its subscription is fetched with it, and decides what was scheduled."""
    row.status, row.phase_start = "canceled", None
    sub = tx.get(SubscriptionRow, row.subscription_id or "")
    if sub is not None and sub.schedule_id == row.id and sub.ticket < row.ticket:
        sub.schedule_id, sub.ticket = None, row.ticket
    tx.flush()


_END: Mapping[Kind, Callable[..., None]] = {
    "subscription": _subscription,
    "invoice": _invoice,
    "schedule": _schedule,
}
