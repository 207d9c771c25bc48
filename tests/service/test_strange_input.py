"""Input that no honest client sends, and repetition that every client does: 4xx, never 500."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

NUL, HALF = "\x00", "\ud800"
CONTACT = {"email": "billing@new.example"}
QUOTE = {"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        yield made


def send(w: World, method: str, path: str, body: str | bytes, **headers: str) -> TestResponse:
    headers = {"Content-Type": "application/json", **w.headers, **headers}
    return w.http.open(path, method=method, data=body, headers=headers)


def code(answer: TestResponse) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json", answer.text
    return answer.status_code, answer.json["code"]


def test_what_is_no_text_is_refused_in_bodies_with_its_path(w: World):
    for bad in (NUL, HALF, f"a{NUL}b", f"{HALF}\U0001f600", "\udfff"):
        answer = w.call("PUT", "/v1/accounts/new", {**CONTACT, "name": bad})
        assert code(answer) == (422, "invalid_request")
        assert answer.json["errors"][0]["path"] == "name"
        wanted = {"changes": [{**QUOTE, "subscription": bad}]}
        assert w.call("POST", "/v1/accounts/acme/quotes", wanted).status_code == 422
        body = {"quote": "q", "selections": {bad: "x"}, "acknowledgements": [bad]}
        answer = w.call("POST", "/v1/accounts/acme/plan-changes", body)
        assert code(answer) == (422, "invalid_request")


def test_the_name_of_an_unknown_member_may_be_anything_and_the_answer_is_kept(w: World):
    for key, bad in (("k1", NUL), ("k2", HALF)):
        body = {"changes": [QUOTE], bad: 1}
        first, again = (
            w.call("POST", "/v1/accounts/acme/quotes", body, **{"Idempotency-Key": key})
            for _ in "12"
        )
        assert code(first) == code(again) == (422, "invalid_request")
        assert first.json == again.json


def test_a_nul_in_a_path_or_query_is_refused(w: World):
    for path in ("/v1/accounts/a%00b", "/v1/plan-changes/%00", "/v1/events/%00"):
        assert code(w.call("GET", path)) == (422, "invalid_request")
        assert w.http.get(path).status_code == 401
    for query in ("q=%00", "after=%00", "limit=%00", "q=%00%00&limit=1"):
        assert code(w.call("GET", f"/v1/accounts?{query}")) == (422, "invalid_request")


def test_a_ref_that_cannot_exist_is_404(w: World):
    for ref in ("%ff%fe", "x" * 5000, "%F0%9F%92%A9"):
        assert code(w.call("GET", f"/v1/accounts/{ref}")) == (404, "unknown_account")


def test_bytes_that_are_no_text_in_a_query_are_text_with_replacements(w: World):
    assert w.call("GET", "/v1/accounts?q=%ff%fe").json == {"data": [], "next": None}
    path = "/v1/accounts/acme/quotes?x=%ff"
    answer = w.call("POST", path, {"changes": [QUOTE]}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 201


def test_a_query_parameter_that_does_not_exist_is_refused(w: World):
    answer = w.call("GET", "/v1/events?sate=dead")
    assert code(answer) == (422, "invalid_request")
    assert answer.json["errors"][0]["path"] == "sate"


def test_json_that_cannot_be_read_is_400(w: World):
    deep, wide = "[" * 100_000, '{"changes":' * 50_000
    digits = '{"changes": ' + "9" * 5000 + "}"
    for body in (deep, wide, digits, "{", b"\xff\xfe", b"\x00"):
        assert code(send(w, "POST", "/v1/accounts/acme/quotes", body)) == (400, "bad_request")


def test_a_quantity_is_a_whole_number_in_range(w: World):
    for wrong in (2**63, 10**400, -1, 1.5, 1e308, True, "3", "NaN", [], {}):
        body = {"changes": [{**QUOTE, "quantity": wrong}]}
        answer = w.call("POST", "/v1/accounts/acme/quotes", body)
        assert code(answer) == (422, "invalid_request"), wrong
    for constant in ("NaN", "Infinity", "-Infinity", "1e999"):
        text = json.dumps({"changes": [{**QUOTE, "quantity": 0}]}).replace(": 0", f": {constant}")
        answer = send(w, "POST", "/v1/accounts/acme/quotes", text)
        assert code(answer) == (422, "invalid_request"), constant


def test_null_is_what_left_out_is_where_the_description_says_that_it_may_be_sent(w: World):
    w.change("acme", "core", "10k", quantity=3)
    schemas = w.get("/openapi.json")["components"]["schemas"]
    wanted, purchase = (schemas[name]["properties"] for name in ("WantedBody", "PurchaseBody"))
    assert wanted["quantity"]["type"] == ["integer", "null"]
    for quantity in ({"quantity": None}, {}):
        body = {"changes": [{**QUOTE, "plan": "pro", "tier": "40k", **quantity}]}
        answer = w.call("POST", "/v1/accounts/acme/quotes", body)
        assert answer.json["changes"][0]["quantity"] == 3
    assert purchase["quantity"]["type"] == "integer"
    body = {"family": "operations", "pack": "extra-1k", "quantity": None}
    answer = w.call("POST", "/v1/accounts/acme/purchases", body, **{"Idempotency-Key": "k"})
    assert code(answer) == (422, "invalid_request")


def test_a_whole_number_may_be_written_as_a_float(w: World):
    body = {"changes": [{**QUOTE, "quantity": 3.0}]}
    answer = w.call("POST", "/v1/accounts/acme/quotes", body)
    assert answer.json["changes"][0]["quantity"] == 3


def test_a_locale_is_a_language_tag_that_fits(w: World):
    for locale in ("en\n", "x" * 4, "de" + "-abcdefgh" * 9, "", "e n"):
        answer = w.call("PUT", "/v1/accounts/new", {**CONTACT, "locale": locale})
        assert code(answer) == (422, "invalid_request"), locale


def test_a_body_that_is_not_sent_as_json_is_never_passed_over(w: World):
    w.change("acme", "core", "10k")
    body = {"Content-Type": "text/plain"}
    answer = send(w, "POST", "/v1/accounts/acme/cancellation", '{"when": "now"}', **body)
    assert code(answer) == (415, "unsupported_media_type")
    assert w.plan("acme") == ("core", "10k")


def test_a_contact_that_stripe_refuses_leaves_nothing_behind(w: World):
    answer = w.call("PUT", "/v1/accounts/new", {**CONTACT, "test_clock": "clock_nobodys"})
    assert code(answer) == (422, "refused_contact")
    assert answer.json["path"] == "test_clock"
    assert w.call("GET", "/v1/accounts/new").status_code == 404
    assert w.call("PUT", "/v1/accounts/new", CONTACT).status_code == 201


def test_an_account_left_half_done_is_finished_with_the_contact_of_the_last_put(w: World):
    w.box.fail_next("POST", "/v1/customers", "reset", count=2)
    answer = w.call("PUT", "/v1/accounts/new", CONTACT)
    assert code(answer) == (503, "stripe_unavailable")
    answer = w.call("PUT", "/v1/accounts/new", {"email": "other@new.example"})
    assert (answer.status_code, answer.json["email"]) == (200, "other@new.example")
    (customer,) = w.stripe("GET", "/v1/customers", email="other@new.example")["data"]
    assert customer["id"] == answer.json["customer"]


def test_a_plan_that_is_set_to_end_is_not_set_to_end_again_but_may_end_now(w: World):
    w.change("acme", "core", "10k")
    path = "/v1/accounts/acme/cancellation"
    assert w.call("POST", path, {"when": "period_end"}).status_code == 201
    answer = w.call("POST", path, {"when": "period_end"})
    assert code(answer) == (409, "cancellation_pending")
    assert w.call("POST", path, {"when": "now"}).status_code == 201
    assert w.plan("acme") == ("free", "1k")
