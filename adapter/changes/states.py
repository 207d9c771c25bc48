"""The states of a plan change's line, and the only way from one to the next.

Now: executing -> (awaiting_payment) -> applied. Later: executing -> scheduled -> activating ->
applied. Every open state may end in failed, cancelled, superseded or expired; what waited at a
page for something to charge goes back to executing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ..tables import ChangeLineRow, ChangeRow, SubscriptionHoldRow

# The step in which a change pays the running period; if it fails, a renewal has failed.
PAY_PERIOD = "pay_period"


class State(StrEnum):
    """Where a line of a plan change stands."""

    EXECUTING = "executing"
    AWAITING_PAYMENT = "awaiting_payment"
    SCHEDULED = "scheduled"
    ACTIVATING = "activating"
    APPLIED = "applied"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


_ENDS = frozenset({State.FAILED, State.CANCELLED, State.SUPERSEDED, State.EXPIRED})
NEXT: Mapping[State, frozenset[State]] = {
    State.EXECUTING: _ENDS | {State.AWAITING_PAYMENT, State.SCHEDULED, State.APPLIED},
    # Back to executing: a page has brought what was missing to charge.
    State.AWAITING_PAYMENT: _ENDS | {State.APPLIED, State.EXECUTING},
    State.SCHEDULED: _ENDS | {State.ACTIVATING, State.APPLIED},
    State.ACTIVATING: _ENDS | {State.APPLIED},
}
OPEN = frozenset(NEXT)
BUSY = frozenset({State.EXECUTING, State.AWAITING_PAYMENT, State.ACTIVATING})
# In these a line's subscription is its change's alone.
HOLDING = frozenset({State.EXECUTING, State.AWAITING_PAYMENT})


def move(tx: Session, line: ChangeLineRow, to: State, cause: str, now: datetime) -> bool:
    """Compare-and-set ``line`` to ``to``; False if somebody else moved it first.

    ``cause`` and ``now`` (wall time) go into the line's history. An undefined transition is a
    mistake in the code, not in the data, and raises ValueError.
    """
    was = State(line.state)
    if to not in NEXT.get(was, frozenset()):
        raise ValueError(f"plan change line {line.seq} cannot go from {was} to {to}")
    step = {"from": was.value, "to": to.value, "at": now.isoformat(), "cause": cause}
    moved = tx.execute(
        update(ChangeLineRow)
        .where(ChangeLineRow.seq == line.seq, ChangeLineRow.state == was.value)
        .values(state=to.value, history=[*line.history, step])
        .returning(ChangeLineRow.seq)
        .execution_options(synchronize_session="evaluate")
    ).first()
    if moved is None:
        tx.refresh(line)
    if to not in HOLDING:
        _let_go(tx, line)
    return moved is not None


def subject_of(line: ChangeLineRow) -> str:
    """The subject of due work that is about one line of a change."""
    return f"{line.change.id}/{line.family}"


def place_of(line: ChangeLineRow) -> int:
    """The place of a line in its order, from 0."""
    return sum(other.seq < line.seq for other in line.change.lines)


def is_executing(tx: Session, change_seq: int) -> bool:
    """Whether something of a change is being carried out, or is about to be."""
    found = select(ChangeLineRow.seq).where(
        ChangeLineRow.change_seq == change_seq, ChangeLineRow.state == State.EXECUTING.value
    )
    return tx.scalars(found.limit(1)).first() is not None


def take_hold(tx: Session, change: ChangeRow) -> None:
    """Hold every subscription of ``change`` for it alone, until none of its lines is executing or
    awaits its payment. IntegrityError: another change holds one of them.
    """
    held = {line.subscription_id for line in change.lines if line.subscription_id is not None}
    for subscription in sorted(held):
        tx.add(SubscriptionHoldRow(subscription_id=subscription, change_seq=change.seq))
    tx.flush()


def _let_go(tx: Session, line: ChangeLineRow) -> None:
    at_work = select(ChangeLineRow.seq).where(
        ChangeLineRow.change_seq == line.change_seq,
        ChangeLineRow.state.in_([state.value for state in HOLDING]),
    )
    tx.execute(
        delete(SubscriptionHoldRow)
        .where(SubscriptionHoldRow.change_seq == line.change_seq, ~at_work.exists())
        .execution_options(synchronize_session=False)
    )
