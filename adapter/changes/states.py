"""The states of a plan change's line, and the only way from one to the next.

Now: executing -> (awaiting_payment) -> applied. Later: executing -> scheduled -> activating ->
applied. Every open state may end in failed, cancelled, superseded or expired; what waited at a
page for something to charge goes back to executing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.orm import Session

from ..tables import ChangeLineRow

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
        .execution_options(synchronize_session=False)
    ).first()
    tx.refresh(line)
    return moved is not None
