"""Where Stripe calls."""

from __future__ import annotations

from flask import request
from flask_smorest import Blueprint

from webhooks import Receipt

from ..wiring import Parts
from . import schemas
from .access import PUBLIC, scope


def blueprint(parts: Parts) -> Blueprint:
    """The webhook route."""
    routes = Blueprint("webhooks", __name__, url_prefix="/webhooks", description=__doc__)

    @routes.post("/stripe")
    @routes.response(200, schemas.Received)
    @scope(PUBLIC)
    def receive() -> dict[str, str]:
        """Take in a signed event. 200 once it is stored; 400 for what is not Stripe's."""
        body = request.get_data(cache=False)
        receipt: Receipt = parts.edge.receive(body, request.headers.get("Stripe-Signature"))
        parts.metrics.events.labels(receipt.outcome).inc()
        return {"event": receipt.event_id, "outcome": receipt.outcome}

    return routes
