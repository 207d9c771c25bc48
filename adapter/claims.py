"""One customer at a time: mutual exclusion that ends with the process that holds it.

On PostgreSQL session advisory locks, freed by the server the moment their connection is gone; on
SQLite, which has one worker process, locks in that process. They are held while Stripe is asked,
with no transaction open. There is no lease to wait out (measured in ADR 001).

Nothing rests on claims alone: rows are locked again where they are changed, and tickets keep an
older read from landing last. A claim that is lost costs a fetch made twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from .database import Database

_TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:owner, 0))")
_RELEASE = text("SELECT pg_advisory_unlock(hashtextextended(:owner, 0))")


class Claims:
    """Claims of one process on owners (customer ids, mostly); all on one connection.

    The connection is borrowed from the pool while anything is claimed.
    """

    def __init__(self, database: Database) -> None:
        self._engine = (
            None
            if database.is_sqlite
            else database.engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        self._guard = threading.Lock()
        self._held: set[str] = set()
        self._connection: Connection | None = None

    def take(self, owner: str) -> bool:
        """Claim ``owner`` until ``release``; False at once if somebody else has it.

        Raises:
            DBAPIError: the database is away; nothing is claimed.
        """
        with self._guard:
            if owner in self._held or not self._locked(owner):
                return False
            self._held.add(owner)
            return True

    def release(self, owner: str) -> None:
        """Give back what was taken; a connection that broke has given it back already."""
        with self._guard:
            self._held.discard(owner)
            if self._connection is None:
                return
            try:
                self._connection.execute(_RELEASE, {"owner": owner})
            except DBAPIError:
                self._drop()
                return
            if not self._held:
                self._connection.close()
                self._connection = None

    @contextmanager
    def hold(self, owner: str) -> Iterator[bool]:
        """Claim ``owner`` for the block; yields False at once if somebody else has it."""
        mine = self.take(owner)
        try:
            yield mine
        finally:
            if mine:
                self.release(owner)

    def _locked(self, owner: str) -> bool:
        if self._engine is None:
            return True
        try:
            self._connection = self._connection or self._engine.connect()
            mine = bool(self._connection.execute(_TRY, {"owner": owner}).scalar_one())
        except DBAPIError:
            self._drop()
            raise
        if not mine and not self._held:
            self._connection.close()
            self._connection = None
        return mine

    def _drop(self) -> None:
        """The connection is broken, and with it every lock; the next claim opens another."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
