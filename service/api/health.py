"""Liveness, readiness and metrics, for whoever runs the service."""

from __future__ import annotations

from typing import Any

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from adapter.alerts import alerts
from adapter.migrations import is_current

from ..wiring import Parts
from . import schemas
from .access import PUBLIC, scope
from .problems import problem
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The routes of health."""
    routes = Routes("health", __name__, description=__doc__)

    @routes.get("/healthz")
    @routes.response(200, schemas.Status)
    @scope(PUBLIC)
    def healthz() -> dict[str, Any]:
        """The process runs."""
        return {"status": "ok"}

    @routes.get("/readyz")
    @routes.response(200, schemas.Status)
    @routes.alt_response(503, schema=schemas.Problem)
    @scope(PUBLIC)
    def readyz() -> dict[str, Any] | Response:
        """The database answers and is at the newest revision."""
        try:
            with parts.database.read() as tx:
                tx.execute(text("SELECT 1"))
            current = is_current(parts.database)
        except SQLAlchemyError:
            return problem(503, "database_unavailable", "The database does not answer.")
        if not current:
            return problem(503, "database_outdated", "Run 'planshift db upgrade'.")
        return {"status": "ready"}

    @routes.get("/metrics")
    @routes.response(200, {"type": "string"}, content_type=CONTENT_TYPE_LATEST)
    @scope(PUBLIC)
    def metrics() -> Response:
        """Counters in Prometheus' text format; nothing in it is personal."""
        parts.metrics.inbox.set_from(parts.inbox.counts())
        parts.metrics.sweeps.set_from(parts.backfill.status(), parts.reconciling.status())
        with parts.database.read() as tx:
            parts.metrics.alerts.set_from(alerts(tx))
        return Response(generate_latest(parts.metrics.registry), content_type=CONTENT_TYPE_LATEST)

    return routes
