"""Listing notices, for the people who operate a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from ..database import Database
from ..tables import AccountRow, NoticeRow
from .outbox import Kind
from .sending import NoticeState


@dataclass(frozen=True)
class ListedNotice:
    """One notice as it stands; moments are wall time.

    ``next_at`` is when a pending one is tried (again); ``error`` is why it was skipped, is dead,
    or has not been sent yet. ``account`` is the caller's own reference.
    """

    message_id: str
    kind: Kind
    account: str
    state: NoticeState
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    attempts: int
    error: str | None


def list_notices(
    database: Database, state: NoticeState | None = None, limit: int = 50
) -> list[ListedNotice]:
    """The newest ``limit`` notices, newest first; only those in ``state`` if it is given."""
    query = (
        select(NoticeRow, AccountRow.ref)
        .join(AccountRow, AccountRow.seq == NoticeRow.account_seq)
        .order_by(NoticeRow.seq.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(NoticeRow.state == state)
    with database.read() as tx:
        return [_listed(notice, ref) for notice, ref in tx.execute(query)]


def _listed(notice: NoticeRow, ref: str) -> ListedNotice:
    return ListedNotice(
        message_id=notice.message_id,
        kind=Kind(notice.kind),
        account=ref,
        state=NoticeState(notice.state),
        created_at=notice.created_at,
        next_at=notice.next_at,
        sent_at=notice.sent_at,
        attempts=notice.attempts,
        error=notice.error,
    )
