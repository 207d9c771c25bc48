"""Who may call what, for every route there is: the list is the app's own, so none is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from adapter.errors import Misconfigured
from adapter.keys import IMPLIED, SCOPES
from service.api import access
from service.app import HEADERS
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

READING = {"GET", "HEAD", "OPTIONS"}
WITHOUT_A_KEY = {
    "/docs",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/readyz",
    "/webhooks/stripe",
}


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def routes(w: World) -> list[tuple[str, str, str]]:
    """(method, path, scope) of everything that is served."""
    return [
        (method, re.sub(r"<[^>]+>", "acme", rule.rule), scope_of(w.app, rule.endpoint))
        for rule in w.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def scope_of(app: Flask, endpoint: str) -> str:
    scope: str = getattr(app.view_functions[endpoint], access.MARK)
    return scope


def test_only_these_need_no_key(w: World):
    public = {path for _, path, scope in routes(w) if scope == access.PUBLIC}
    assert public == WITHOUT_A_KEY


def test_whoever_only_reads_can_write_nothing(w: World):
    for method, path, scope in routes(w):
        assert method in READING or not scope.endswith(":read"), (method, path)
        assert method in READING or scope != access.ANY_KEY, (method, path)


def test_every_route_refuses_a_missing_and_a_wrong_key(w: World):
    for number, (method, path, scope) in enumerate(routes(w)):
        if scope == access.PUBLIC:
            continue
        address = {"REMOTE_ADDR": f"192.0.2.{number}"}
        for headers in ({}, {"Authorization": "Bearer psk_a_b"}, {"Authorization": "Basic eDp5"}):
            answer = w.http.open(path, method=method, headers=headers, environ_base=address)
            assert (answer.status_code, answer.json["code"]) == (401, "unauthorized"), path
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_refuses_a_key_that_has_all_scopes_but_its_own(w: World):
    lacking = {
        scope: w.parts.keys.create(
            scope,
            [other for other in SCOPES if other != scope and scope not in IMPLIED.get(other, ())],
        )
        for scope in SCOPES
    }
    for method, path, scope in routes(w):
        if scope in (access.PUBLIC, access.ANY_KEY):
            continue
        headers = {"Authorization": f"Bearer {lacking[scope]}"}
        answer = w.http.open(path, method=method, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), (method, path)
        assert answer.json["scope"] == scope


def test_a_key_with_its_scope_alone_is_let_in(w: World):
    w.account("acme")
    for method, path, scope in routes(w):
        if scope in (access.PUBLIC, access.ANY_KEY):
            continue
        key = w.parts.keys.create("one", [scope])
        answer = w.http.open(path, method=method, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code not in (401, 403, 500), (method, path)


def test_every_answer_carries_the_headers_of_security(w: World):
    for method, path, _ in [*routes(w), ("GET", "/nowhere", ""), ("PATCH", "/docs", "")]:
        answer = w.http.open(path, method=method)
        for name in HEADERS:
            assert answer.headers[name], (method, path, name)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (RuntimeError("sk_test_planshift_tests in /srv/adapter.py"), (500, "internal_error")),
        (
            Misconfigured("stripe_key_rejected", "RuntimeError: sk_test_planshift_tests"),
            (503, "stripe_key_rejected"),
        ),
    ],
)
def test_a_fault_of_ours_says_nothing_about_itself(
    w: World, monkeypatch: pytest.MonkeyPatch, fault: Exception, told: tuple[int, str]
):
    secret = "sk_test_planshift_tests"

    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(type(w.parts.states), "account", broken)
    answer = w.call("PUT", "/v1/accounts/acme", {"email": "a@b.example"})
    assert (answer.status_code, answer.json["code"]) == told
    assert answer.content_type == "application/problem+json"
    for kept in (secret, "Traceback", "RuntimeError", "/srv", "adapter"):
        assert kept not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_route_without_a_scope_cannot_be_served(w: World):
    app = Flask("forgetful")
    app.add_url_rule("/open", view_func=lambda: "")
    with pytest.raises(RuntimeError, match="/open"):
        access.install(app, w.parts.keys)
