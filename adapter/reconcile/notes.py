"""Reconcile's notes of what it has seen, in the database: so a walk over any number of objects
needs the memory of one page, and every process that walks may use what another has seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..gateway.snapshots import LIVE_SCHEDULE
from ..holdings import LIVE
from ..tables import AccountRow, CheckRow, InvoiceRow, ScheduleRow, SubscriptionRow
from .findings import Kind

# Invoices that money is still expected of, or may come to be.
UNSETTLED = ("draft", "open")
# Notes of what was not seen for so long are of things that are over.
KEPT = timedelta(days=30)


def note(
    tx: Session,
    kind: Kind,
    ids: Iterable[str],
    now: datetime,
    *,
    same: bool,
    doubtful: bool = False,
) -> None:
    """These were seen at Stripe now: the same as here, or not; ``doubtful`` if that is to be
    looked at once more.
    """
    same_at = now if same else None
    seen = [
        {"id": one, "kind": kind, "seen_at": now, "same_at": same_at, "doubtful": doubtful}
        for one in sorted(ids)
    ]
    if not seen:
        return
    flavour = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
    made = flavour(CheckRow).values(seen)
    moved = {"seen_at": made.excluded.seen_at, "doubtful": made.excluded.doubtful}
    if same:
        moved["same_at"] = made.excluded.same_at
    tx.execute(made.on_conflict_do_update(index_elements=["id"], set_=moved))


def last_same(tx: Session, object_id: str) -> datetime | None:
    """When the object was last seen as it is here."""
    row = tx.get(CheckRow, object_id)
    return row.same_at if row is not None else None


def seen_since(tx: Session, ids: Iterable[str], began: datetime) -> set[str]:
    """Which of these were seen in the walk that ``began`` then."""
    found = select(CheckRow.id).where(CheckRow.id.in_(ids), CheckRow.seen_at >= began)
    return set(tx.scalars(found))


def to_look_at(tx: Session, kind: Kind, began: datetime, after: str, limit: int) -> list[str]:
    """Ids behind ``after`` to look at one by one: what reads differently in a list, and what is
    live here and was in no list.
    """
    doubtful = (
        select(CheckRow.id)
        .where(CheckRow.doubtful, CheckRow.kind == kind, CheckRow.id > after)
        .order_by(CheckRow.id)
        .limit(limit)
    )
    both = {*tx.scalars(doubtful), *unlisted(tx, kind, began, after, limit)}
    return sorted(both)[:limit]


def unlisted(tx: Session, kind: Kind, began: datetime, after: str, limit: int) -> list[str]:
    """Ids of what is live here and was not seen at Stripe since ``began``, in order."""
    own, live = _LIVE_HERE[kind]
    seen = select(CheckRow.id).where(CheckRow.id == own, CheckRow.seen_at >= began).exists()
    found = select(own).where(live, own > after, ~seen).order_by(own).limit(limit)
    return [one for one in tx.scalars(found) if one is not None]


def forget(tx: Session, now: datetime) -> None:
    """Drop notes of what was not seen for a long time."""
    tx.execute(delete(CheckRow).where(CheckRow.seen_at < now - KEPT))


_LIVE_HERE = {
    "schedule": (ScheduleRow.id, ScheduleRow.status.in_(LIVE_SCHEDULE)),
    "subscription": (SubscriptionRow.id, SubscriptionRow.status.in_(LIVE)),
    "invoice": (InvoiceRow.id, InvoiceRow.status.in_(UNSETTLED)),
    "customer": (AccountRow.customer_id, AccountRow.customer_id.is_not(None) & ~AccountRow.deleted),
}
