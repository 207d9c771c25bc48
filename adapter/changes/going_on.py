"""What waited is carried on with: the worker does it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from ..clock import Moment
from ..due import Work, arm
from ..tables import AccountRow, ChangeLineRow
from .states import State, move


def go_on(
    tx: Session, account: AccountRow, lines: Sequence[ChangeLineRow], cause: str, at: Moment
) -> None:
    """What ``lines`` of one change waited for has come: the worker carries on with them."""
    for line in lines:
        move(tx, line, State.EXECUTING, cause, at.wall)
        line.payment_url = None
    if lines:
        owner = account.customer_id or account.id
        arm(tx, Work.CARRY_OUT, lines[0].change.id, owner, at.wall)
