"""Who may call what: every route names its scope, and a route without one cannot be served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, g, request

from adapter.keys import SCOPES, Caller, Keys

from .problems import problem

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"
ANY_KEY = "any"
# The scope of what is agreed with sales.
SALES = "changes:sales"
MARK = "planshift_scope"


def scope(name: str) -> Callable[[View], View]:
    """Let a route be called only with a key that has ``name``; ``any`` takes every key,
    ``public`` needs none.
    """
    if name not in (*SCOPES, PUBLIC, ANY_KEY):
        raise ValueError(f"{name!r} is not a scope")

    def mark(view: View) -> View:
        # functools.wraps carries it on to whatever decorates the view further.
        view.__dict__[MARK] = name
        return view

    return mark


def install(app: Flask, keys: Keys) -> None:
    """Check the key before every request. Call after all routes are registered.

    Raises:
        RuntimeError: a route forgot to name its scope.
    """
    forgotten = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if not hasattr(app.view_functions[rule.endpoint], MARK)
    ]
    if forgotten:
        raise RuntimeError(f"routes without a scope: {forgotten}")
    app.before_request(lambda: _check(app, keys))


def caller() -> Caller:
    """Who makes the present request."""
    found: Caller = g.caller
    return found


def require(name: str) -> None:
    """Answer 403 unless the present caller has the scope ``name``, besides that of the route."""
    if name not in caller().scopes:
        abort(_lacking(name))


def _lacking(name: str) -> Response:
    return problem(403, "forbidden", f"This key lacks the scope {name!r}.", scope=name)


def _check(app: Flask, keys: Keys) -> Response | None:
    endpoint = request.endpoint
    if endpoint is None:
        return None
    needed = getattr(app.view_functions[endpoint], MARK)
    if needed == PUBLIC:
        return None
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    found = keys.caller(key.strip()) if kind.lower() == "bearer" else None
    if found is None:
        refused = problem(
            401,
            "unauthorized",
            "Send an API key: 'Authorization: Bearer psk_…'. "
            "Make one with 'planshift keys create'.",
        )
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused
    if needed not in (ANY_KEY, *found.scopes):
        return _lacking(needed)
    g.caller = found
    return None
