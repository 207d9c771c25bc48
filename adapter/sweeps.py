"""Where a walk over a long list at Stripe stands, so that it goes on there after any death.

Each page is committed together with the cursor behind it. Whoever takes a page says which cursor
it was fetched for: if another process was quicker, the page is dropped and nothing is counted
twice. So any number of processes may push the same walk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import Database
from .due import Work
from .rows import insert_once
from .tables import DueWorkRow, SweepRow


@dataclass(frozen=True)
class SweepStatus:
    """How a sweep that comes by itself stands: when the last one ended and what it found (None:
    none has yet), and why the one under way has failed so far.
    """

    ended_at: datetime | None
    found: Mapping[str, int]
    error: str | None


def locked(tx: Session, name: str) -> SweepRow:
    """The sweep's row, locked; made if there is none."""
    insert_once(tx, SweepRow, {"name": name})
    return tx.get_one(SweepRow, name, with_for_update=True, populate_existing=True)


def standing(tx: Session, name: str) -> SweepRow:
    """The sweep as it stands, to look at; one that never was is empty."""
    return tx.get(SweepRow, name) or SweepRow(name=name)


def conclude(row: SweepRow, reached: datetime, now: datetime, found: Mapping[str, Any]) -> None:
    """A walk came to its end: what it found, and when."""
    row.reached = reached
    row.ended_at = now
    row.found = dict(found)


def finish(row: SweepRow, reached: datetime, now: datetime, found: Mapping[str, Any]) -> None:
    """The walk of this cursor came to its end."""
    row.cursor = None
    conclude(row, reached, now, found)


def status(database: Database, kind: Work, name: str) -> SweepStatus:
    """How the sweep ``name``, done as due work of ``kind``, stands."""
    with database.read() as tx:
        row = standing(tx, name)
        failing = select(DueWorkRow.error).where(
            DueWorkRow.kind == kind.value, DueWorkRow.subject == name, DueWorkRow.attempts > 0
        )
        return SweepStatus(row.ended_at, row.found or {}, tx.scalars(failing).first())
