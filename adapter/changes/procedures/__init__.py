"""How each decision is carried out at Stripe: one procedure per kind of change.

A procedure reads straight down and may be run again from the top at any time: its steps remember
what was written already (``adapter.steps``). It ends by moving the line out of ``executing``.

Every procedure raises ``StepRefused`` if Stripe refuses (the line has failed then, and everything
begun is undone) and ``Unavailable`` if Stripe does not answer (the change stays executing and is
resumed).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from sqlalchemy import select

from ...billing import (
    Bill,
    ByAgreement,
    Cancel,
    EndUsage,
    Later,
    Purchase,
    RemoveNow,
    Replace,
    Resubscribe,
    UpdateNow,
    bill_from_json,
)
from ...errors import Conflict
from ...steps import StepRefused
from ...tables import ChangeLineRow, ChangeRow
from ...tools import Tools
from ..states import State
from .ending import EndLineNow, EndNow
from .ending_usage import EndUsageNow
from .one_change import OneChange
from .purchase import FirstPurchase
from .replacing import ReplaceLines
from .resubscribing import EndAndStart
from .scheduling import ChangeLater
from .through_checkout import ThroughCheckout
from .updating import ChangeNow

__all__ = ["OneChange", "carry_out", "restore_method"]


def carry_out(tools: Tools, change: ChangeRow) -> None:
    """Bring what of ``change`` is executing to its next state; nothing else is touched.

    First what is due now, all of it or nothing; what waits for its period's end is scheduled once
    that is paid.
    """
    one = OneChange(tools, change)
    if _is_executing(one.now):
        agreed = bill_from_json(change.bill)
        if change.page is not None and not ThroughCheckout(one, agreed).run():
            return
        _carry_out_now(one, agreed)
        if not one.later:
            return
        one = OneChange(tools, _reloaded(tools, change))
    if _is_executing(one.later) and all(State(line.state) is State.APPLIED for line in one.now):
        # What is paid stays; the lines that could not be scheduled say so.
        spared = (StepRefused, Conflict) if one.now else ()
        with contextlib.suppress(*spared):
            ChangeLater(one).run()


def _carry_out_now(one: OneChange, agreed: Bill) -> None:
    match agreed:
        case Purchase() as bill:
            FirstPurchase(one, bill).run()
        case UpdateNow() as bill:
            ChangeNow(one, bill).run()
        case RemoveNow() as bill:
            EndLineNow(one, bill).run()
        case Cancel() as bill:
            EndNow(one, bill).run()
        case EndUsage() as bill:
            EndUsageNow(one, bill).run()
        case ByAgreement():
            one.is_applied("it was agreed with sales")
        case Resubscribe() as bill:
            EndAndStart(one, bill).run()
        case Replace() as bill:
            ReplaceLines(one, bill).run()
        case Later():
            raise AssertionError(f"nothing of {one.change.id} is due now")


def _is_executing(lines: Sequence[ChangeLineRow]) -> bool:
    return any(State(line.state) is State.EXECUTING for line in lines)


def _reloaded(tools: Tools, change: ChangeRow) -> ChangeRow:
    with tools.database.read() as tx:
        return tx.scalars(select(ChangeRow).where(ChangeRow.seq == change.seq)).one()


def restore_method(tools: Tools, change: ChangeRow) -> None:
    """Put back the payment method that ``change`` had set, if it had."""
    bill = bill_from_json(change.bill)
    if isinstance(bill, UpdateNow):
        ChangeNow(OneChange(tools, change), bill).restore_method()
