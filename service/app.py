"""The Flask app: made from the parts, with every route behind its scope."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response
from flask_smorest import Api, Blueprint

from webhooks.edge import MAX_BODY

from .api import (
    access,
    accounts,
    catalogue,
    events,
    health,
    plan_changes,
    problems,
    stripe_webhook,
)
from .api.idempotency import Idempotency
from .api.schemas import Problem
from .wiring import Parts


class ProblemApi(Api):
    """flask-smorest with problem documents as its errors."""

    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        """``problems`` handles all errors."""


def create_app(parts: Parts) -> Flask:
    """The service as a WSGI app."""
    app = Flask("planshift", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        API_TITLE="Planshift",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = ProblemApi(app, spec_kwargs=_spec())
    for noun in (accounts, plan_changes, catalogue, events, stripe_webhook, health):
        routes: Blueprint = noun.blueprint(parts)
        api.register_blueprint(routes)
    problems.install(app)
    access.install(app, parts.keys)
    Idempotency(parts.database, parts.clock).install(app)
    app.after_request(_harden)
    return app


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
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
