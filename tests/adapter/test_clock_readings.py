"""Test clocks are asked for seldom: Stripe counts every question."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from adapter.clock import FrozenClock
from adapter.clock_readings import AT_ONCE, SELDOM, ClockReadings
from adapter.gateway.failures import Unanswered
from tests.support.world import START

JUNE = START + timedelta(days=100)


class Stripe:
    """Test clocks that stand where they were put, and count how often they are looked at."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away: set[str] = set()
        self.at = JUNE

    def billing_now(self, name: str) -> Any:
        self.asked.append(name)
        if name in self.away:
            raise Unanswered(code=None, message="no answer", request_id=None, param=None)
        return self.at

    def many(self) -> int:
        count, self.asked = len(self.asked), []
        return count


def readings(every: timedelta = SELDOM) -> tuple[Stripe, FrozenClock, ClockReadings]:
    stripe, clock = Stripe(), FrozenClock(START)
    return stripe, clock, ClockReadings(cast(Any, stripe), clock, every)


def polls(clock: FrozenClock, found: ClockReadings, names: list[str], seconds: int) -> None:
    """What a worker does that is idle: it looks five times a second."""
    for _ in range(seconds * 5):
        found.of(names)
        clock.advance(seconds=0.2)


def test_a_clock_is_asked_for_once_in_five_seconds():
    stripe, clock, found = readings()
    polls(clock, found, ["clock_1"], seconds=60)
    assert stripe.many() == 12


def test_many_clocks_share_two_questions_a_second():
    stripe, clock, found = readings()
    names = [f"clock_{n}" for n in range(50)]
    polls(clock, found, names, seconds=25)
    stripe.many()
    polls(clock, found, names, seconds=100)
    assert stripe.many() == 200


def test_in_between_the_last_answer_stands_and_then_the_new_one_is_seen():
    stripe, clock, found = readings()
    assert found.of(["clock_1"]) == {"clock_1": JUNE}
    stripe.at = JUNE + timedelta(days=30)
    clock.advance(seconds=4)
    assert found.of(["clock_1"]) == {"clock_1": JUNE}
    clock.advance(seconds=1)
    assert found.of(["clock_1"]) == {"clock_1": JUNE + timedelta(days=30)}


def test_one_that_does_not_answer_is_left_out_and_asked_again_in_its_turn():
    stripe, clock, found = readings()
    stripe.away = {"clock_1"}
    assert found.of(["clock_1", "clock_2"]) == {"clock_2": JUNE}
    assert found.of(["clock_1", "clock_2"]) == {"clock_2": JUNE}
    assert stripe.many() == 2
    stripe.away.clear()
    clock.advance(seconds=5)
    assert set(found.of(["clock_1", "clock_2"])) == {"clock_1", "clock_2"}


def test_one_that_nothing_waits_for_any_more_is_forgotten():
    stripe, _, found = readings()
    found.of(["clock_1"])
    assert found.of([]) == {}
    found.of(["clock_1"])
    assert stripe.many() == 2


def test_where_nobody_counts_every_look_is_fresh():
    stripe, _, found = readings(AT_ONCE)
    for _ in range(3):
        found.of(["clock_1"])
    assert stripe.many() == 3
