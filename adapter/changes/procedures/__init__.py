"""How each decision is carried out at Stripe: one procedure per kind of change.

A procedure reads straight down and may be run again from the top at any time: its steps remember
what was written already (``adapter.steps``). It ends by moving the line out of ``executing``.

Every procedure raises ``StepRefused`` if Stripe refuses (the line has failed then, and everything
begun is undone) and ``Unavailable`` if Stripe does not answer (the change stays executing and is
resumed).
"""

from __future__ import annotations

from ...billing import (
    ByAgreement,
    Cancel,
    EndUsage,
    Later,
    Purchase,
    RemoveNow,
    Resubscribe,
    UpdateNow,
    bill_from_json,
)
from ...tables import ChangeRow
from ..states import State
from .ending import EndLineNow, EndNow
from .ending_usage import EndUsageNow
from .one_change import OneChange, Tools
from .purchase import FirstPurchase
from .resubscribing import EndAndStart
from .scheduling import ChangeLater
from .through_checkout import ThroughCheckout
from .updating import ChangeNow

__all__ = ["OneChange", "Tools", "carry_out", "restore_method"]


def carry_out(tools: Tools, change: ChangeRow) -> None:
    """Bring ``change`` from executing to its next state; does nothing in any other state."""
    if State(change.lines[0].state) is not State.EXECUTING:
        return
    one, agreed = OneChange(tools, change), bill_from_json(change.bill)
    if change.page is not None and not ThroughCheckout(one, agreed).run():
        return
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
        case Later() as bill:
            ChangeLater(one, bill).run()
        case Resubscribe() as bill:
            EndAndStart(one, bill).run()


def restore_method(tools: Tools, change: ChangeRow) -> None:
    """Put back the payment method that ``change`` had set, if it had."""
    bill = bill_from_json(change.bill)
    if isinstance(bill, UpdateNow):
        ChangeNow(OneChange(tools, change), bill).restore_method()
