"""Laws of the ledger, whatever happens to an account: nothing is lost, nothing is made up."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.allowances import UsageRecord, record_usage
from adapter.allowances.calendar import months_after, months_between, slots_of
from adapter.database import Database, open_database
from adapter.errors import Invalid
from adapter.migrations import migrate
from tests.support.allowances import FAMILY, Shelf, conserved

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
PLANS = [("core", "10k"), ("core", "40k"), ("pro", "20k")]
LIVES = 300 if os.environ.get("SOAK") else 25
numbers = count(1)

moments = st.integers(0, 20 * 366 * 24).map(lambda hours: START + timedelta(hours=hours))
offers = st.tuples(st.sampled_from(PLANS), st.sampled_from(["month", "year"]), st.integers(1, 2))
events = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 24 * 45)),
    st.tuples(st.just("use"), st.integers(1, 60_000)),
    st.tuples(st.just("pack"), st.integers(1, 20_000)),
    st.tuples(st.just("change"), offers, st.sampled_from(["reset", "carry_over", "credited"])),
    st.tuples(st.just("outside"), offers),
    st.tuples(st.just("late"), offers, st.sampled_from(["applied", "given_up"])),
    st.tuples(st.just("end")),
    st.tuples(st.just("accrue")),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for the accounts of all examples."""
    path: Path = tmp_path_factory.mktemp("law") / "law.db"
    database = open_database(f"sqlite:///{path}")
    migrate(database)
    yield database
    database.dispose()


class Life:
    """An account to which things happen, one after the other."""

    def __init__(self, database: Database, *, eager: bool) -> None:
        self.shelf = Shelf(database, START, f"acme{next(numbers)}")
        self.now = START
        self.reported = self.over = 0
        self._eager = eager
        self._number = 0
        self._item = "si"
        self._held: tuple[Any, ...] | None = None
        self._began = START

    def happens(self, event: tuple[Any, ...]) -> None:
        getattr(self, event[0])(*event[1:])
        if self._eager:
            self.accrue()

    def wait(self, hours: int) -> None:
        """Time passes; renewals are seen when they happen."""
        until = self.now + timedelta(hours=hours)
        while self._held is not None and self._ends() <= until:
            self.now = self._ends()
            self._began = self.now
            self._shows()
        self.now = until

    def use(self, units: int) -> None:
        told = self.shelf.use(units, self.now)
        self.reported += units
        self.over += told.over

    def pack(self, units: int) -> None:
        if self._held is not None:
            source = f"purchase:{next(numbers)}"
            until = min(self._ends(), self.now + timedelta(days=20))
            self.shelf.pack(units, self.now, until, source)

    def change(self, offer: tuple[Any, ...], effect: str) -> None:
        old, self._held = self._held, offer
        if old is None:
            self._number += 1
        credited = self.shelf.unused(self.now, self.shelf.sub(self._number)).units
        line = self._order(old, offer, "executing", "now")
        self.now += timedelta(hours=1)
        self._began = self.now
        self._shows()
        self.shelf.applied(line, effect, self.now, credited if effect == "credited" else None)

    def outside(self, offer: tuple[Any, ...]) -> None:
        """Somebody changes the plan at Stripe, and begins a new period with another interval."""
        if self._held is None:
            return
        if offer[1] != self._held[1]:
            self._began = self.now
        self._held = offer
        self._shows()

    def late(self, offer: tuple[Any, ...], end: str) -> None:
        """A change at the period's end, whose payment takes a day."""
        if self._held is None or self._held == offer:
            return
        line = self._order(self._held, offer, "scheduled", "period_end")
        self.now = self._ends()
        old, self._held, self._began = self._held, offer, self.now
        self._item = f"si_{next(numbers)}"
        self._shows()
        self.shelf.moved(line, "activating")
        self.now += timedelta(days=1)
        if end == "applied":
            self.shelf.applied(line, "carry_over", self.now)
            return
        self.shelf.given_up(line, self.now)
        self._held = old
        self._shows()

    def end(self) -> None:
        if self._held is not None:
            sub = self.shelf.sub(self._number)
            self.shelf.status("canceled", self.now, sub)
            self.shelf.ended(self.now, sub)
            self._held = None

    def accrue(self) -> None:
        self.shelf.accrue(self.now)

    def _ends(self) -> datetime:
        assert self._held is not None
        return months_after(self._began, 12 if self._held[1] == "year" else 1)

    def _shows(self) -> None:
        assert self._held is not None
        (plan, tier), interval, quantity = self._held
        self.shelf.mirror(
            plan,
            tier,
            self._began,
            self._ends(),
            interval=interval,
            quantity=quantity,
            sub=self.shelf.sub(self._number),
            item=self._item,
        )
        self.shelf.accrue(self.now)

    def _order(
        self, old: tuple[Any, ...] | None, new: tuple[Any, ...], state: str, timing: str
    ) -> Any:
        named = [self.shelf.offer(*one[0], one[1]) if one else None for one in (old, new)]
        return self.shelf.change(
            named[0],
            named[1],
            state,
            at=self.now,
            timing=timing,
            quantity=new[2],
            sub=self.shelf.sub(self._number),
        )


