"""Pages of Stripe's: saving a payment method, and what follows when one is completed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from adapter.tables import CheckoutRow
from sandbox.pages.visitor import Visitor
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

BACK = "https://acme.example/billing"


# Stories that the kind of database has no part in.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def open_page(w: World, return_url: str = BACK, mode: str = "setup") -> Any:
    body = {"mode": mode, "return_url": return_url}
    return w.call("POST", "/v1/accounts/acme/checkout-sessions", body)


def default_at_stripe(w: World) -> Any:
    customer = w.stripe("GET", f"/v1/customers/{w.state('acme')['customer']}")
    return customer["invoice_settings"]["default_payment_method"]


def test_a_method_saved_at_the_page_becomes_the_default(w: World):
    w.account("acme", card=None)
    answer = open_page(w)
    assert answer.status_code == 201, answer.json
    session = w.stripe("GET", f"/v1/checkout/sessions/{answer.json['id']}")
    assert (session["mode"], session["url"]) == ("setup", answer.json["url"])
    assert (session["success_url"], session["cancel_url"]) == (BACK, BACK)
    assert Visitor(w.box).pay(answer.json["id"]) == "complete"
    w.settle()
    default = w.state("acme")["default_payment_method"]
    assert default is not None
    assert default_at_stripe(w) == default
    (method,) = w.get("/v1/accounts/acme/payment-methods")["data"]
    assert (method["id"], method["default"]) == (default, True)
    w.change("acme", "core", "10k")
    assert w.plan("acme") == ("core", "10k")


def test_the_same_request_gives_the_same_page_until_it_is_used(w: World):
    w.account("acme", card=None)
    first = open_page(w).json
    assert open_page(w).json == first
    other = open_page(w, "https://acme.example/elsewhere").json
    assert other["id"] != first["id"]
    assert Visitor(w.box).pay(first["id"]) == "complete"
    # Before its event has come, too.
    second = open_page(w).json
    assert second["id"] not in (first["id"], other["id"])
    w.settle()
    assert open_page(w).json == second


@on_sqlite
def test_a_page_that_expired_is_replaced(w: World):
    w.account("acme", card=None)
    first = open_page(w).json
    w.advance(hours=25)
    assert open_page(w).json["id"] != first["id"]
    assert default_at_stripe(w) is None


@on_sqlite
def test_a_page_about_to_expire_is_closed_and_replaced(w: World):
    w.account("acme", card=None)
    first = open_page(w).json
    w.advance(hours=23, seconds=3500)
    second = open_page(w).json
    assert second["id"] != first["id"]
    assert w.stripe("GET", f"/v1/checkout/sessions/{first['id']}")["status"] == "expired"


@on_sqlite
def test_the_last_page_that_is_completed_decides(w: World):
    w.account("acme")
    visa = default_at_stripe(w)
    page = open_page(w).json
    assert Visitor(w.box).pay(page["id"], "pm_card_mastercard") == "complete"
    w.settle()
    assert default_at_stripe(w) not in (None, visa)
    methods = w.get("/v1/accounts/acme/payment-methods")["data"]
    assert {method["brand"]: method["default"] for method in methods} == {
        "visa": False,
        "mastercard": True,
    }


def test_a_click_while_the_page_is_being_made_waits_for_that_one(w: World):
    w.account("acme", card=None)
    w.box.fail_next("POST", "/v1/checkout/sessions$", "timeout_after", count=2)
    first, second = open_page(w), open_page(w)
    assert (first.status_code, first.json["code"]) == (503, "stripe_unavailable")
    assert (second.status_code, second.json["code"]) == (503, "stripe_unavailable")
    with w.parts.database.write() as tx:
        long_ago = datetime.now(UTC) - timedelta(minutes=5)
        tx.execute(update(CheckoutRow).values(created_at=long_ago))
    third = open_page(w)
    assert third.status_code == 201, third.json
    customer = w.state("acme")["customer"]
    (session,) = w.stripe("GET", "/v1/checkout/sessions", customer=customer)["data"]
    assert session["id"] == third.json["id"]


@on_sqlite
def test_an_account_on_a_test_clock_has_pages_too(w: World):
    clock = w.stripe("POST", "/v1/test_helpers/test_clocks", frozen_time=w.box.now())["id"]
    w.account("acme", card=None, test_clock=clock)
    page = open_page(w).json
    assert open_page(w).json == page
    assert Visitor(w.box).pay(page["id"]) == "complete"
    w.settle()
    assert default_at_stripe(w) is not None


def test_a_lost_completion_is_found_by_asking(w: World):
    w.account("acme", card=None)
    page = open_page(w).json
    w.box.delivery.put_on(drop=1.0)
    assert Visitor(w.box).pay(page["id"]) == "complete"
    w.box.delivery.behave()
    w.advance(hours=25)
    w.get("/v1/accounts/acme/payment-methods")
    w.settle()
    assert default_at_stripe(w) is not None


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "payment", "return_url": BACK},
        {"mode": "setup"},
        {"mode": "setup", "return_url": "javascript:alert(1)"},
        {"mode": "setup", "return_url": "https://acme.example/ two"},
    ],
)
@on_sqlite
def test_what_is_no_page_is_refused(w: World, body: Any):
    w.account("acme", card=None)
    answer = w.call("POST", "/v1/accounts/acme/checkout-sessions", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
