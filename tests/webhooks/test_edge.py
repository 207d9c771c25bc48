"""The edge: signed bytes through the real endpoint, never a stubbed verifier."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from adapter.database import Database
from adapter.tables import EventRow
from service.app import create_app
from service.settings import Settings
from service.wiring import Parts, build

pytestmark = pytest.mark.by_turns

SECRET, OLD_SECRET = "whsec_current", "whsec_before"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.subscription.updated",
    "created": 1_760_000_000,
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"object": "subscription", "id": "sub_1", "customer": "cus_1"}},
}


@pytest.fixture
def parts(database: Database, database_url: str) -> Iterator[Parts]:
    built = build(
        Settings.from_environment(
            {
                "STRIPE_API_KEY": "sk_test_planshift_tests",
                "STRIPE_WEBHOOK_SECRET": SECRET,
                "STRIPE_WEBHOOK_SECRET_FALLBACKS": f"{OLD_SECRET}, ",
                "PLANSHIFT_DATABASE_URL": database_url,
            }
        )
    )
    yield built
    built.database.dispose()


def sign(body: bytes, secret: str = SECRET, age_s: float = 0) -> str:
    stamp = int(time.time() - age_s)
    return WebhookSignature.generate_signature_header(body.decode(), secret, stamp)


def post(parts: Parts, body: bytes, signature: str | None) -> TestResponse:
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["Stripe-Signature"] = signature
    client = create_app(parts).test_client()
    return client.post("/webhooks/stripe", data=body, headers=headers)


def send(parts: Parts, event: Any = EVENT, **signing: Any) -> TestResponse:
    body = json.dumps(event).encode()
    return post(parts, body, sign(body, **signing))


def stored(parts: Parts) -> int:
    with parts.database.read() as tx:
        return tx.execute(select(func.count(EventRow.seq))).scalar_one()


def test_a_signed_event_is_stored_once_however_often_it_comes(parts: Parts):
    assert send(parts).json == {"event": "evt_1", "outcome": "stored"}
    assert send(parts).json == {"event": "evt_1", "outcome": "duplicate"}
    assert stored(parts) == 1


def test_a_rolled_secret_is_still_accepted(parts: Parts):
    assert send(parts, secret=OLD_SECRET).status_code == 200


@pytest.mark.parametrize(
    ("signing", "code"),
    [
        ({"secret": "whsec_forged"}, "signature_invalid"),
        ({"age_s": 301}, "signature_out_of_time"),
        ({"age_s": -302}, "signature_out_of_time"),
    ],
)
def test_a_forged_old_or_future_signature_is_400_and_stores_nothing(
    parts: Parts, signing: dict[str, Any], code: str
):
    answer = send(parts, **signing)
    assert (answer.status_code, answer.json["code"]) == (400, code)
    assert stored(parts) == 0


@pytest.mark.parametrize("signature", [None, "", "t=,v1=", "nonsense", "t=1,v0=abc", "t=x,v1=abc"])
def test_a_missing_or_malformed_signature_is_400(parts: Parts, signature: str | None):
    answer = post(parts, json.dumps(EVENT).encode(), signature)
    assert answer.status_code == 400
    assert stored(parts) == 0


def test_a_body_changed_after_signing_is_400(parts: Parts):
    body = json.dumps(EVENT).encode()
    answer = post(parts, body.replace(b"sub_1", b"sub_2"), sign(body))
    assert (answer.status_code, answer.json["code"]) == (400, "signature_invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b'"evt"',
        b"1",
        b"{}",
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "a"}',
        b"{",
        b"",
    ],
)
def test_a_signed_body_that_is_not_an_event_is_400(parts: Parts, body: bytes):
    answer = post(parts, body, sign(body))
    assert answer.status_code == 400, answer.json
    assert stored(parts) == 0


def test_a_body_that_is_not_utf8_is_400(parts: Parts):
    answer = post(parts, b"\xff\xfe", sign(b"whatever"))
    assert (answer.status_code, answer.json["code"]) == (400, "body_not_utf8")


def test_two_megabytes_are_413_before_anything_is_looked_at(parts: Parts):
    body = json.dumps({**EVENT, "padding": "x" * 2_000_000}).encode()
    answer = post(parts, body, sign(body))
    assert (answer.status_code, answer.json["code"]) == (413, "request_entity_too_large")
    assert stored(parts) == 0


def test_an_event_nobody_handles_is_200_and_ignored(parts: Parts):
    answer = send(parts, {**EVENT, "type": "radar.early_fraud_warning.created"})
    assert answer.json["outcome"] == "ignored"


def test_an_event_of_the_other_mode_is_200_and_never_acted_on(parts: Parts):
    assert send(parts, {**EVENT, "livemode": True}).json["outcome"] == "ignored"
    assert parts.inbox.counts() == {"ignored": 1}


def test_a_thin_event_is_taken_in_like_the_same_in_full(parts: Parts):
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.customer.subscription.updated",
        "created": "2026-01-10T09:00:00.000Z",
        "livemode": False,
        "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"},
    }
    assert send(parts, thin).json["outcome"] == "stored"
    row = parts.inbox.find("evt_thin")
    assert (row.type, row.object_id) == ("customer.subscription.updated", "sub_1")


@pytest.mark.parametrize(
    "data", [None, [], "x", {"object": None}, {"object": []}, {"object": {"id": 5, "customer": []}}]
)
def test_an_event_with_odd_data_never_fails_the_edge(parts: Parts, data: Any):
    assert send(parts, {**EVENT, "data": data}).status_code == 200


def test_without_a_secret_the_edge_is_closed_not_open(parts: Parts):
    parts.edge.secrets.clear()
    assert send(parts, secret="").status_code == 400


def test_a_database_that_is_away_answers_503_and_what_was_refused_comes_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    @contextmanager
    def away() -> Iterator[None]:
        raise OperationalError("INSERT", {}, Exception("server closed the connection"))
        yield

    with monkeypatch.context() as broken:
        broken.setattr(parts.database, "write", away)
        answer = send(parts)
        assert post(parts, json.dumps(EVENT).encode(), "t=1,v1=forged").status_code == 400
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "database_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert stored(parts) == 0
    assert send(parts).json == {"event": "evt_1", "outcome": "stored"}
