"""Errors as RFC 9457 problem documents: stable ``code``, what happened, where, and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from flask import Flask, Response, json
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, UnprocessableEntity

from adapter import errors
from adapter.database import is_away
from adapter.gateway import failures
from webhooks import BadRequest

from .problem_codes import ALL as MEANINGS
from .text import shown

log = structlog.get_logger(__name__)

STATUS: tuple[tuple[type[errors.AdapterError], int], ...] = (
    (errors.NotFound, 404),
    (errors.Invalid, 422),
    (errors.Conflict, 409),
    (errors.PaymentFailed, 402),
    (errors.Unavailable, 503),
    (errors.Misconfigured, 503),
)
RETRY_AFTER_S = "5"


def problem(status: int, code: str, detail: str, **members: Any) -> Response:
    """A problem document as a response."""
    document = {
        "type": f"urn:planshift:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        **members,
    }
    response = Response(json.dumps(document), status, content_type="application/problem+json")
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER_S
    return response


def install(app: Flask) -> None:
    """Answer every error of this app with a problem document."""
    app.register_error_handler(errors.AdapterError, _adapter_error)
    app.register_error_handler(failures.GatewayFailure, _gateway_failure)
    app.register_error_handler(BadRequest, lambda bad: problem(400, bad.code, bad.detail))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SQLAlchemyError, _database_error)
    app.register_error_handler(Exception, _unexpected)


def _adapter_error(error: errors.AdapterError) -> Response:
    status = next(code for kind, code in STATUS if isinstance(error, kind))
    if isinstance(error, errors.Misconfigured):
        # For the operator: Stripe's own words, in which a part of the key may stand.
        log.error("misconfigured", code=error.code, detail=error.detail)
        return problem(status, error.code, MEANINGS[error.code].text)
    return problem(status, error.code, error.detail, **error.facts)


def _gateway_failure(failure: failures.GatewayFailure) -> Response:
    log.warning("stripe_failure", code=failure.code, request=failure.request_id)
    if isinstance(failure, failures.NotAllowed):
        return problem(503, "stripe_key_rejected", "Stripe rejected the service's API key.")
    if isinstance(failure, failures.Refused | failures.Declined):
        return problem(409, "refused_by_stripe", failure.message, stripe_code=failure.code)
    return problem(503, "stripe_unavailable", "Stripe did not answer usably; try again.")


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if isinstance(error, UnprocessableEntity):
        found = list(_paths(getattr(error, "data", {}).get("messages", {})))
        return problem(
            422,
            "invalid_request",
            "; ".join(f"{one['path']}: {one['message']}" for one in found) or "Not valid.",
            errors=found,
        )
    name = (error.name or "error").lower().replace(" ", "_")
    response = problem(status, name, error.description or name)
    for header, value in error.get_headers():
        if header in ("Allow", "Retry-After"):
            response.headers[header] = value
    return response


def _database_error(error: SQLAlchemyError) -> Response:
    """503 while the database is away: whoever asked may ask again, and Stripe does."""
    if not is_away(error):
        return _unexpected(error)
    log.error("database_unavailable", error=type(error).__name__)
    return problem(503, "database_unavailable", "The database does not answer; try again.")


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected_error", error=type(error).__name__)
    return problem(500, "internal_error", "Something went wrong here; it has been logged.")


def _paths(messages: object, path: str = "") -> Iterator[dict[str, str]]:
    """marshmallow's nested messages as (path, message) pairs: ``changes[0].plan``."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            top = not path and key in ("json", "query", "headers")
            yield from _paths(inner, "" if top else _joined(path, key))
        return
    texts = messages if isinstance(messages, list) else [messages]
    for text in texts:
        yield {"path": path or "body", "message": str(text)}


def _joined(path: str, key: object) -> str:
    if isinstance(key, int) or str(key).isdigit():
        return f"{path}[{key}]"
    if key == "_schema":
        return path
    # A member's name is the caller's own text, and this answer may be kept for its key.
    name = shown(str(key))
    return f"{path}.{name}" if path else name