@settings(max_examples=LIVES)
@given(st.lists(events, max_size=12))
def test_nothing_is_lost_and_nothing_is_made_up(shop: Database, story: list[tuple[Any, ...]]):
    life = Life(shop, eager=False)
    for event in story:
        life.happens(event)
    life.accrue()
    left = conserved(shop, life.shelf.account)
    used = [one.units for one in life.shelf.entries() if one.source.startswith("usage:")]
    assert life.reported == life.over - sum(used)
    assert life.shelf.left(life.now) <= left


@settings(max_examples=LIVES)
@given(st.lists(events, max_size=12))
def test_accruing_more_often_changes_no_balance(shop: Database, story: list[tuple[Any, ...]]):
    lazy, eager = Life(shop, eager=False), Life(shop, eager=True)
    for event in story:
        lazy.happens(event)
        eager.happens(event)
        assert lazy.shelf.left(lazy.now) == eager.shelf.left(eager.now)
        assert lazy.over == eager.over


@given(
    moments,
    st.integers(0, 3 * 366 * 24),
)
def test_months_are_counted_from_the_day_they_began_on(anchor: datetime, hours: int):
    at = anchor + timedelta(hours=hours)
    passed = months_between(anchor, at)
    assert months_after(anchor, passed) <= at < months_after(anchor, passed + 1)


@given(
    moments,
    st.integers(0, 47),
)
def test_a_year_has_twelve_stretches_whatever_day_it_began_on(anchor: datetime, months: int):
    """Also where the year begins on a day to which a longer month was cut."""
    start, end = months_after(anchor, months), months_after(anchor, months + 12)
    slots = slots_of(start, end, monthly=True)
    assert len(slots) == 12
    assert (slots[0].start, slots[-1].end) == (start, end)
    assert all(one.end == two.start for one, two in pairwise(slots))


# -- many at once -----------------------------------------------------------------------------


def test_reports_that_come_at_once_never_use_a_unit_twice(database: Database):
    shelf = Shelf(database, START)
    shelf.mirror("core", "10k", START, months_after(START, 1))

    def report(number: int) -> Sequence[int]:
        records = [UsageRecord(f"run-{number}-{one}", FAMILY, 500) for one in range(4)]
        told = record_usage(database, shelf.catalogue, shelf.account, records, START, START)
        return [one.over for one in told]

    with ThreadPoolExecutor(6) as pool:
        over = sum(sum(told) for told in pool.map(report, range(6)))
    assert over == 6 * 4 * 500 - 10_000
    assert shelf.moves() == {"grant": 10_000, "consume": -10_000}


def test_the_same_report_sent_twice_at_once_counts_once(database: Database):
    shelf = Shelf(database, START)
    shelf.mirror("core", "10k", START, months_after(START, 1))

    def report(_: int) -> bool:
        records = [UsageRecord("run-1", FAMILY, 500)]
        (told,) = record_usage(database, shelf.catalogue, shelf.account, records, START, START)
        return told.repeated

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(report, range(4))) == [False, True, True, True]
    assert shelf.left(START) == 9_500


def test_a_family_whose_sizes_are_limits_takes_no_usage(database: Database):
    shelf = Shelf(database, START)
    limits = replace(shelf.catalogue.family(FAMILY), size_is="limit")
    catalogue = replace(shelf.catalogue, families={FAMILY: limits})
    with pytest.raises(Invalid) as refused:
        record_usage(
            database, catalogue, shelf.account, [UsageRecord("run-1", FAMILY, 1)], START, START
        )
    assert (refused.value.code, refused.value.path) == (
        "family_without_allowance",
        "records[0].family",
    )
