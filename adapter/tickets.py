"""Tickets: numbers of one global order, taken before calls to Stripe (see ``mirror``).

A ticket must be taken after everything that its call is meant to show, so none are kept in store:
each is taken when it is needed. What can be spared is waiting for the disk. A ticket that is lost
with the power was never used: a row that carries it is committed later, into the same log, and is
only safe once all of the log before it is. So on SQLite tickets are taken on a connection of their
own with ``synchronous=NORMAL``, which does not wait; PostgreSQL does not wait for sequences either.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

from sqlalchemy import Engine, text

_NEXT = text("SELECT nextval('ticket_seq')")
_BUMP = "UPDATE counters SET value = value + 1 WHERE name = 'ticket' RETURNING value"


class SequenceTickets:
    """From a sequence of PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def take(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(_NEXT).scalar_one())

    def close(self) -> None:
        """Nothing is kept open."""


class CounterTickets:
    """From a row of SQLite; ``one_writer`` is what all writers of this process wait in line for."""

    def __init__(
        self, engine: Engine, one_writer: AbstractContextManager[object], timeout_s: float
    ) -> None:
        self._engine = engine
        self._one_writer = one_writer
        self._timeout_s = timeout_s
        self._connection: sqlite3.Connection | None = None

    def take(self) -> int:
        with self._one_writer:
            if self._connection is None:
                self._connection = self._open()
            # It begins by taking the write lock and ends by committing.
            return int(self._connection.execute(_BUMP).fetchall()[0][0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            str(self._engine.url.database),
            timeout=self._timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection
