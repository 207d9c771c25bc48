"""A time line as numbers: where each phase begins, how wide it is, where now is.

The template draws them as SVG. Everything is in units of a drawing that is `WIDE` across.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..billing.ending import TERMINAL
from ..kernel.errors import Json
from ..kernel.world import World
from .words import day, items_name

WIDE = 1_000.0
DAY = 86_400
TAIL = 0.15  # what goes on without end is drawn by so much longer than all before it
CLOSEST = 95.0  # dates nearer than this would be written over each other
Look = Literal["past", "now", "next", "endless"]


@dataclass(frozen=True)
class Bar:
    """A stretch of time. `dates` says in words what its edges show."""

    x: float
    width: float
    label: str
    dates: str
    look: Look


@dataclass(frozen=True)
class Dot:
    """An invoice, at the moment it was made."""

    x: float
    invoice: Json


@dataclass(frozen=True)
class Timeline:
    """What there is to draw; `ending` says what comes after the last bar."""

    bars: list[Bar]
    dots: list[Dot]
    ticks: list[tuple[float, str]]
    now: float | None
    ending: str

    @property
    def told(self) -> str:
        """All of it in words, for those who do not see it."""
        stretches = [f"{bar.label}, {bar.dates}" for bar in self.bars]
        return "; ".join([*stretches, self.ending])


@dataclass(frozen=True)
class _Stretch:
    start: int
    end: int | None
    label: str


def of_schedule(world: World, schedule: Json) -> Timeline:
    """The phases of a schedule, and what follows them."""
    return _draw(_phases(world, schedule), world.now(schedule), [], _then(schedule))


def of_subscription(world: World, subscription: Json) -> Timeline:
    """Its schedule's phases if it has one, else its trial and its life; and its invoices."""
    schedule = world.store.peek("subscription_schedule", subscription["schedule"] or "")
    stretches = _phases(world, schedule) if schedule else _life(world, subscription)
    ending = _then(schedule) if schedule else _end(subscription)
    invoices = world.store.where("invoice", "_subscription", subscription["id"])
    return _draw(stretches, world.now(subscription), invoices, ending)


def _phases(world: World, schedule: Json) -> list[_Stretch]:
    found = [
        _Stretch(phase["start_date"], phase["end_date"], items_name(world.store, phase["items"]))
        for phase in schedule["phases"]
    ]
    # a schedule that is over says so where its phases end
    if found and schedule["status"] in ("active", "not_started"):
        ends = schedule["end_behavior"] == "cancel"
        return found if ends else [*found, _Stretch(int(found[-1].end or 0), None, "goes on")]
    return found


def _then(schedule: Json) -> str:
    status = schedule["status"]
    if status in ("released", "canceled", "completed"):
        return f"the schedule is {status}"
    behaviour = schedule["end_behavior"]
    return {"cancel": "then it ends", "release": "then it goes on by itself"}.get(
        behaviour, f"then: {behaviour}"
    )


def _life(world: World, subscription: Json) -> list[_Stretch]:
    label = items_name(world.store, subscription["items"])
    start, trial = subscription["start_date"], subscription.get("trial_end")
    end = subscription["ended_at"] or subscription["cancel_at"]
    found = []
    if trial and trial > start:
        found.append(_Stretch(start, min(trial, end or trial), "trial"))
        start = found[0].end or start
    if end is None or end > start:
        found.append(_Stretch(start, end, label))
    return found


def _end(subscription: Json) -> str:
    if subscription["status"] in TERMINAL:
        return f"ended {day(subscription['ended_at'])}".strip()
    if subscription["cancel_at"]:
        return f"will end {day(subscription['cancel_at'])}"
    return "goes on until somebody ends it"


def _draw(stretches: Sequence[_Stretch], now: int, invoices: list[Json], ending: str) -> Timeline:
    if not stretches:
        return Timeline([], [], [], None, ending)
    first = stretches[0].start
    known = [one.end or one.start for one in stretches] + [now]
    last = max(known)
    last += int(max(last - first, DAY) * TAIL) if stretches[-1].end is None else 0
    scale = WIDE / max(last - first, 1)

    def place(moment: int) -> float:
        return round((moment - first) * scale, 1)

    bars = [
        Bar(
            place(one.start),
            round(place(one.end or last) - place(one.start), 1),
            one.label,
            f"from {day(one.start)} to {day(one.end)}" if one.end else f"from {day(one.start)} on",
            _look(one, now),
        )
        for one in stretches
    ]
    edges = sorted({moment for one in stretches for moment in (one.start, one.end) if moment})
    shown = [one for one in invoices if first <= one["created"] <= last]
    return Timeline(
        bars,
        [Dot(place(one["created"]), one) for one in shown],
        _apart([(place(edge), day(edge)) for edge in edges]),
        place(now) if first <= now <= last else None,
        ending,
    )


def _look(stretch: _Stretch, now: int) -> Look:
    if stretch.end is not None and stretch.end <= now:
        return "past"
    if stretch.start > now:
        return "next" if stretch.end is not None else "endless"
    return "now"


def _apart(ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those of the dates that can be written side by side."""
    kept: list[tuple[float, str]] = []
    for tick in ticks:
        if not kept or tick[0] - kept[-1][0] >= CLOSEST:
            kept.append(tick)
    return kept
