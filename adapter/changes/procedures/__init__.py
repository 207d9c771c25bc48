"""How each decision is carried out at Stripe: one procedure per kind of change.

A procedure reads straight down and may be run again from the top at any time: its steps remember
what was written already (``adapter.steps``). It ends by moving the line out of ``executing``.

Every procedure raises ``StepRefused`` if Stripe refuses (the line has failed then, and everything
begun is undone) and ``Unavailable`` if Stripe does not answer (the change stays executing and is
resumed).
"""

from __future__ import annotations

from ...billing import Cancel, Purchase, UpdateNow, bill_from_json
from ...tables import ChangeRow
from ..states import State
from .ending import EndLater, EndNow
from .one_change import OneChange, Tools
from .purchase import FirstPurchase
from .updating import ChangeNow

__all__ = ["OneChange", "Tools", "carry_out"]


def carry_out(tools: Tools, change: ChangeRow) -> None:
    """Bring ``change`` from executing to its next state; does nothing in any other state."""
    line = change.lines[0]
    if State(line.state) is not State.EXECUTING:
        return
    bill = bill_from_json(change.bill)
    one = OneChange(tools, change)
    if isinstance(bill, Purchase):
        FirstPurchase(one, bill).run()
    elif isinstance(bill, UpdateNow):
        ChangeNow(one, bill).run()
    elif change.timing == "now":
        EndNow(one, bill).run()
    else:
        assert isinstance(bill, Cancel)
        EndLater(one, bill).run()
