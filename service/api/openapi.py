"""The OpenAPI document: flask-smorest's, completed by what holds for every operation alike.

The views say what is their own (bodies, answers). That an operation needs a scope, takes an
``Idempotency-Key``, and can fail in the ways that all its kind can, follows from the scope mark,
the method and the path, so it is said once, here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask import Flask

from .access import ANY_KEY, MARK, PUBLIC
from .problem_codes import ALL

PROBLEM = {"$ref": "#/components/schemas/Problem"}
METHODS = ("get", "put", "post", "delete", "patch")
PATH_TEXTS = {
    "ref": "your own id of the account",
    "change_id": "the id of a plan change",
    "purchase_id": "the id of a purchase",
    "event_id": "Stripe's id of the event",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request brings the same answer for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
# Operations that take money each time they are asked for.
KEY_REQUIRED = frozenset({"buy"})
RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds until it makes sense to try again.",
        "schema": {"type": "integer", "minimum": 0},
    }
}


def complete(document: dict[str, Any], app: Flask) -> dict[str, Any]:
    """``document`` with scopes, keys and failures in all its operations."""
    scopes = _scopes(app)
    for path, methods in document["paths"].items():
        for parameter in methods.get("parameters", ()):
            parameter["description"] = PATH_TEXTS[parameter["name"]]
        for method, operation in operations(methods):
            endpoint, scope = scopes[path, method]
            operation["operationId"] = endpoint.rpartition(".")[2]
            _tidy(operation)
            _secure(operation, scope, method)
            _fail(operation, _failures(operation, scope, method, path))
    components = document["components"]
    components["schemas"].pop("PaginationMetadata", None)
    components["responses"] = {_name(status): _response(status) for status in _statuses()}
    return document | {"servers": [{"url": "/"}]}


def operations(methods: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The operations of one path, by method."""
    return ((method, methods[method]) for method in METHODS if method in methods)


def _scopes(app: Flask) -> dict[tuple[str, str], tuple[str, str]]:
    """Endpoint and scope of each (path, method)."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower()): (
            rule.endpoint,
            getattr(app.view_functions[rule.endpoint], MARK),
        )
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _tidy(operation: dict[str, Any]) -> None:
    """A query cannot say null, whatever its field may hold when nothing is said."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        if isinstance(schema.get("type"), list):
            schema["type"] = schema["type"][0]
        if schema.get("default", "") is None:
            del schema["default"]
        if "enum" in schema:
            schema["enum"] = [value for value in schema["enum"] if value is not None]


def _secure(operation: dict[str, Any], scope: str, method: str) -> None:
    if scope == PUBLIC:
        operation["security"] = []
        return
    # Since 3.1 the list may name what the key must be allowed to do.
    operation["security"] = [{"key": [] if scope == ANY_KEY else [scope]}]
    if method == "post":
        required = operation["operationId"] in KEY_REQUIRED
        key = {**IDEMPOTENCY_KEY, "required": required}
        operation.setdefault("parameters", []).append(key)


def _failures(operation: dict[str, Any], scope: str, method: str, path: str) -> set[int]:
    """The statuses of the ways in which an operation of this kind can fail."""
    found = {500}
    if scope == PUBLIC:
        return found
    found |= {401, 429, 503}
    if scope != ANY_KEY:
        found |= {403}
    if "{" in path:
        found |= {404, 422}
    if "parameters" in operation:
        found |= {422}
    if "requestBody" in operation:
        found |= {400, 413, 415, 422}
    if method != "get":
        found |= {409}
    return found


def _fail(operation: dict[str, Any], statuses: set[int]) -> None:
    said = operation["responses"]
    said.pop("default", None)
    failing = {int(status) for status in said if int(status) >= 400} | statuses
    kept = {status: answer for status, answer in said.items() if int(status) < 400}
    refs = {
        str(status): {"$ref": f"#/components/responses/{_name(status)}"}
        for status in sorted(failing)
    }
    operation["responses"] = dict(sorted(kept.items())) | refs


def _name(status: int) -> str:
    return f"Problem{status}"


def _statuses() -> list[int]:
    return sorted({meaning.status for meaning in ALL.values() if meaning.status})


def _response(status: int) -> dict[str, Any]:
    codes = ", ".join(code for code, meaning in ALL.items() if meaning.status == status)
    response: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {codes}.",
        "content": {"application/problem+json": {"schema": PROBLEM}},
    }
    if status in (429, 503):
        response["headers"] = RETRY_AFTER
    return response
