"""Usage on its way to the meter: whatever happens to it, it is billed once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from adapter.tables import DueWorkRow, IntentRow, MeterEventRow
from sandbox import Switches
from sandbox.kernel.idempotency import Keys
from tests.support.killing import A_WHILE, Fate, Frozen, Killed, Life
from tests.support.metered import API, booked, counted, hear, pass_time, sign_up, told, use
from tests.support.world import START, World, world

SEND = "/v1/billing/meter_events"
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("no_waiting")


class DiesAt(Fate):
    """Dies at the next point of this name, each time it is told one."""

    def __init__(self) -> None:
        super().__init__()
        self.next: str | None = None

    def point(self, what: str) -> None:
        if self.next is not None and self.next in what and not self.dead:
            self.next = None
            self.dead = True
            raise Killed(what)
        super().point(what)


@contextmanager
def living(database_url: str) -> Iterator[tuple[Life, DiesAt]]:
    """An account on Plus for twenty days."""
    with world(database_url, catalogue="metered") as w:
        w.account("acme")
        sign_up(w)
        w.advance(days=20)
    fate = DiesAt()
    with Frozen(w, database_url).life(fate) as life:
        yield life, fate


def dies_and_returns(life: Life, fate: DiesAt, at: str, away: timedelta) -> None:
    """The worker dies while it sends, and is away; meanwhile Stripe forgets what it may forget."""
    fate.next = at
    with pytest.raises(Killed):
        life.rests()
    assert fate.dead
    life.w.box.advance(seconds=int(away.total_seconds()))
    if away >= timedelta(days=1):
        life.w.box._keys = Keys()
    life.recovers(away)


def test_usage_records_sent_twice_late_out_of_order_across_a_crash_and_across_a_day_the_meters_sum_equals_the_ledgers(  # noqa: E501
    database_url: str,
):
    sent, before = "billing.meter_events.create (send-1:1) was answered", "(send-1:1) is sent"
    with living(database_url) as (life, fate):
        w, now = life.w, START + timedelta(days=20)
        # Twice, late and out of order.
        for n in (3, 1, 2, 3, 1):
            answer = use(w, n, id=f"day-{n}", at=now - timedelta(days=n))
            assert answer.status_code == 200, answer.json
        life.recovers()
        assert counted(w) == booked(w) == 6
        # Across a crash, before Stripe had it and after; and across a day, in which it forgets.
        for n, (at, away) in enumerate(
            [(before, A_WHILE), (sent, A_WHILE), (before, timedelta(hours=25)), (sent, 26 * HOUR)]
        ):
            for _ in range(2):
                use(w, 10 * 2**n, id=f"crash-{n}")
                use(w, 1000, id=f"same-second-{n}")
            dies_and_returns(life, fate, at, away)
            use(w, 10 * 2**n, id=f"crash-{n}")
            life.recovers()
            assert counted(w) == booked(w) == 6 + sum(10 * 2**k + 1000 for k in range(n + 1))
        # Stripe fails, before and after the effect, and for longer than one would wait.
        for n, kind in enumerate(("timeout_before", "timeout_after", "500", "429", "reset")):
            w.box.fail_next("POST", SEND, kind, count=3)
            use(w, 100_000 + n)
            life.recovers(2 * HOUR)
        assert counted(w) == booked(w)
        with w.parts.database.read() as tx:
            assert list(_unsettled(tx)) == []
        w.advance(days=12)
        life.recovers()
        assert sum(line["quantity"] for line in w.invoices("acme")[0]["lines"]["data"]) == booked(w)


def _unsettled(tx: Any) -> Any:
    """What was not sent, and what nobody knows of whether it was."""
    yield from tx.scalars(select(MeterEventRow).where(MeterEventRow.state != "sent"))
    yield from tx.scalars(select(IntentRow).where(IntentRow.outcome.in_(("open", "unsure"))))


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="metered") as made:
        made.account("acme")
        sign_up(made)
        yield made


@pytest.mark.by_turns
class TestLate:
    def test_while_the_invoice_is_a_draft_usage_of_its_period_is_on_it(self, w: World):
        pass_time(w, days=31, seconds=600)
        assert use(w, 10_000, at=START + timedelta(days=30)).status_code == 200
        w.settle()
        pass_time(w, hours=2)
        (invoice,) = w.invoices("acme")
        assert (invoice["status"], invoice["lines"]["data"][0]["quantity"]) == ("paid", 10_000)
        assert w.state("acme")["upcoming"][0]["usage"]["units"] == 0

    def test_once_it_is_final_usage_of_its_period_is_on_the_next_one(self, w: World):
        use(w, 10_000)
        w.settle()
        pass_time(w, days=31, hours=2)
        assert w.invoices("acme")[0]["status"] == "paid"
        late = use(w, 5_000, at=START + timedelta(days=30), id="late")
        assert late.json["records"][0]["at"].startswith("2026-02-09")
        w.settle()
        assert w.state("acme")["upcoming"][0]["usage"]["units"] == 5_000
        pass_time(w, days=31)
        quantities = [
            line["quantity"] for found in w.invoices("acme") for line in found["lines"]["data"]
        ]
        assert quantities == [5_000, 10_000]
        assert counted(w) == booked(w) == 15_000

    def test_what_stripe_was_down_for_over_the_turn_of_the_period_is_on_the_next_one(
        self, w: World
    ):
        w.box.fail_next("POST", SEND, "429", count=1)
        use(w, 10_000)
        w.settle()
        assert w.state("acme")["upcoming"][0]["usage"] == {
            "units": 10_000,
            "unsent": 10_000,
            "refused": 0,
        }
        w.box.fail_next("POST", SEND, "429", count=1000)
        pass_time(w, days=31, hours=2)
        w.box.faults.planned.clear()
        # It was tried and never taken; whether it was counted is asked before it is sent anew.
        _as_time_goes_by(w, hours=3)
        w.settle()
        assert counted(w) == booked(w) == 10_000
        assert w.state("acme")["upcoming"][0]["usage"]["units"] == 10_000

    def test_nothing_is_taken_for_before_the_plan_or_for_later(self, w: World):
        for at in (START - timedelta(days=1), START + timedelta(hours=1)):
            refused = use(w, 1, at=at)
            assert (refused.status_code, refused.json["code"]) == (422, "usage_out_of_period")
            assert refused.json["since"] == w.state("acme")["subscriptions"][0]["started_at"]
        # A clock that is a little ahead is forgiven.
        ahead = use(w, 1, at=START + timedelta(minutes=3)).json["records"][0]
        assert ahead["at"] <= (START + timedelta(minutes=1)).isoformat()

    def test_what_comes_after_the_last_invoice_is_refused_and_shown(self, w: World):
        w.box.fail_next("POST", SEND, "429", count=1)
        use(w, 7)
        w.settle()
        customer = w.state("acme")["customer"]
        (sub,) = w.stripe("GET", "/v1/subscriptions", customer=customer)["data"]
        # Somebody cancels it at Stripe while what was used waits.
        w.stripe("DELETE", f"/v1/subscriptions/{sub['id']}")
        hear(w)
        _as_time_goes_by(w, hours=3)
        w.settle()
        assert told(w) == []
        (event,) = _events(w)
        assert (event.state, event.units) == ("refused", 7)
        assert "bill these units by hand" in event.error


def _events(w: World) -> Any:
    with w.parts.database.read() as tx:
        return list(tx.scalars(select(MeterEventRow)))


def _as_time_goes_by(w: World, *, hours: int) -> None:
    """What was tried at Stripe was tried so long ago, and is due again."""
    ago = timedelta(hours=hours)
    with w.parts.database.write() as tx:
        for event in _events(w):
            if event.tried_at is not None:
                tried = update(MeterEventRow).where(MeterEventRow.seq == event.seq)
                tx.execute(tried.values(tried_at=event.tried_at - ago))
        tx.execute(
            update(DueWorkRow).where(DueWorkRow.kind == "meter").values(next_at=START, clock="wall")
        )


def test_a_meter_that_counts_with_a_lag_is_waited_for(sqlite_url: str):
    """After a day, what was sent is compared with what was counted, and that takes its time."""
    switches = Switches(meter_lag_seconds=1800)
    with world(sqlite_url, catalogue="metered", switches=switches) as w:
        w.account("acme")
        sign_up(w)
        use(w, 5)
        w.settle()
        pass_time(w, days=1)
        assert counted(w) == booked(w) == 5
        assert API in str(w.state("acme")["upcoming"])
