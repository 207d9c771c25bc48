"""What is carried out: an explicit table. Everything else is refused when a catalogue is checked.

To carry out something new, add its row here together with the code that does it and the test that
plays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mappings.family import Family, PlanKind
from mappings.rules import (
    CREDITS,
    CYCLES,
    Action,
    AllowanceEffect,
    Credit,
    Cycle,
    OnFailedPayment,
    Route,
    Situation,
    Timing,
)

Move = Literal["start", "change", "to_free", "cancel", "nothing"]
"""What a change is at Stripe: a first line, another price on it, its end, or nothing at all."""

SPOKEN: Mapping[Move, str] = {
    "start": "a start from nothing or from the free plan",
    "change": "a change between paid plans",
    "to_free": "a move to the free plan",
    "cancel": "a cancellation",
    "nothing": "a change to what is held already",
}


def move_of(family: Family, situation: Situation) -> Move:
    free = family.free_plan
    if situation.direction == "same":
        return "nothing"
    if situation.direction in ("start", "cancel"):
        return "start" if situation.direction == "start" else "cancel"
    return "to_free" if free is not None and situation.to_plan == free.id else "change"


@dataclass(frozen=True, kw_only=True)
class Supported:
    """Any combination of these values is carried out for these moves, because of this."""

    moves: tuple[Move, ...]
    timing: tuple[Timing, ...]
    cycle: tuple[Cycle, ...]
    credit: tuple[Credit, ...]
    because: str
    routes: tuple[Route, ...] = ("self_serve",)
    allowance: tuple[AllowanceEffect, ...] = ("reset",)
    on_failed_payment: tuple[OnFailedPayment, ...] = ("keep_current",)
    grace: bool = False
    selections: bool = False

    def covers(self, move: Move, action: Action) -> bool:
        return (
            move in self.moves
            and action.route in self.routes
            and action.timing in self.timing
            and action.cycle in self.cycle
            and action.credit in self.credit
            and action.allowance in self.allowance
            and action.on_failed_payment in self.on_failed_payment
            and (self.grace or action.grace_days == 0)
            and (self.selections or not action.selections)
        )


SUPPORTED: tuple[Supported, ...] = (
    Supported(
        moves=("start",),
        timing=("now",),
        cycle=CYCLES,
        credit=CREDITS,
        because="a first subscription starts its own cycle and has nothing to give credit for, so "
        "whatever a shared upgrade rule says about either comes to the same",
    ),
    Supported(
        moves=("change",),
        timing=("now",),
        cycle=CYCLES,
        credit=("time",),
        because="Stripe prorates the time on both prices, on the old anchor or on a new one",
    ),
    Supported(
        moves=("change",),
        timing=("now",),
        cycle=("restart",),
        credit=("none",),
        because="the new price is charged whole for a whole new cycle",
    ),
    Supported(
        moves=("cancel", "to_free"),
        timing=("now",),
        cycle=CYCLES,
        credit=("time_to_balance", "none"),
        because="the subscription is cancelled; what remains of a paid period goes to the "
        "customer's balance or is given up, and no cycle is left to restart",
    ),
    Supported(
        moves=("cancel", "to_free"),
        timing=("period_end",),
        cycle=CYCLES,
        credit=("none",),
        because="the subscription ends with its paid period, of which nothing remains",
    ),
    Supported(
        moves=("cancel",),
        timing=("caller",),
        cycle=CYCLES,
        credit=("time_to_balance", "none"),
        because="both endings above are carried out, so the caller may choose between them; at "
        "the period's end the credit is nothing",
    ),
)

PLAN_KINDS_CARRIED_OUT: Mapping[PlanKind, str] = {
    "free": "the absence of a line at Stripe",
    "licensed": "one line with a fixed price",
}


def is_carried_out(move: Move, action: Action) -> bool:
    """Whether some row covers this action for this move."""
    return any(row.covers(move, action) for row in SUPPORTED)


def alternatives(move: Move) -> str:
    """What is carried out for this move, for the message that refuses something else."""
    rows = [row for row in SUPPORTED if move in row.moves]
    return "; or ".join(
        f"timing {_either(row.timing)}, cycle {_either(row.cycle)}, credit {_either(row.credit)}"
        for row in rows
    )


def _either(values: tuple[str, ...]) -> str:
    return "|".join(values)
