"""What is carried out: an explicit table. Everything else is refused when a catalogue is checked.

To carry out something new, add its row here together with the code that does it and the test that
plays it. A row is a product of values; what must not be combined within one is listed after them,
with the reason that the author of a catalogue is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mappings.family import Family, PlanKind
from mappings.rules import (
    CREDITS,
    CYCLES,
    ON_FAILED_PAYMENT,
    Action,
    AllowanceEffect,
    Credit,
    Cycle,
    OnFailedPayment,
    Route,
    Situation,
    Timing,
)

Move = Literal["start", "change", "meter_change", "to_free", "cancel", "nothing"]
"""What a change is at Stripe: a first line, another price on it, its end, or nothing at all."""

SPOKEN: Mapping[Move, str] = {
    "start": "a start from nothing or from the free plan",
    "change": "a change between paid plans",
    "meter_change": "a change between a metered plan and another paid one",
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
    if free is not None and situation.to_plan == free.id:
        return "to_free"
    two = (family.plans.get(plan or "") for plan in (situation.from_plan, situation.to_plan))
    return "meter_change" if any(plan and plan.is_metered for plan in two) else "change"


@dataclass(frozen=True, kw_only=True)
class Supported:
    """Any combination of these values is carried out for these moves, because of this.

    `grace` and `selections` say whether the rule may have any.
    """

    moves: tuple[Move, ...]
    timing: tuple[Timing, ...]
    cycle: tuple[Cycle, ...]
    credit: tuple[Credit, ...]
    because: str
    route: Route = "self_serve"
    allowance: tuple[AllowanceEffect, ...] = ("reset",)
    on_failed_payment: tuple[OnFailedPayment, ...] = ("keep_current",)
    grace: bool = False
    selections: bool = True

    def covers(self, move: Move, action: Action) -> bool:
        return (
            move in self.moves
            and action.route == self.route
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
        allowance=("reset", "carry_over"),
        selections=False,
        because="a first subscription starts its own cycle and has nothing to give credit for or "
        "to carry over, so whatever a shared upgrade rule says about these comes to the same",
    ),
    Supported(
        moves=("change",),
        timing=("now",),
        cycle=CYCLES,
        credit=("time",),
        allowance=("reset", "carry_over"),
        because="Stripe prorates the time on both prices, on the old anchor or on a new one",
    ),
    Supported(
        moves=("change",),
        timing=("now",),
        cycle=("restart",),
        credit=("none",),
        allowance=("reset", "carry_over"),
        because="the new price is charged whole for a whole new cycle",
    ),
    Supported(
        moves=("change",),
        timing=("now",),
        cycle=("restart",),
        credit=("unused_allowance",),
        because="the unused units become one negative line on the invoice of the new price, which "
        "is charged whole for a whole new cycle",
    ),
    Supported(
        moves=("change",),
        timing=("now",),
        cycle=("restart",),
        credit=("time_to_balance",),
        because="who cannot be charged buys the new plan whole at a page, and what remains of the "
        "old one goes to the balance once that is paid",
    ),
    Supported(
        moves=("change",),
        timing=("period_end",),
        cycle=CYCLES,
        credit=CREDITS,
        allowance=("reset", "carry_over"),
        on_failed_payment=ON_FAILED_PAYMENT,
        grace=True,
        because="a schedule enters the new price with the next period: the cycle turns there "
        "anyway, and of the old period nothing is left to give credit for; the new plan is in "
        "force once that period is paid",
    ),
    Supported(
        route="cancel_and_resubscribe",
        moves=("change",),
        timing=("now",),
        cycle=CYCLES,
        credit=("time_to_balance", "none"),
        on_failed_payment=ON_FAILED_PAYMENT,
        because="the old subscription is cancelled, what remains of its paid period goes to the "
        "balance or is given up, and the new subscription starts a cycle of its own; should it "
        "not be paid, the old plan is gone all the same, whatever the rule says",
    ),
    Supported(
        moves=("cancel", "to_free"),
        timing=("now",),
        cycle=CYCLES,
        credit=("time_to_balance", "none"),
        because="the subscription is cancelled; what remains of a paid period goes to the "
        "customer's balance or is given up, and no cycle is left to restart; of a metered plan "
        "nothing was paid ahead, and what was used is billed",
    ),
    Supported(
        moves=("cancel", "to_free"),
        timing=("period_end",),
        cycle=CYCLES,
        credit=("none",),
        because="the subscription ends with its paid period, of which nothing remains",
    ),
)
"""Timing `caller` needs no row of its own: it is carried out where both of its halves are."""


@dataclass(frozen=True)
class Clash:
    """Two settings of a rule that each have a row and still do not go together, and why."""

    found: Callable[[Family, Move, Action], bool]
    because: str


CLASHES: tuple[Clash, ...] = (
    Clash(
        lambda _family, _move, then: (
            then.credit == "unused_allowance" and then.allowance == "carry_over"
        ),
        "credit unused_allowance turns the unused units into money, so allowance carry_over would "
        "give them twice",
    ),
    Clash(
        lambda family, move, then: (
            move == "change"
            and then.credit == "unused_allowance"
            and then.timing != "period_end"
            and family.share_subscription
        ),
        "credit unused_allowance restarts the cycle of the whole subscription, and with "
        "share_subscription = true that would bill other families' lines anew",
    ),
    Clash(
        lambda _family, move, then: (
            move == "change"
            and then.allowance == "carry_over"
            and then.cycle == "keep"
            and then.timing != "period_end"
        ),
        "allowance carry_over adds to the first allowance of a new cycle; on a kept one it would "
        "add to a whole new allowance that is paid for in part",
    ),
    Clash(
        lambda _family, _move, then: then.grace_days > 0 and then.timing == "now",
        "grace_days are days to pay a change that is activated at the period's end; a payment due "
        "now that fails leaves everything as it was",
    ),
    Clash(
        lambda _family, _move, then: then.grace_days > 0 and then.on_failed_payment == "free",
        "grace_days keep the current plan while payment is awaited, so they go with "
        "on_failed_payment keep_current",
    ),
)

PLAN_KINDS_CARRIED_OUT: Mapping[PlanKind, str] = {
    "free": "the absence of a line at Stripe",
    "licensed": "one line with a fixed price",
    "metered": "one line billed by what was reported to its meter, alone in its subscription",
}


def is_carried_out(family: Family, move: Move, action: Action) -> bool:
    """Whether some row covers this action for this move and nothing in it clashes."""
    return clash(family, move, action) is None and _has_rows(move, action)


def clash(family: Family, move: Move, action: Action) -> str | None:
    """Why two settings of this action do not go together, if two of them clash."""
    return next((c.because for c in CLASHES if c.found(family, move, action)), None)


def needs_a_page(move: Move, action: Action) -> bool:
    """Whether it is carried out at a page of Stripe's, which only those see who cannot be charged
    without one.
    """
    credited = action.credit == "time_to_balance" and action.timing != "period_end"
    return move == "change" and action.route == "self_serve" and credited


def alternatives(move: Move) -> str:
    """What is carried out for this move, for the message that refuses something else."""
    rows = [row for row in SUPPORTED if move in row.moves]
    if not rows:
        return 'nothing yet; say route = "contact_sales" or "not_offered"'
    spoken = [_spoken(row) for row in rows]
    if any("period_end" in row.timing for row in rows):
        spoken.append("timing caller where now and period_end both are")
    return "; or ".join(spoken)


def _has_rows(move: Move, action: Action) -> bool:
    if action.timing == "caller":
        return all(_has_rows(move, half) for half in _halves(action))
    return any(row.covers(move, action) for row in SUPPORTED)


def _halves(action: Action) -> tuple[Action, Action]:
    """The two things a caller may choose between, each without what only the other needs: grace is
    for a payment at the period's end, and at that end nothing is left to give credit for."""
    now = replace(action, timing="now", grace_days=0)
    return now, replace(action, timing="period_end", credit="none")


def _spoken(row: Supported) -> str:
    parts = [] if row.route == "self_serve" else [f"route {row.route}"]
    parts += [f"timing {_either(row.timing)}", f"cycle {_either(row.cycle)}"]
    parts += [f"credit {_either(row.credit)}", f"allowance {_either(row.allowance)}"]
    return ", ".join(parts)


def _either(values: tuple[str, ...]) -> str:
    return "|".join(values)
