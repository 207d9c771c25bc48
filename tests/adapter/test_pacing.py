"""The limit on calls to Stripe that all processes share, with calls an hour apart for clarity."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import event, select

from adapter.database import Database
from adapter.gateway import pacing
from adapter.gateway.failures import NotExecuted
from adapter.gateway.pacing import BLOCK, Limits, Pacing, Urgency, endpoint
from adapter.tables import PaceRow
from service.settings import Settings
from service.wiring import build
from tests.support.world import SECRET, World, world

HOUR = 3600
HOURLY = Limits(all=1 / HOUR, each=1 / HOUR)
SUBSCRIPTION = ("get", "https://api.stripe.com/v1/subscriptions/sub_1")
INVOICE = ("get", "https://api.stripe.com/v1/invoices/in_1")


class Process:
    """One process; ``hours`` says when its calls go out, counted from now."""

    def __init__(
        self, database: Database, urgency: Urgency = Urgency.PATIENT, limits: Limits = HOURLY
    ) -> None:
        self._slept = 0.0
        self.pacing = Pacing(database, limits, urgency, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self._slept = max(self._slept, seconds)

    def hours(self, calls: int, call: tuple[str, str] = SUBSCRIPTION) -> list[int]:
        found = []
        for _ in range(calls):
            self._slept = 0.0
            assert self.pacing.admit(*call)
            found.append(round(self._slept / HOUR))
        return found

    def turned_away(self, reason: str | None = None, body: bytes = b"", **more: str) -> None:
        headers = {"Stripe-Rate-Limited-Reason": reason} if reason else {}
        self.pacing.turned_away(*SUBSCRIPTION, {**headers, **more}, body)


def test_two_processes_share_one_line(database: Database):
    one, other = Process(database), Process(database)
    assert one.hours(2) == [0, 1]
    # Each reserves a block at a time; none is given out twice.
    assert other.hours(5) == [5, 6, 7, 8, 9]
    assert one.hours(4) == [2, 3, 4, 10]


def test_a_call_costs_no_write_but_a_block_does(database: Database):
    process, writes = Process(database), []
    event.listen(database.engine, "commit", lambda _connection: writes.append(1))
    process.hours(4 * BLOCK)
    assert len(writes) == 4


def test_whoever_is_waited_for_goes_ahead_of_a_backlog(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pacing, "AHEAD_S", BLOCK * HOUR)
    worker, web = Process(database), Process(database, Urgency.PROMPT)
    assert worker.hours(BLOCK) == [0, 1, 2, 3, 4]
    assert web.hours(1) == [0]
    assert worker.hours(1) == [2 * BLOCK], "it waits for them, not they for it"


def test_whoever_is_waited_for_is_told_to_come_again_rather_than_kept(database: Database):
    web = Process(database, Urgency.PROMPT)
    assert web.pacing.admit(*SUBSCRIPTION)
    assert not web.pacing.admit(*SUBSCRIPTION)


@pytest.mark.parametrize("reason", [None, "global-rate", "global-concurrency", "endpoint-rate"])
def test_a_429_slows_everybody(database: Database, reason: str | None):
    one, other = Process(database), Process(database)
    assert (one.hours(1), other.hours(1)) == ([0], [BLOCK])
    one.turned_away(reason)
    other.turned_away(reason)
    # Half the speed, and that only once for two told at once; it comes back with the calls.
    assert _gaps(database) == [2 * HOUR]
    one.hours(1)
    assert HOUR < _gaps(database)[0] < 2 * HOUR


def _gaps(database: Database) -> list[float]:
    with database.read() as tx:
        return sorted(row.gap_us / 1e6 for row in tx.scalars(select(PaceRow)))


def test_a_retry_after_is_kept_to_by_all(database: Database):
    one, other = Process(database), Process(database)
    one.hours(1)
    one.turned_away("global-rate", **{"Retry-After": str(40 * HOUR)})
    assert other.hours(1) == [BLOCK + 40]


@pytest.mark.parametrize(
    ("reason", "body"),
    [("resource-specific", b""), (None, b'{"error": {"code": "lock_timeout"}}')],
)
def test_a_429_that_is_not_about_speed_slows_nobody(
    database: Database, reason: str | None, body: bytes
):
    process = Process(database)
    process.hours(1)
    process.turned_away(reason, body)
    assert _gaps(database) == [HOUR]


def test_an_endpoint_has_a_limit_of_its_own(database: Database):
    process = Process(database, limits=Limits(all=1 / HOUR, each=1 / (3 * HOUR)))
    assert process.hours(2) == [0, 3]
    assert process.hours(1, INVOICE) == [2], "the third of all, the first invoice"
    process.turned_away("endpoint-rate")
    assert _gaps(database) == [HOUR, 3 * HOUR, 6 * HOUR]


def test_an_endpoint_is_the_same_for_all_objects():
    assert endpoint(*SUBSCRIPTION) == endpoint("GET", SUBSCRIPTION[1] + "2?expand[]=x")
    kinds = {
        endpoint(*SUBSCRIPTION),
        endpoint("POST", SUBSCRIPTION[1]),
        endpoint("get", "https://api.stripe.com/v1/subscriptions?limit=1"),
        endpoint(*INVOICE),
    }
    assert len(kinds) == 4


def test_test_mode_is_slower_than_live_mode_and_a_stripe_of_ones_own_has_no_limit():
    test, live = Limits.of(livemode=False), Limits.of(livemode=True)
    assert (test.all, live.all, live.each) == (20, 80, 20)


def test_every_call_of_every_process_waits_its_turn(database_url: str):
    """Through the whole system: two processes on one database, with Stripe saying 429 between."""
    with world(database_url) as w:
        customer = w.account("acme")
        web, worker = (_paced(w, database_url, one) for one in (Urgency.PROMPT, Urgency.PATIENT))
        web.reader.customer(customer)
        w.box.fail_next("GET", f"/v1/customers/{customer}", "429")
        with pytest.raises(NotExecuted):
            worker.reader.customer(customer)
        with w.parts.database.read() as tx:
            row = tx.get_one(PaceRow, "all")
        assert row.gap_us == 2 * 50_000
        assert row.next_us > time.time() * 1e6
        for parts in (web, worker):
            parts.database.dispose()


def _paced(w: World, database_url: str, urgency: Urgency) -> Any:
    environment = {
        "STRIPE_API_KEY": "sk_test_planshift_tests",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "PLANSHIFT_DATABASE_URL": database_url,
        "PLANSHIFT_CATALOGUE": "operations",
    }
    settings = Settings.from_environment(environment)
    return build(settings, catalogue=w.parts.catalogue, urgency=urgency)
