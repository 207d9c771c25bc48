"""Bad input gets its stable code and the path of the fault, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from adapter.tables import ChangeRow, IntentRow, QuoteRow
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

CORE = {"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@pytest.fixture
def acme(w: World) -> World:
    w.account("acme")
    return w


def written(w: World) -> tuple[int, ...]:
    """How many quotes, changes and intents there are."""
    with w.parts.database.read() as tx:
        tables = (QuoteRow.id, ChangeRow.id, IntentRow.key)
        return tuple(tx.execute(select(func.count(column))).scalar_one() for column in tables)


@pytest.mark.parametrize(
    ("wrong", "code", "known"),
    [
        ({"family": "chat"}, "unknown_family", "operations"),
        ({"plan": "gold"}, "unknown_plan", "core"),
        ({"tier": "11k"}, "unknown_tier", "10k"),
        ({"interval": "week"}, "unknown_interval", "month"),
        ({"currency": "gbp"}, "unknown_currency", "eur"),
    ],
)
def test_an_offer_that_does_not_exist_is_named_with_what_there_is(
    acme: World, wrong: dict[str, Any], code: str, known: str
):
    before = written(acme)
    answer = acme.call("POST", "/v1/accounts/acme/quotes", {"changes": [{**CORE, **wrong}]})
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert answer.content_type == "application/problem+json"
    assert answer.json["path"] == f"changes[0].{next(iter(wrong))}"
    assert known in answer.json["known"]
    assert written(acme) == before


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "changes"),
        ({"changes": []}, "changes"),
        ({"changes": [{**CORE, "quantity": 0}]}, "changes[0].quantity"),
        ({"changes": [{**CORE, "quantity": "many"}]}, "changes[0].quantity"),
        ({"changes": [{**CORE, "colour": "red"}]}, "changes[0].colour"),
        ({"changes": ["core"]}, "changes[0]"),
        ([], "body"),
    ],
)
def test_a_malformed_body_is_422_with_the_path(acme: World, body: Any, path: str):
    answer = acme.call("POST", "/v1/accounts/acme/quotes", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert path in [fault["path"] for fault in answer.json["errors"]], answer.json


def test_a_body_that_is_not_json_is_400(acme: World):
    answer = acme.http.post(
        "/v1/accounts/acme/quotes",
        data=b"{",
        headers={**acme.headers, "Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json["code"] == "bad_request"


def test_the_offer_the_account_already_has_is_refused(acme: World):
    acme.change("acme", "core", "10k")
    answer = acme.call("POST", "/v1/accounts/acme/quotes", {"changes": [CORE]})
    assert (answer.status_code, answer.json["code"]) == (409, "already_on_offer")


def test_another_currency_than_the_subscriptions_is_refused_with_the_reason(acme: World):
    acme.change("acme", "core", "10k")
    wanted = {**CORE, "tier": "20k", "currency": "eur"}
    answer = acme.call("POST", "/v1/accounts/acme/quotes", {"changes": [wanted]})
    assert (answer.status_code, answer.json["code"]) == (409, "not_offered")
    assert "EUR" in answer.json["detail"]


def test_a_downgrade_must_be_acknowledged(acme: World):
    acme.change("acme", "pro", "40k")
    quote = acme.quote("acme", "core", "10k")
    answer = acme.execute("acme", quote, acknowledgements=[])
    assert (answer.status_code, answer.json["code"]) == (422, "acknowledgement_required")
    assert acme.plan("acme") == ("pro", "40k")
    assert acme.execute("acme", quote).status_code == 201


def test_a_cancellation_with_a_choice_of_time_needs_one(acme: World):
    acme.change("acme", "core", "10k")
    answer = acme.call("POST", "/v1/accounts/acme/cancellation", {})
    assert (answer.status_code, answer.json["code"]) == (422, "choose_timing")
    assert answer.json["offered"] == ["now", "period_end"]


def test_there_is_nothing_to_cancel_or_uncancel_on_the_free_plan(acme: World):
    answer = acme.call("POST", "/v1/accounts/acme/cancellation", {"when": "now"})
    assert (answer.status_code, answer.json["code"]) == (409, "nothing_to_cancel")
    answer = acme.call("DELETE", "/v1/accounts/acme/cancellation")
    assert (answer.status_code, answer.json["code"]) == (409, "not_cancelled")


def test_a_quote_expires_after_fifteen_minutes_of_billing_time(acme: World):
    quote = acme.quote("acme", "core", "10k")
    acme.advance(seconds=15 * 60)
    acme.state("acme")
    answer = acme.execute("acme", quote)
    assert (answer.status_code, answer.json["code"]) == (409, "quote_expired")
    assert acme.plan("acme") == ("free", "1k")


def test_a_quote_made_before_another_change_is_stale_and_a_fresh_one_comes_with_the_answer(
    acme: World,
):
    acme.change("acme", "core", "10k")
    old = acme.quote("acme", "pro", "40k")
    acme.change("acme", "core", "20k")
    answer = acme.execute("acme", old)
    assert (answer.status_code, answer.json["code"]) == (409, "quote_stale")
    fresh = answer.json["quote"]
    assert fresh["changes"][0]["current"]["tier"] == "20k"
    assert acme.execute("acme", fresh).status_code == 201


def test_a_quote_is_stale_when_the_total_moved(acme: World):
    acme.change("acme", "core", "10k")
    quote = acme.quote("acme", "pro", "40k")
    customer = acme.state("acme")["customer"]
    acme.stripe(
        "POST",
        "/v1/invoiceitems",
        customer=customer,
        amount=500,
        currency="usd",
        subscription=acme.subscription("acme")["id"],
    )
    answer = acme.execute("acme", quote)
    assert (answer.status_code, answer.json["code"]) == (409, "quote_stale"), answer.json
    assert acme.plan("acme") == ("core", "10k")


def test_a_quote_executes_once_and_again_gives_the_same_change(acme: World):
    quote = acme.quote("acme", "core", "10k")
    first = acme.execute("acme", quote)
    second = acme.execute("acme", quote)
    assert first.json["id"] == second.json["id"]
    assert len(acme.invoices("acme")) == 1


def test_a_payment_method_that_does_not_exist_is_refused(acme: World):
    quote = acme.quote("acme", "core", "10k")
    answer = acme.execute("acme", quote, payment_method="pm_nobodys")
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_payment_method")
    assert answer.json["path"] == "payment_method"
    assert acme.plan("acme") == ("free", "1k")


@pytest.mark.parametrize(
    "path", ["/v1/accounts/nobody", "/v1/plan-changes/pc_0", "/v1/events/evt_0"]
)
def test_what_does_not_exist_is_404_with_a_code_of_its_own(w: World, path: str):
    answer = w.call("GET", path)
    assert answer.status_code == 404
    assert answer.json["code"].startswith("unknown_")


def test_another_accounts_quote_is_not_found(acme: World):
    acme.account("other")
    quote = acme.quote("acme", "core", "10k")
    answer = acme.execute("other", quote)
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_quote")


def test_a_wrong_key_is_401_and_a_key_without_the_scope_is_403(acme: World):
    answer = acme.http.get("/v1/accounts/acme")
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    key = acme.headers["Authorization"]
    for wrong in (key[:-1] + "?", "Bearer psk_x_y", "Bearer", "Basic abc"):
        answer = acme.http.get("/v1/accounts/acme", headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong
    reader = acme.parts.keys.create("reader", ["accounts:read"])
    headers = {"Authorization": f"Bearer {reader}"}
    assert acme.http.get("/v1/accounts/acme", headers=headers).status_code == 200
    body = {"changes": [CORE]}
    answer = acme.http.post("/v1/accounts/acme/quotes", json=body, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert answer.json["scope"] == "changes:write"


def test_a_revoked_key_is_refused_at_once(acme: World):
    key = acme.parts.keys.create("gone", ["accounts:read"])
    acme.parts.keys.revoke(key.split("_")[1])
    answer = acme.http.get("/v1/accounts/acme", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401


def test_the_same_idempotency_key_brings_the_same_answer_and_refuses_another_body(acme: World):
    body = {"changes": [CORE]}
    path, key = "/v1/accounts/acme/quotes", {"Idempotency-Key": "order-1"}
    first = acme.call("POST", path, body, **key)
    again = acme.call("POST", path, body, **key)
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    other = acme.call("POST", path, {"changes": [{**CORE, "tier": "20k"}]}, **key)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_refusal_is_replayed_too(acme: World):
    key = {"Idempotency-Key": "order-2"}
    body = {"changes": [{**CORE, "plan": "gold"}]}
    first = acme.call("POST", "/v1/accounts/acme/quotes", body, **key)
    again = acme.call("POST", "/v1/accounts/acme/quotes", body, **key)
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert again.content_type == "application/problem+json"


def test_every_route_answers_a_wrong_method_and_path_with_a_problem(w: World):
    assert w.call("GET", "/nowhere").json["code"] == "not_found"
    answer = w.call("PATCH", "/v1/catalogue")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")


def test_stripe_away_is_503_and_says_to_try_again(acme: World):
    acme.box.fail_next("POST", "/v1/invoices/create_preview", "reset", count=5)
    answer = acme.call("POST", "/v1/accounts/acme/quotes", {"changes": [CORE]})
    assert (answer.status_code, answer.json["code"]) == (503, "stripe_unavailable")
    assert answer.headers["Retry-After"]
