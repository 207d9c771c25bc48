"""The worker as a whole: it stops in order, drains for cron, and waits for a database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from adapter.due import Work, arm
from adapter.only_one import only_one
from adapter.tables import DueWorkRow, EventRow, NoticeRow
from service.settings import SettingsError
from service.worker import Sizes, Worker, the_worker
from tests.support.world import World, world

LONG_S = 20.0
SIDE_BY_SIDE = Sizes(events=4, work=2)


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def pending(w: World) -> int:
    with w.parts.database.read() as tx:
        waiting = select(func.count()).where(EventRow.state == "pending")
        return tx.scalars(waiting).one()


def states(w: World, table: Any) -> set[str]:
    with w.parts.database.read() as tx:
        return set(tx.scalars(select(table.state)))


def three_moved(w: World) -> list[str]:
    """Three customers whose subscriptions have begun, with nothing processed since."""
    refs = ["ada", "bob", "cid"]
    for ref in refs:
        w.account(ref)
    for ref in refs:
        answer = w.execute(ref, w.quote(ref, "core", "10k"))
        assert answer.status_code == 201, answer.json
    w.box.deliver_pending()
    assert pending(w) >= 3
    return refs


def test_customers_side_by_side_come_to_the_state_that_one_by_one_would(w: World):
    refs = three_moved(w)
    left = Worker(w.parts, w.mail, SIDE_BY_SIDE).until_idle()
    assert left.nothing, str(left)
    assert str(left) == "Everything due is done."
    assert pending(w) == 0
    assert [w.plan(ref) for ref in refs] == [("core", "10k")] * 3
    assert sorted(str(one["To"]) for one in w.mail.messages) == sorted(
        {str(one["To"]) for one in w.mail.messages}
    ), "one message each"


def test_a_worker_that_is_told_to_stop_ends_what_is_under_way_and_begins_nothing(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    three_moved(w)
    reached, go = threading.Event(), threading.Event()
    process = w.parts.processing.process

    def slow(owner: str) -> int:
        reached.set()
        assert go.wait(LONG_S)
        return process(owner)

    monkeypatch.setattr(w.parts.processing, "process", slow)
    before = pending(w)
    worker = Worker(w.parts, w.mail, Sizes(events=1, work=1))
    ended: list[bool] = []
    running = threading.Thread(target=lambda: ended.append(worker.run()))
    running.start()
    assert reached.wait(LONG_S)
    worker.stop()
    go.set()
    running.join(LONG_S)
    assert ended == [True]
    assert 0 < pending(w) < before


def test_a_slow_mail_server_delays_no_event(w: World):
    three_moved(w)
    sending, go = threading.Event(), threading.Event()

    class Slow:
        def send(self, _message: Any) -> None:
            sending.set()
            assert go.wait(LONG_S)

    worker = Worker(w.parts, Slow(), SIDE_BY_SIDE)
    drained, events = threading.Event(), worker._loops[0]
    turn = events.turn

    def watched() -> int:
        begun = turn()
        if sending.is_set() and pending(w) == 0:
            drained.set()
        return begun

    events.turn = watched  # type: ignore[method-assign]
    running = threading.Thread(target=worker.run)
    running.start()
    assert drained.wait(LONG_S), "while a message is under way, all events are processed"
    worker.stop()
    go.set()
    running.join(LONG_S)
    assert not running.is_alive()


@contextmanager
def away_in_commits(w: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every transaction that changes rows is rolled back at its end: the server has gone."""
    begin = w.parts.database.write

    @contextmanager
    def write() -> Iterator[Session]:
        with begin() as tx:
            yield tx
            tx.flush()
            raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

    with monkeypatch.context() as broken:
        broken.setattr(w.parts.database, "write", write)
        yield


@pytest.mark.parametrize("sizes", [Sizes(1, 1), SIDE_BY_SIDE], ids=["in line", "side by side"])
def test_a_database_that_goes_away_in_a_commit_kills_nothing(
    w: World, monkeypatch: pytest.MonkeyPatch, sizes: Sizes
):
    refs = three_moved(w)
    bought = w.subscription("ada")
    with w.parts.database.write() as tx:
        arm(tx, Work.RECOMPILE, bought["id"], bought["customer"], w.parts.clock.now())
    with away_in_commits(w, monkeypatch), pytest.raises(OperationalError):
        Worker(w.parts, w.mail, sizes).until_idle()
    assert "dead" not in states(w, EventRow) | states(w, DueWorkRow) | states(w, NoticeRow)
    assert pending(w) >= 3
    Worker(w.parts, w.mail, sizes).until_idle()
    assert pending(w) == 0
    assert [w.plan(ref) for ref in refs] == [("core", "10k")] * 3


def test_once_tells_truly_what_is_left(w: World):
    three_moved(w)
    # The SDK tries again after a 500 and sleeps in between; not so after a 429.
    w.box.fail_next("GET", "/v1/subscriptions", "429", count=100)
    left = w.worker.until_idle()
    assert (left.waiting > 0, left.dead, left.nothing) == (True, 0, False)
    assert "tried again" in str(left)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sqlite_database_has_one_worker(w: World):
    with (
        the_worker(w.parts.database),
        pytest.raises(SettingsError, match="Another worker"),
        the_worker(w.parts.database),
    ):
        pass
    with only_one(w.parts.database, "worker") as mine:
        assert mine
