"""A rule: when it applies, and what it says. First match wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

DirectionKind = Literal["start", "upgrade", "downgrade", "lateral", "same", "cancel"]
Route = Literal["self_serve", "contact_sales", "cancel_and_resubscribe", "not_offered"]
Timing = Literal["now", "period_end", "caller"]
Cycle = Literal["keep", "restart"]
Credit = Literal["time", "time_to_balance", "unused_allowance", "none"]
AllowanceEffect = Literal["reset", "keep", "carry_over"]
OnFailedPayment = Literal["keep_current", "free"]

DIRECTION_KINDS: tuple[DirectionKind, ...] = get_args(DirectionKind)
ROUTES: tuple[Route, ...] = get_args(Route)
TIMINGS: tuple[Timing, ...] = get_args(Timing)
CYCLES: tuple[Cycle, ...] = get_args(Cycle)
CREDITS: tuple[Credit, ...] = get_args(Credit)
ALLOWANCE_EFFECTS: tuple[AllowanceEffect, ...] = get_args(AllowanceEffect)
ON_FAILED_PAYMENT: tuple[OnFailedPayment, ...] = get_args(OnFailedPayment)

# Routes on which nothing is done at Stripe: the answer is a sentence, not an action.
REFUSALS: frozenset[Route] = frozenset({"contact_sales", "not_offered"})


@dataclass(frozen=True)
class Situation:
    """Everything a rule can see of a change, and nothing else.

    `from_plan` is the family's free plan for an account that holds nothing, if the family has one;
    `to_plan` is None for a cancellation. `interval_changes` is true only between two priced offers.
    """

    direction: DirectionKind
    from_plan: str | None
    to_plan: str | None
    interval_changes: bool
    chargeable: bool
    trialing: bool

    def __str__(self) -> str:
        held, wanted = self.from_plan or "nothing", self.to_plan or "nothing"
        parts = [f"{self.direction} from {held} to {wanted}"]
        if self.interval_changes:
            parts.append("another interval")
        parts.append("chargeable" if self.chargeable else "not chargeable")
        if self.trialing:
            parts.append("trialing")
        return ", ".join(parts)


@dataclass(frozen=True)
class When:
    """The conditions of a rule; empty or None means that this one does not matter."""

    directions: tuple[DirectionKind, ...] = ()
    from_plans: tuple[str, ...] = ()
    to_plans: tuple[str, ...] = ()
    interval_changes: bool | None = None
    chargeable: bool | None = None
    trialing: bool | None = None

    def matches(self, situation: Situation) -> bool:
        """Whether every condition holds. `upgrade` includes `start`: a step up from nothing."""
        return (
            self._direction_matches(situation.direction)
            and (not self.from_plans or situation.from_plan in self.from_plans)
            and (not self.to_plans or situation.to_plan in self.to_plans)
            and self.interval_changes in (None, situation.interval_changes)
            and self.chargeable in (None, situation.chargeable)
            and self.trialing in (None, situation.trialing)
        )

    def _direction_matches(self, kind: DirectionKind) -> bool:
        if not self.directions or kind in self.directions:
            return True
        return kind == "start" and "upgrade" in self.directions


@dataclass(frozen=True, kw_only=True)
class Action:
    """What a rule says is to happen; the meaning of each value is in docs/catalogue.md."""

    route: Route = "self_serve"
    reason: str | None = None
    remedy: str | None = None
    timing: Timing = "now"
    cycle: Cycle = "keep"
    credit: Credit = "none"
    allowance: AllowanceEffect = "reset"
    on_failed_payment: OnFailedPayment = "keep_current"
    grace_days: int = 0
    acknowledge: bool = False
    selections: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One entry of a family's rules."""

    id: str
    when: When
    then: Action
