"""The states of a purchase, and the only way from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.orm import Session

from ..tables import PurchaseRow


class State(StrEnum):
    """Where a purchase stands."""

    EXECUTING = "executing"
    AWAITING_PAYMENT = "awaiting_payment"
    GRANTED = "granted"
    FAILED = "failed"
    EXPIRED = "expired"


_ENDS = frozenset({State.GRANTED, State.FAILED, State.EXPIRED})
# Money that arrives for what was given up is not kept for nothing: it is granted all the same.
NEXT: Mapping[State, frozenset[State]] = {
    State.EXECUTING: _ENDS | {State.AWAITING_PAYMENT},
    State.AWAITING_PAYMENT: _ENDS,
    State.FAILED: frozenset({State.GRANTED}),
    State.EXPIRED: frozenset({State.GRANTED}),
}
UNFINISHED = frozenset({State.EXECUTING, State.AWAITING_PAYMENT})


def move(tx: Session, purchase: PurchaseRow, to: State, cause: str, now: datetime) -> bool:
    """Compare-and-set ``purchase`` to ``to``; False if it cannot go there (any more).

    ``cause`` and ``now`` (wall time) go into its history.
    """
    was = State(purchase.state)
    if to not in NEXT.get(was, frozenset()):
        return False
    tx.flush()
    step = {"from": was.value, "to": to.value, "at": now.isoformat(), "cause": cause}
    moved = tx.execute(
        update(PurchaseRow)
        .where(PurchaseRow.seq == purchase.seq, PurchaseRow.state == was.value)
        .values(state=to.value, history=[*purchase.history, step])
        .returning(PurchaseRow.seq)
        .execution_options(synchronize_session=False)
    ).first()
    tx.refresh(purchase)
    return moved is not None
