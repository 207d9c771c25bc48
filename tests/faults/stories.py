"""Telling a scenario: once as it should go, then with a death or a fault of Stripe's in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox import LoggedCall
from sandbox.kernel.faults import FaultKind, Faults
from sandbox.kernel.idempotency import Keys
from tests.faults.ends import differences, end_of, loose_ends
from tests.faults.scenario import Act, Asks, Happens, Scenario
from tests.support.killing import A_DAY, A_WHILE, Fate, Frozen, Killed, Life

OURS = "sk_test_planshift"


@dataclass(frozen=True)
class Course:
    """How a scenario goes when nothing goes wrong.

    ``points`` are those at which the service may die, ``calls`` the requests that Stripe was
    asked by it (with their place among all requests); ``milestones`` how things stand before the
    first act and after each.
    """

    points: tuple[str, ...]
    calls: tuple[tuple[int, LoggedCall], ...]
    milestones: tuple[dict[str, Any], ...]


def prepared(base: Frozen, scenario: Scenario, folder: Path) -> Frozen:
    """The world right before the first act."""
    with base.life() as life:
        for step in scenario.prepare:
            step(life.w)
        life.rests()
        return Frozen.of(life, folder)


def told(scenario: Scenario, world: Frozen) -> Course:
    """Tell it as it should go."""
    fate = Fate()
    with world.life(fate) as life:
        since = len(life.w.calls())
        milestones = [end_of(life.w)]
        for act in scenario.acts:
            if isinstance(act, Asks):
                answer = act.request(life.w)
                assert answer.status_code < 500, answer.json
            else:
                act.event(life.w)
            life.recovers()
            loose = loose_ends(life.w)
            assert not loose, loose
            milestones.append(end_of(life.w))
        scenario.ends(life.w)
        calls = enumerate(life.w.calls(since))
        ours = tuple((n, c) for n, c in calls if OURS in c.headers.get("authorization", "").lower())
        return Course(tuple(fate.passed), ours, tuple(milestones))


@dataclass(frozen=True)
class Deaths:
    """The service dies at each of these points (those of starting again are counted too).

    ``away`` is how long it stays down.
    """

    at: tuple[int, ...]
    away: timedelta = A_WHILE

    def tell(self, scenario: Scenario, world: Frozen, course: Course) -> None:
        with world.life(Fate(*self.at)) as life:
            _tell(scenario, life, course, self.away, self.named(course))
            assert len(life.fate.passed) > self.at[0], "it never came to that point"

    def named(self, course: Course) -> str:
        return f"dead {course.points[self.at[0]]} ({self.at}), away for {self.away}"


@dataclass(frozen=True)
class Fault:
    """Stripe fails one request, by its place among all of them.

    ``times`` is how often that same request fails when it is made again.
    """

    place: int
    kind: FaultKind
    times: int

    def tell(self, scenario: Scenario, world: Frozen, course: Course) -> None:
        with world.life() as life:
            life.w.box.faults = struck = FaultAt(self.place, self.kind, self.times)
            _tell(scenario, life, course, A_WHILE, self.named(course))
            assert struck.met, "it never came to that request"

    def named(self, course: Course) -> str:
        call = dict(course.calls)[self.place]
        return f"{self.kind} {self.times} times at {call.method} {call.path} ({self.place})"


class FaultAt(Faults):
    """One request fails, by its place among all; made again, it fails again."""

    def __init__(self, place: int, kind: FaultKind, times: int) -> None:
        super().__init__()
        self.met = 0
        self._place = place
        self._kind = kind
        self._times = times
        self._asked = 0
        self._victim: tuple[str, str] | None = None

    def take(self, method: str, path: str) -> FaultKind | None:
        if self._asked == self._place:
            self._victim = (method, path)
        self._asked += 1
        if (method, path) != self._victim or self.met >= self._times:
            return None
        self.met += 1
        return self._kind


def _tell(scenario: Scenario, life: Life, course: Course, away: timedelta, why: str) -> None:
    for act, before, after in zip(
        scenario.acts, course.milestones, course.milestones[1:], strict=False
    ):
        answered = _begin(life, act)
        for _ in range(6):
            _recover(life, away)
            end = end_of(life.w)
            if end == after or answered or end != before:
                break
            # Nothing was recorded, and the caller never got an answer.
            answered = _begin(life, act)
        wrong = differences(after, end) + loose_ends(life.w)
        assert not wrong, "\n".join([f"{scenario.name}, {why}:", *wrong])


def _begin(life: Life, act: Act) -> bool:
    """Do it; says whether whoever did it need not do it again."""
    try:
        if isinstance(act, Happens):
            act.event(life.w)
            return True
        return bool(act.request(life.w).status_code < 500)
    except Killed:
        return isinstance(act, Happens)


def _recover(life: Life, away: timedelta) -> None:
    if away >= A_DAY:
        # Stripe has forgotten the keys by then.
        life.w.box._keys = Keys()
    life.recovers(away)
