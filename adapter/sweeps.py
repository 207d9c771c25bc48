"""Where a walk over a long list at Stripe stands, so that it goes on there after any death.

Each page is committed together with the cursor behind it. Whoever takes a page says which cursor
it was fetched for: if another process was quicker, the page is dropped and nothing is counted
twice. So any number of processes may push the same walk.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from .rows import insert_once
from .tables import SweepRow


def locked(tx: Session, name: str) -> SweepRow:
    """The sweep's row, locked; made if there is none."""
    insert_once(tx, SweepRow, {"name": name})
    return tx.get_one(SweepRow, name, with_for_update=True, populate_existing=True)


def standing(tx: Session, name: str) -> SweepRow:
    """The sweep as it stands, to look at; one that never was is empty."""
    return tx.get(SweepRow, name) or SweepRow(name=name)


def finish(row: SweepRow, reached: datetime, now: datetime, found: Mapping[str, Any]) -> None:
    """The walk came to its end."""
    row.cursor = None
    row.reached = reached
    row.ended_at = now
    row.found = dict(found)
