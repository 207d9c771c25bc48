"""Where Stripe calls."""

from __future__ import annotations

from typing import Any

from flask import request

from webhooks import Receipt

from ..wiring import Parts
from . import schemas
from .access import PUBLIC, scope
from .routes import Routes

SIGNED: dict[str, Any] = {
    "parameters": [
        {
            "name": "Stripe-Signature",
            "in": "header",
            "required": True,
            "description": "Stripe's signature of the body",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "description": "an event"}}},
    },
}


def blueprint(parts: Parts) -> Routes:
    """The webhook route."""
    routes = Routes("webhooks", __name__, url_prefix="/webhooks", description=__doc__)

    @routes.post("/stripe")
    @routes.response(200, schemas.Received)
    @routes.alt_response(400, schema=schemas.Problem)
    @routes.alt_response(413, schema=schemas.Problem)
    @routes.alt_response(429, schema=schemas.Problem)
    @routes.alt_response(503, schema=schemas.Problem)
    @routes.doc(**SIGNED)
    @scope(PUBLIC)
    def receive() -> dict[str, str]:
        """Take in a signed event. 200 once it is stored; 400 for what is not Stripe's; 503
        if it could not be stored."""
        body = request.get_data(cache=False)
        receipt: Receipt = parts.edge.receive(body, request.headers.get("Stripe-Signature"))
        parts.metrics.events.labels(receipt.outcome).inc()
        return {"event": receipt.event_id, "outcome": receipt.outcome}

    return routes
