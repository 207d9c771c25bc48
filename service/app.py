"""The Flask app: made from the parts, with every route behind its scope."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response
from flask_smorest import Api

from webhooks.edge import MAX_BODY

from .api import (
    access,
    accounts,
    allowances,
    cancellation,
    catalogue,
    checkouts,
    docs,
    events,
    health,
    invoices,
    limits,
    payment_methods,
    plan_changes,
    problems,
    purchases,
    quotes,
    sales,
    stripe_webhook,
    text,
)
from .api.idempotency import Idempotency
from .api.openapi import complete
from .api.routes import Routes
from .api.schemas import Problem
from .wiring import Parts

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ProblemApi(Api):
    """flask-smorest with problem documents as its errors."""

    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        """``problems`` handles all errors."""


def create_app(parts: Parts, per_key: str = limits.PER_KEY) -> Flask:
    """The service as a WSGI app; ``per_key`` is what one API key may ask for, as "1000/minute"."""
    app = Flask("planshift", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        API_TITLE="Planshift",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
    )
    api = ProblemApi(app, spec_kwargs=_spec())
    for noun in (
        accounts,
        invoices,
        payment_methods,
        quotes,
        plan_changes,
        cancellation,
        allowances,
        purchases,
        sales,
        checkouts,
        catalogue,
        events,
        stripe_webhook,
        health,
    ):
        routes: Routes = noun.blueprint(parts)
        api.register_blueprint(routes)
    app.register_blueprint(docs.blueprint(complete(api.spec.to_dict(), app)))
    _install(app, parts, per_key)
    return app


def _install(app: Flask, parts: Parts, per_key: str) -> None:
    """What surrounds every route, in the order in which a request meets it."""
    # What is registered first runs last on the way back, so it sees the final answer.
    app.after_request(_harden)
    problems.install(app)
    access.install(app, parts.keys)
    limits.install(app, per_key)
    text.install(app)
    Idempotency(parts.database, parts.clock).install(app)


def _spec() -> dict[str, Any]:
    return {
        "info": {
            "description": "Plans and tiers onto Stripe, plan changes by your own rules, and "
            "webhooks that keep local state true."
        },
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }


def _harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
