"""The worker reconciles every day, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from adapter.due import Work
from adapter.tables import (
    DueWorkRow,
    SweepRow,
)
from service.doctor import examine
from service.worker import Worker
from tests.support.reconciling import edits, many_foreign, notices, subscribed, unheard
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def comes_due(w: World) -> None:
    """Time passes until reconcile is due."""
    with w.parts.database.write() as tx:
        mine = DueWorkRow.kind == Work.RECONCILE
        tx.execute(update(DueWorkRow).where(mine).values(next_at=datetime(2020, 1, 1, tzinfo=UTC)))


def standing(w: World) -> SweepRow | None:
    with w.parts.database.read() as tx:
        return tx.get(SweepRow, "reconcile")


def due_at(w: World) -> tuple[timedelta, int]:
    with w.parts.database.read() as tx:
        row = tx.scalars(select(DueWorkRow).where(DueWorkRow.kind == Work.RECONCILE)).one()
    assert row.state == "pending"
    return row.next_at - datetime.now(UTC), row.attempts


def test_the_worker_repairs_every_day_a_page_at_a_time_and_goes_on_after_a_death(w: World):
    subscribed(w, "acme")
    many_foreign(w, 130)
    w.worker.schedule()
    w.settle()
    assert timedelta(minutes=59) < due_at(w)[0] <= timedelta(hours=1)
    unheard(w)
    edits(w, "acme", cancel_at_period_end="true")
    comes_due(w)
    before = len(w.box.request_log)
    w.worker.round()
    under_way = standing(w)
    assert under_way is not None
    assert under_way.cursor is not None
    assert under_way.cursor["after"] is not None
    # Another process goes on; a second one beside it finds nothing to do.
    other = Worker(w.parts, w.mail)
    with w.parts.claims.hold("sweep:reconcile") as mine:
        assert mine
        assert other.round().idle
    w.worker = Worker(w.parts, w.mail)
    w.settle()
    asked = [call.path for call in w.calls(before)]
    assert asked.count("/v1/subscriptions") == 2
    # What differs is given time to come by itself.
    assert timedelta(0) < due_at(w)[0] <= timedelta(seconds=10)
    comes_due(w)
    w.settle()
    ended = standing(w)
    assert ended is not None
    assert (ended.cursor, ended.found) == (
        None,
        {**(ended.found or {}), "differences": 4, "repaired": 4, "foreign": 130},
    )
    assert timedelta(hours=23) < due_at(w)[0] <= timedelta(days=1)
    assert notices(w).count("cancellation_set") == 1
    assert said_by_the_doctor(w) == (True, "4 differences")
    assert 'planshift_sweep_found{sweep="reconcile"} 4.0' in w.http.get("/metrics").text

    w.box.fail_next("GET", "/v1/subscriptions", "500", count=20)
    comes_due(w)
    w.worker.round()
    assert due_at(w)[1] == 1
    assert said_by_the_doctor(w) == (False, "fails")


def said_by_the_doctor(w: World) -> tuple[bool, str]:
    (found,) = [one for one in examine(w.parts) if one.what == "reconcile"]
    return found.well, next(word for word in ("4 differences", "fails") if word in found.detail)
