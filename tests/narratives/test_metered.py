"""`metered`: nothing at sign-up, usage by the meter, and sales for the largest plan.

A request costs 0.0004 dollars: 100,000 of them are 40.00. January has 31 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Visitor
from tests.support.world import World, world

API = "api"
FREE = ("free", "free")
PLUS = ("plus", "usage")
ENTERPRISE = ("enterprise", "agreed")


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="metered") as made:
        yield made


def sign_up(w: World, ref: str = "acme") -> Any:
    """Free to Plus with a saved card."""
    return w.change(ref, *PLUS, family=API)


def meter_events(w: World) -> list[Any]:
    """What Stripe was told, as it keeps it."""
    return w.box.world.store.scan("billing.meter_event")


# -- 4.1 ------------------------------------------------------------------------------------------


def test_row_4_1_sign_up_collects_billing_details_and_charges_nothing(w: World):
    w.account("acme", card=None)
    quote = w.quote("acme", *PLUS, family=API)
    assert quote["timings"]["now"]["due_now"]["amount"] == 0
    new = quote["changes"][0]["new"]
    assert (new["price"], new["unit_price"]["text"]) == (None, "0.0004 USD per unit")

    answer = w.execute("acme", quote, return_url="https://acme.example/done")
    assert answer.status_code == 202, answer.json
    page = w.stripe("GET", "/v1/checkout/sessions", customer=w.state("acme")["customer"])["data"][0]
    assert (page["mode"], page["billing_address_collection"]) == ("setup", "required")
    assert answer.json["lines"][0]["payment_url"] == page["url"]
    w.settle()
    assert w.plan("acme", API) == FREE
    (mail,) = w.mail.messages
    assert mail["Subject"] == "One more step: your billing details for Plus by usage monthly"
    assert "Nothing is charged now." in mail.get_body(("plain",)).get_content()

    Visitor(w.box).pay(page["id"])
    w.settle()
    assert w.plan("acme", API) == PLUS
    item = w.subscription("acme")["items"]["data"][0]
    assert "quantity" not in item
    assert (w.charged("acme"), w.invoices("acme")) == ([], [])
    change = w.get(f"/v1/plan-changes/{answer.json['id']}")
    assert (change["lines"][0]["state"], change["lines"][0]["drift"]) == ("applied", None)


def test_row_4_1_completion_that_is_told_twice_or_never_starts_plus_once(w: World):
    for ref, heard in (("acme", 2), ("beta", 0)):
        w.account(ref, card=None)
        answer = w.execute(ref, w.quote(ref, *PLUS, family=API))
        customer = w.state(ref)["customer"]
        page = w.stripe("GET", "/v1/checkout/sessions", customer=customer)["data"][0]
        Visitor(w.box).pay(page["id"])
        if heard:
            w.settle()
            (event,) = w.stripe("GET", "/v1/events", type="checkout.session.completed")["data"]
            answered = w.call("POST", f"/v1/events/{event['id']}/replay")
            assert answered.status_code < 300, answered.json
        else:
            w.box.delivery.put_on(drop=1.0)
        # Nobody said so, and a day later the page is asked about.
        w.advance(days=1, hours=1)
        assert w.plan(ref, API) == PLUS
        assert len(w.stripe("GET", "/v1/subscriptions", customer=customer)["data"]) == 1
        assert w.get(f"/v1/plan-changes/{answer.json['id']}")["lines"][0]["state"] == "applied"


def test_row_4_1_with_a_saved_card_plus_begins_at_once(w: World):
    w.account("acme")
    change = sign_up(w)
    assert change["lines"][0]["state"] == "applied"
    state = w.state("acme")
    held = state["plans"][0]["in_effect"]
    assert (held["plan"], held["quantity"]) == ("plus", None)
    assert held["unit_price"] == {
        "amount": "0.0004",
        "currency": "usd",
        "text": "0.0004 USD per unit",
    }
    assert (w.charged("acme"), w.invoices("acme")) == ([], [])
    # A month without usage costs nothing, whatever comes of it at Stripe.
    w.advance(days=32)
    assert w.charged("acme") == []
    assert w.plan("acme", API) == PLUS


def test_row_4_1_usage_has_no_quantity(w: World):
    w.account("acme")
    wanted = {"family": API, "plan": "plus", "tier": "usage", "interval": "month", "quantity": 2}
    refused = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [wanted]})
    assert (refused.status_code, refused.json["code"]) == (422, "usage_has_no_quantity")
