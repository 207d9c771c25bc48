"""The inbox: events as received, for looking at and for running again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from adapter.clock import Clock
from adapter.database import Database
from adapter.errors import Conflict, NotFound
from adapter.tables import EventRow


class Inbox:
    """Events of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def listed(
        self,
        state: str | None,
        before: int,
        limit: int,
        *,
        kind: str | None = None,
        customer: str | None = None,
    ) -> list[EventRow]:
        """Events, newest first; of one state, type or customer only where that is given."""
        statement = select(EventRow).where(*_which(state, kind, customer))
        if before:
            statement = statement.where(EventRow.seq < before)
        with self._database.read() as tx:
            return list(tx.scalars(statement.order_by(EventRow.seq.desc()).limit(limit)))

    def find(self, event_id: str) -> EventRow:
        """One event by Stripe's id. Raises NotFound."""
        with self._database.read() as tx:
            row = tx.scalars(select(EventRow).where(EventRow.id == event_id)).first()
        if row is None:
            raise NotFound.event(event_id)
        return row

    def replay(self, event_id: str) -> EventRow:
        """Put an event back to pending; running it again is always safe.

        Raises:
            NotFound: no such event.
            Conflict: ``not_replayable`` for events that are not handled here.
        """
        with self._database.write() as tx:
            row = tx.scalars(select(EventRow).where(EventRow.id == event_id)).first()
            if row is None:
                raise NotFound.event(event_id)
            if row.state == "ignored":
                raise Conflict("not_replayable", f"Event {event_id} is ignored: {row.error}.")
            for column, value in _afresh(self._clock.now()).items():
                setattr(row, column, value)
        return row

    def replay_all(
        self, state: str, *, kind: str | None = None, customer: str | None = None
    ) -> int:
        """Put every event of a state back to pending, of one type or customer only where that is
        given; gives how many.

        Raises:
            Conflict: ``not_replayable`` for those that are not handled here.
        """
        if state == "ignored":
            raise Conflict("not_replayable", "Ignored events are of kinds not handled here.")
        with self._database.write() as tx:
            again = tx.execute(
                update(EventRow)
                .where(*_which(state, kind, customer))
                .values(**_afresh(self._clock.now()))
                .returning(EventRow.seq)
            )
            return len(again.all())

    def counts(self) -> dict[str, int]:
        """How many events there are in each state."""
        with self._database.read() as tx:
            rows = tx.execute(select(EventRow.state, func.count()).group_by(EventRow.state))
            return {str(state): int(count) for state, count in rows}


def _which(state: str | None, kind: str | None, customer: str | None) -> list[Any]:
    asked = ((EventRow.state, state), (EventRow.type, kind), (EventRow.customer_id, customer))
    return [column == value for column, value in asked if value]


def _afresh(now: datetime) -> dict[str, Any]:
    """An event as it is before anybody has tried it."""
    nothing = dict.fromkeys(("error", "traceback", "processed_at"))
    return {"state": "pending", "attempts": 0, "next_at": now, **nothing}


def event_document(row: EventRow) -> dict[str, Any]:
    """An event as callers read it; there is no payload to show, since none is kept."""
    return {
        "id": row.id,
        "type": row.type,
        "state": row.state,
        "occurred_at": row.occurred_at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "processed_at": row.processed_at.isoformat() if row.processed_at else None,
        "object": {"type": row.object_type, "id": row.object_id},
        "customer": row.customer_id,
        "subscription": row.subscription_id,
        "attempts": row.attempts,
        "error": row.error,
        "api_version": row.api_version,
    }
