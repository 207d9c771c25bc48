"""Rate limits: callers are held to their share, and nobody's refusals hold up the others."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from adapter.database import Database
from adapter.keys import SCOPES
from service.api.limits import PER_KEY, REFUSALS
from service.app import create_app
from service.settings import Settings
from service.wiring import Parts, build

pytestmark = pytest.mark.by_turns

SECRET = "whsec_of_the_limits"
ALLOWED = REFUSALS.amount
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "radar.early_fraud_warning.created",
    "created": 1_760_000_000,
    "livemode": False,
    "data": {"object": {"object": "x", "id": "x_1"}},
}


@pytest.fixture
def parts(database: Database, database_url: str) -> Iterator[Parts]:
    built = build(
        Settings.from_environment(
            {
                "STRIPE_API_KEY": "sk_test_planshift_tests",
                "STRIPE_WEBHOOK_SECRET": SECRET,
                "PLANSHIFT_DATABASE_URL": database_url,
            }
        )
    )
    yield built
    built.database.dispose()


@pytest.fixture
def app(parts: Parts) -> Flask:
    return create_app(parts)


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


def bearer(parts: Parts) -> dict[str, str]:
    return {"Authorization": f"Bearer {parts.keys.create('limits', SCOPES)}"}


def deliver(http: FlaskClient, secret: str = SECRET, body: bytes | None = None) -> TestResponse:
    body = json.dumps(EVENT).encode() if body is None else body
    signed = WebhookSignature.generate_signature_header(body.decode(), secret, int(time.time()))
    headers = {"Stripe-Signature": signed, "Content-Type": "application/json"}
    return http.post("/webhooks/stripe", data=body, headers=headers)


def assert_limited(answer: TestResponse) -> None:
    assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")
    assert answer.content_type == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_key_has_its_own_share(parts: Parts):
    http = create_app(parts, per_key="5/minute").test_client()
    busy, calm = bearer(parts), bearer(parts)
    for _ in range(5):
        assert http.get("/v1/catalogue", headers=busy).status_code == 200
    assert_limited(http.get("/v1/catalogue", headers=busy))
    assert_limited(http.get("/v1/events", headers=busy))
    assert http.get("/v1/catalogue", headers=calm).status_code == 200
    # A refused request is nothing that its Idempotency-Key could be remembered for.
    assert_limited(http.post("/v1/events/evt/replay", headers={**busy, "Idempotency-Key": "k"}))


def test_the_share_is_generous():
    amount, _, unit = PER_KEY.partition("/")
    assert int(amount) >= 1000
    assert unit == "minute"


def test_failed_keys_are_limited_by_address_and_a_good_key_never_pays_for_them(
    parts: Parts, http: FlaskClient
):
    wrong = {"Authorization": "Bearer psk_nobody_nothing"}
    for _ in range(ALLOWED):
        assert http.get("/v1/catalogue", headers=wrong).status_code == 401
    assert_limited(http.get("/v1/catalogue", headers=wrong))
    assert_limited(http.get("/v1/catalogue"))
    assert http.get("/v1/catalogue", headers=bearer(parts)).status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert http.get("/v1/catalogue", environ_base=elsewhere).status_code == 401


def test_who_claims_to_be_somebody_else_is_not_believed(http: FlaskClient):
    for number in range(ALLOWED):
        claimed = {"X-Forwarded-For": f"198.51.100.{number}"}
        assert http.get("/v1/catalogue", headers=claimed).status_code == 401
    assert_limited(http.get("/v1/catalogue", headers={"X-Forwarded-For": "198.51.100.99"}))


def test_forged_webhooks_are_limited_and_genuine_ones_from_the_same_address_never(
    http: FlaskClient,
):
    for number in range(ALLOWED):
        body = b"x" * 1_100_000 if number % 10 == 0 else None
        answer = deliver(http, secret="whsec_forged", body=body)
        assert answer.status_code == (413 if body else 400)
        assert deliver(http).status_code == 200
    assert_limited(deliver(http, secret="whsec_forged"))
    assert_limited(http.post("/webhooks/stripe", data=b"{}"))
    for _ in range(3 * ALLOWED):
        assert deliver(http).status_code == 200


def test_forged_webhooks_and_failed_keys_are_counted_apart(http: FlaskClient):
    for _ in range(ALLOWED + 1):
        deliver(http, secret="whsec_forged")
    assert http.get("/v1/catalogue").status_code == 401


def test_whoever_watches_the_service_is_never_limited(parts: Parts):
    http = create_app(parts, per_key="1/minute").test_client()
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        answers = {http.get(path, headers=bearer(parts)).status_code for _ in range(2 * ALLOWED)}
        assert answers == {200}, path
