"""Being the only process that does something on a database, for as long as it lives."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .claims import Claims
from .database import Database


@contextmanager
def only_one(database: Database, what: str) -> Iterator[bool]:
    """Be the only one at ``what`` for the block; yields False at once if another process is.

    The place is freed when the process ends, however it ends.
    """
    with _file_lock(database, what) if database.is_sqlite else Claims(database).hold(what) as mine:
        yield mine


@contextmanager
def _file_lock(database: Database, what: str) -> Iterator[bool]:
    """On SQLite processes are kept apart by a lock on a file, which claims are not.

    It is beside the database: SQLite's own file must not be opened by others
    (https://www.sqlite.org/howtocorrupt.html, "POSIX advisory locks canceled").
    """
    name = database.engine.url.database
    if not name or name == ":memory:":
        yield True
        return
    with Path(f"{name}-{what}-lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
