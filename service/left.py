"""What is left over: work that failed, to be tried again or to be looked at by a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from adapter.database import Database
from adapter.tables import DueWorkRow, EventRow, NoticeRow

Queued = type[EventRow] | type[DueWorkRow] | type[NoticeRow]
QUEUES: tuple[Queued, ...] = (EventRow, NoticeRow, DueWorkRow)


@dataclass(frozen=True)
class Left:
    """What a worker that drained what was due could not do.

    ``waiting`` for another try, ``dead`` since it began.
    """

    interrupted: bool
    waiting: int
    dead: int

    @property
    def nothing(self) -> bool:
        return not (self.interrupted or self.waiting or self.dead)

    def __str__(self) -> str:
        if self.nothing:
            return "Everything due is done."
        told = ["Interrupted before everything was done."] if self.interrupted else []
        if self.waiting:
            told.append(f"{self.waiting} failed and will be tried again when its time comes.")
        if self.dead:
            told.append(f"{self.dead} failed for good: see 'planshift doctor'.")
        return " ".join(told)


def dead(database: Database) -> Counter[str]:
    """How many events, notices and pieces of due work wait for a person, by table."""
    return _counted(database, [(table, table.state == "dead") for table in QUEUES])


def put_off(database: Database) -> Counter[str]:
    """How many failed and will be tried again, by table."""
    failed = [(table, (table.state == "pending") & (table.attempts > 0)) for table in QUEUES]
    return _counted(database, failed)


def _counted(
    database: Database, wanted: Sequence[tuple[Queued, ColumnElement[bool]]]
) -> Counter[str]:
    with database.read() as tx:
        return Counter(
            {
                table.__tablename__: tx.execute(
                    select(func.count()).select_from(table).where(which)
                ).scalar_one()
                for table, which in wanted
            }
        )
