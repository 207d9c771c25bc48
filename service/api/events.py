"""The inbox, for operators: what Stripe told us and what became of it."""

from __future__ import annotations

from functools import partial
from typing import Any

from webhooks.inbox import event_document

from ..wiring import Parts
from . import schemas
from .access import scope
from .paging import listed
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The event routes."""
    routes = Routes("events", __name__, url_prefix="/v1/events", description=__doc__)

    @routes.get("")
    @routes.arguments(schemas.EventListQuery, location="query")
    @routes.response(200, schemas.EventPage)
    @scope("events:read")
    def list_events(query: dict[str, Any]) -> dict[str, Any]:
        """Events, newest first."""
        filters = {"kind": query["type"], "customer": query["customer"]}
        rows = partial(parts.inbox.listed, query["state"], **filters)
        return listed(query, rows, event_document)

    @routes.get("/<event_id>")
    @routes.response(200, schemas.EventInFull)
    @scope("events:read")
    def get_event(event_id: str) -> dict[str, Any]:
        """One event; with the traceback if it is dead."""
        row = parts.inbox.find(event_id)
        return {**event_document(row), "traceback": row.traceback}

    @routes.post("/<event_id>/replay")
    @routes.response(202, schemas.Event)
    @scope("events:write")
    def replay_event(event_id: str) -> dict[str, Any]:
        """Run an event again; always safe, since objects are fetched and effects are unique."""
        return event_document(parts.inbox.replay(event_id))

    return routes
