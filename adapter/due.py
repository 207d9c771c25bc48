"""Due work: what has to be done at a time even if the process that began it is gone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .rows import insert_once
from .tables import DueWorkRow


class Work(StrEnum):
    """The kinds of due work; ``subject`` says of what."""

    CARRY_OUT = "carry_out"  # subject: plan change id
    UNDO = "undo"  # subject: plan change id
    UNCANCEL = "uncancel"  # subject: subscription id


def arm(tx: Session, kind: Work, subject: str, owner: str, at: datetime) -> None:
    """Make sure that ``kind`` is done for ``subject`` at ``at`` (wall time) or after.

    ``owner`` is the customer the work belongs to; the worker claims by it.
    """
    row = {"kind": kind.value, "subject": subject, "owner": owner, "next_at": at}
    if insert_once(tx, DueWorkRow, {**row, "state": "pending", "attempts": 0}):
        return
    tx.execute(
        update(DueWorkRow)
        .where(DueWorkRow.kind == kind.value, DueWorkRow.subject == subject)
        .values(state="pending", attempts=0, next_at=at, owner=owner, error=None)
    )


def disarm(tx: Session, kind: Work, subject: str) -> None:
    """The work is done."""
    tx.execute(
        update(DueWorkRow)
        .where(DueWorkRow.kind == kind.value, DueWorkRow.subject == subject)
        .values(state="done", error=None)
    )


def due(tx: Session, now: datetime, limit: int) -> list[DueWorkRow]:
    """Work whose time has come, oldest first."""
    return list(
        tx.scalars(
            select(DueWorkRow)
            .where(DueWorkRow.state == "pending", DueWorkRow.next_at <= now)
            .order_by(DueWorkRow.next_at, DueWorkRow.seq)
            .limit(limit)
        )
    )
