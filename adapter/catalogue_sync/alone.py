"""One sync at a time on one database: two at once would make every price twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..database import Database
from ..errors import Conflict
from ..only_one import only_one


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Hold the only place for a sync; it is freed when the process ends, however it ends.

    Raises:
        Conflict: another sync holds it.
    """
    with only_one(database, "sync") as mine:
        if not mine:
            raise Conflict(
                "catalogue_sync_running",
                "Another sync of the catalogue is running; wait until it has ended.",
            )
        yield
