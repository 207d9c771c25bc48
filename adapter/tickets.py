"""Tickets: numbers of one global order, taken before calls to Stripe (see ``mirror``).

A ticket must be taken after everything that its call is meant to show, so none are kept in store:
each is taken when it is needed. What can be spared is waiting for the disk. A ticket that is lost
with the power was never used: a row that carries it is committed later, into the same log, and is
only safe once all of the log before it is. So on SQLite tickets are taken on a connection of their
own with ``synchronous=NORMAL``, which does not wait; PostgreSQL does not wait for sequences either.
Nor do they stand in the line for SQLite's one writer: whoever writes takes them along for those who
ask meanwhile.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

_NEXT = text("SELECT nextval('ticket_seq')")
_BUMP = text("UPDATE counters SET value = value + :many WHERE name = 'ticket' RETURNING value")


class SequenceTickets:
    """From a sequence of PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def transaction(self, session: Session) -> AbstractContextManager[object]:
        """A transaction of ``session`` that may write; any number may at a time."""
        return session.begin()

    def take(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(_NEXT).scalar_one())

    def close(self) -> None:
        """Nothing is kept open."""


class _Asked:
    """A ticket that somebody waits for: its number once it is taken, or why it could not be."""

    def __init__(self) -> None:
        self.known = threading.Event()
        self.number = 0
        self.failure: Exception | None = None


class CounterTickets:
    """From a row of SQLite, and the line of this process's writers, of whom one writes at a time.

    Who asks is noted first and tries for its turn then; who has had its turn looks, once it is
    over, whether somebody was noted meanwhile. So nobody is forgotten.
    """

    def __init__(self, engine: Engine, timeout_s: float) -> None:
        self._engine = engine
        self._timeout_s = timeout_s
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._asked: list[_Asked] = []

    @contextmanager
    def transaction(self, session: Session) -> Iterator[None]:
        """A transaction of ``session``, the one that may write now; at its end it takes the tickets
        along that are asked for.
        """
        try:
            with self._turn:
                yield from self._written(session)
        finally:
            self._serve()

    def take(self) -> int:
        """Raises sqlite3.OperationalError: the database is away."""
        mine = _Asked()
        with self._guard:
            self._asked.append(mine)
        self._serve()
        mine.known.wait()
        if mine.failure is not None:
            raise mine.failure
        return mine.number

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _written(self, session: Session) -> Iterator[None]:
        asked: list[_Asked] = []
        try:
            with session.begin():
                yield
                # One that was rolled back inside takes nobody along.
                asked = self._noted() if session.in_transaction() else []
                last = session.execute(_BUMP, {"many": len(asked)}).scalar_one() if asked else 0
        except BaseException:
            with self._guard:
                self._asked += asked
            raise
        _hand_out(asked, last)

    def _serve(self) -> None:
        """Take what was asked for, unless somebody has the turn: then it is theirs to do."""
        while self._asked and self._turn.acquire(blocking=False):
            try:
                self._bump(self._noted())
            finally:
                self._turn.release()

    def _bump(self, asked: list[_Asked]) -> None:
        try:
            if self._connection is None:
                self._connection = self._open()
            # It begins by taking the write lock and ends by committing.
            found = self._connection.execute(_BUMP.text, {"many": len(asked)}).fetchall()
        except Exception as failure:
            for one in asked:
                one.failure = failure
                one.known.set()
        else:
            _hand_out(asked, int(found[0][0]))

    def _noted(self) -> list[_Asked]:
        with self._guard:
            asked, self._asked = self._asked, []
        return asked

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            str(self._engine.url.database),
            timeout=self._timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


def _hand_out(asked: list[_Asked], last: int) -> None:
    for number, one in zip(range(last - len(asked) + 1, last + 1), asked, strict=True):
        one.number = number
        one.known.set()
