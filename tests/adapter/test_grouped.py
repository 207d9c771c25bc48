"""Group commit: one transaction for all who wait, and to each the outcome of its own row."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from adapter.database import Database
from adapter.grouped import GroupedInserts
from adapter.tables import EventRow

NOW = datetime(2026, 1, 10, tzinfo=UTC)
LONG_S = 20.0


def row(event_id: str, **other: Any) -> dict[str, Any]:
    known = {"id": event_id, "type": "invoice.paid", "owner": "cus_1", "state": "pending"}
    times = {"occurred_at": NOW, "received_at": NOW, "next_at": NOW}
    return {**known, **times, "attempts": 0, **other}


class Line(deque[Any]):
    """A line of waiting rows that tells of each arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = threading.Semaphore(0)

    def append(self, one: Any) -> None:
        super().append(one)
        self.arrived.release()


class Held:
    """Inserts whose first commit is held up, so that what comes meanwhile forms one batch."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inserts = GroupedInserts(database, EventRow)
        self.line = self.inserts._waiting = Line()
        self.commits = 0
        self.fails_with: Exception | None = None
        self._go = threading.Event()
        self._begun = threading.Event()
        self._write = database.write
        monkeypatch.setattr(database, "write", self._watched)

    def together(self, *rows: dict[str, Any]) -> list[Future[bool]]:
        """One row is under way; all the others wait for the commit after it."""
        with ThreadPoolExecutor(len(rows)) as pool:
            asked = []
            for one in rows:
                asked.append(pool.submit(self.inserts.insert_once, one))
                assert self.line.arrived.acquire(timeout=LONG_S)
                assert self._begun.wait(LONG_S)
            self._go.set()
        return asked

    @contextmanager
    def _watched(self) -> Iterator[Session]:
        self.commits += 1
        self._begun.set()
        assert self._go.wait(LONG_S)
        if self.commits > 1 and self.fails_with:
            raise self.fails_with
        with self._write() as tx:
            yield tx


@pytest.fixture
def held(database: Database, monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(database, monkeypatch)


def count(database: Database) -> int:
    with database.read() as tx:
        return tx.scalars(select(func.count()).select_from(EventRow)).one()


def test_who_waits_shares_a_commit_and_each_hears_of_its_own_row(database: Database, held: Held):
    names = ("e1", "e2", "e3", "e2", "e1")
    outcomes = [one.result() for one in held.together(*map(row, names))]
    assert held.commits == 2
    assert outcomes == [True, True, True, False, False], "the first of a kind is the new one"
    assert count(database) == 3


def test_a_database_that_is_away_is_told_to_all_who_waited_and_to_nobody_after(
    database: Database, held: Held
):
    held.fails_with = OperationalError("COMMIT", {}, Exception("gone"))
    first, *others = held.together(row("e1"), row("e2"), row("e3"))
    assert first.result()
    for one in others:
        with pytest.raises(OperationalError):
            one.result()
    assert count(database) == 1
    held.fails_with = None
    assert held.inserts.insert_once(row("e2"))


def test_a_row_that_cannot_be_stored_fails_alone(database: Database, held: Held):
    first, bad, good = held.together(row("e1"), row("e2", owner=None), row("e3"))
    assert (first.result(), good.result()) == (True, True)
    with pytest.raises(Exception, match="owner"):
        bad.result()
    assert count(database) == 2


def test_many_threads_lose_nothing(database: Database):
    inserts = GroupedInserts(database, EventRow)
    names = [f"e{number % 150}" for number in range(300)]
    with ThreadPoolExecutor(16) as pool:
        fresh = sum(pool.map(lambda name: inserts.insert_once(row(name)), names))
    assert fresh == count(database) == 150
    assert not inserts._waiting
