"""One sync at a time on one database: two at once would make every price twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..claims import Claims
from ..database import Database
from ..errors import Conflict


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Hold the only place for a sync; it is freed when the process ends, however it ends.

    Raises:
        Conflict: another sync holds it.
    """
    with ExitStack() as stack:
        if database.is_sqlite:
            mine = stack.enter_context(_file_lock(database))
        else:
            mine = stack.enter_context(Claims(database).hold("catalogue sync"))
        if not mine:
            raise Conflict(
                "catalogue_sync_running",
                "Another sync of the catalogue is running; wait until it has ended.",
            )
        yield


@contextmanager
def _file_lock(database: Database) -> Iterator[bool]:
    """On SQLite the command line is a process of its own, which a claim would not keep out.

    The lock is on a file beside the database: SQLite's own file must not be opened by others
    (https://www.sqlite.org/howtocorrupt.html, "POSIX advisory locks canceled").
    """
    name = database.engine.url.database
    if not name or name == ":memory:":
        yield True
        return
    with Path(f"{name}-sync-lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
