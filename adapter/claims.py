"""One customer at a time: mutual exclusion that ends with the process that holds it.

On PostgreSQL a session advisory lock, freed by the server the moment its connection is gone; on
SQLite, which has one worker process, a lock in that process. It is held while Stripe is asked,
with no transaction open. There is no lease to wait out (measured in ADR 001).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from .database import Database

_TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:owner, 0))")
_RELEASE = text("SELECT pg_advisory_unlock(hashtextextended(:owner, 0))")


class Claims:
    """Hands out claims on owners (customer ids, mostly)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def hold(self, owner: str) -> Iterator[bool]:
        """Claim ``owner`` for the block; yields False at once if somebody else has it."""
        with self._guard:
            free = owner not in self._held
            if free:
                self._held.add(owner)
        if not free:
            yield False
            return
        try:
            if self._database.is_sqlite:
                yield True
            else:
                with self._advisory_lock(owner) as mine:
                    yield mine
        finally:
            with self._guard:
                self._held.discard(owner)

    @contextmanager
    def _advisory_lock(self, owner: str) -> Iterator[bool]:
        engine = self._database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            mine = bool(connection.execute(_TRY, {"owner": owner}).scalar_one())
            try:
                yield mine
            finally:
                if mine:
                    connection.execute(_RELEASE, {"owner": owner})
