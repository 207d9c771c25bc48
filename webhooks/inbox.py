"""The inbox: events as received, for looking at and for running again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from adapter.clock import Clock
from adapter.database import Database
from adapter.errors import Conflict, NotFound
from adapter.tables import EventRow


class Inbox:
    """Events of one deployment."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def listed(self, state: str | None, before: int, limit: int) -> list[EventRow]:
        """Events, newest first, those in ``state`` only if given."""
        statement = select(EventRow)
        if state:
            statement = statement.where(EventRow.state == state)
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
            row.state, row.attempts, row.next_at = "pending", 0, self._clock.now()
            row.error = row.traceback = row.processed_at = None
        return row

    def counts(self) -> dict[str, int]:
        """How many events there are in each state."""
        with self._database.read() as tx:
            rows = tx.execute(select(EventRow.state, func.count()).group_by(EventRow.state))
            return {str(state): int(count) for state, count in rows}


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
