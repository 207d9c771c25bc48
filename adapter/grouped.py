"""Group commit: rows that many threads insert at once go into one transaction.

A commit costs the same for one row as for sixteen, and SQLite has one writer, so threads that
each commit their own row wait for each other's disk (measured in ADR 001). Here whoever comes first
commits for all who wait by then, and appoints the next to do so for those who came meanwhile.
There is no thread to start or to stop, so a server may fork as it likes.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from .database import Database, is_away
from .rows import insert_all_once

# Bounds the time one commit can take.
MOST = 100


class _Waiting:
    """A row and the thread that waits for its commit."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.woken = threading.Event()
        self.fresh: bool | None = None
        self.failure: BaseException | None = None

    @property
    def ended(self) -> bool:
        return self.fresh is not None or self.failure is not None


class GroupedInserts:
    """Inserts rows into one table, whose ``id`` says which rows are the same."""

    def __init__(self, database: Database, table: type[Any]) -> None:
        self._database = database
        self._table = table
        self._guard = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._led = False

    def insert_once(self, row: dict[str, Any]) -> bool:
        """Insert ``row`` unless its id is there already; back only when that is committed.

        True if it was inserted.

        Raises:
            DBAPIError: the database is away, and none of the rows of this commit were stored; or
                this row cannot be. (As with any commit whose answer is lost, it may have arrived.)
        """
        mine = _Waiting(row)
        with self._guard:
            self._waiting.append(mine)
            leads, self._led = not self._led, True
        if not leads:
            mine.woken.wait()
        if not mine.ended:
            self._lead()
        if mine.failure is not None:
            raise mine.failure
        return bool(mine.fresh)

    def _lead(self) -> None:
        """Commit for all who wait, of whom this thread is the first; then let them go."""
        with self._guard:
            batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        self._store(batch)
        with self._guard:
            self._led = bool(self._waiting)
            heirs = [self._waiting[0]] if self._led else []
        for one in (*heirs, *batch):
            one.woken.set()

    def _store(self, batch: list[_Waiting]) -> None:
        try:
            fresh = self._insert(batch)
        except BaseException as failure:
            if len(batch) > 1 and isinstance(failure, Exception) and not is_away(failure):
                # Something is wrong with one row; the others must not suffer from it.
                for one in batch:
                    self._store([one])
                return
            for one in batch:
                one.failure = failure
        else:
            for one in batch:
                # Of rows with one id the first was inserted, if any.
                one.fresh = one.row["id"] in fresh
                fresh.discard(one.row["id"])

    def _insert(self, batch: list[_Waiting]) -> set[str]:
        rows = {one.row["id"]: one.row for one in reversed(batch)}
        with self._database.write() as tx:
            return insert_all_once(tx, self._table, list(rows.values()))
