"""`metered`: nothing at sign-up, and usage billed by the meter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from sandbox import Visitor
from sandbox.exchanges import Exchange
from tests.support.metered import (
    API,
    ENTERPRISE,
    FREE,
    PLUS,
    agree,
    booked,
    counted,
    pass_time,
    sign_up,
    told,
    use,
)
from tests.support.world import START, World, world


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="metered") as made:
        yield made


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


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
    state, differences = w.state("acme"), []
    held = state["plans"][0]["in_effect"]
    assert (held["plan"], held["quantity"]) == ("plus", None)
    assert held["unit_price"] == {
        "amount": "0.0004",
        "currency": "usd",
        "text": "0.0004 USD per unit",
    }
    assert (w.charged("acme"), w.invoices("acme")) == ([], [])
    w.parts.reconciling.run(repair=False, tell=differences.append, progress=lambda *_: None)
    assert differences == []
    # A month without usage costs nothing, whatever comes of it at Stripe.
    w.advance(days=32)
    assert w.charged("acme") == []
    assert w.plan("acme", API) == PLUS


def test_row_4_1_usage_has_no_quantity(w: World):
    w.account("acme")
    wanted = {"family": API, "plan": "plus", "tier": "usage", "interval": "month", "quantity": 2}
    refused = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [wanted]})
    assert (refused.status_code, refused.json["code"]) == (422, "usage_has_no_quantity")


def test_row_4_2_usage_goes_to_the_meter_once_and_is_billed_on_the_subscription_date(w: World):
    w.account("acme")
    assert use(w, 5).json["code"] == "no_metered_plan_held"
    sign_up(w)
    pass_time(w, days=10)
    answer = use(w, 60_000, id="batch-1")
    assert answer.status_code == 200, answer.json
    (record,) = answer.json["records"]
    assert (record["metered"], record["state"], record["over"]) == (True, "recorded", None)
    repeated = use(w, 60_000, id="batch-1").json["records"][0]
    assert (repeated["state"], repeated["at"]) == ("repeated", record["at"])
    assert use(w, 1, id="batch-1").json["code"] == "usage_conflict"
    # Of one second, reported together or not: no more events than needed, and none twice.
    body = [{"id": f"r{n}", "family": API, "units": 10_000} for n in range(4)]
    assert w.call("POST", "/v1/accounts/acme/usage", {"records": body}).status_code == 200
    assert told(w) == []
    w.settle()
    second = unix(START) + 10 * 86_400 - 5
    assert told(w) == [(40_000, second), (60_000, second)]
    assert counted(w) == booked(w) == 100_000

    # Three days before the billing date: what it has come to, by Stripe.
    pass_time(w, days=17, hours=23)
    assert w.state("acme")["upcoming"][0]["charges"] is None
    pass_time(w, hours=2)
    (upcoming,) = w.get("/v1/accounts/acme/invoices")["upcoming"]
    assert upcoming == w.state("acme")["upcoming"][0]
    charges = upcoming["charges"]
    assert (charges["units"], charges["total"]["text"]) == (100_000, "40.00 USD")
    assert [line["quantity"] for line in charges["lines"]] == [100_000]
    assert upcoming["usage"] == {"units": 100_000, "unsent": 0, "refused": 0}
    use(w, 25_000)
    pass_time(w, hours=1)
    kept = w.state("acme")["upcoming"][0]["charges"]
    assert (kept["calculated_at"], kept["units"]) == (charges["calculated_at"], 100_000)

    # Stripe bills the final usage when the period has ended.
    pass_time(w, days=3, hours=2)
    (invoice,) = w.invoices("acme")
    assert (invoice["status"], invoice["total"]) == ("paid", 5_000)
    assert w.charged("acme") == [5_000]
    (upcoming,) = w.state("acme")["upcoming"]
    assert (upcoming["usage"]["units"], upcoming["charges"]) == (0, None)


class Reporting:
    """Reports usage while Stripe calculates: after it was asked, before its answer is kept."""

    def __init__(self, w: World) -> None:
        self._w = w

    def exchanged(self, exchange: Exchange) -> None:
        if exchange.path == "/v1/invoices/create_preview":
            self._w.box.observers.remove(self)
            records = [{"id": "meanwhile", "family": API, "units": 7}]
            self._w.call("POST", "/v1/accounts/acme/usage", {"records": records})

    def announced(self, event: Any) -> None:
        """Nothing."""


def test_row_4_2_what_is_reported_while_stripe_calculates_is_in_neither_number(w: World):
    w.account("acme")
    sign_up(w)
    use(w, 100_000)
    w.settle()
    w.box.observers.append(Reporting(w))
    pass_time(w, days=28)
    (upcoming,) = w.state("acme")["upcoming"]
    charges = upcoming["charges"]
    assert [line["quantity"] for line in charges["lines"]] == [100_000]
    assert (charges["units"], upcoming["usage"]["units"]) == (100_000, 100_007)


def test_row_4_2_the_next_period_is_calculated_too_and_a_month_without_usage_is_nothing(w: World):
    w.account("acme")
    sign_up(w)
    for days in (29, 25):
        pass_time(w, days=days)
        charges = w.state("acme")["upcoming"][0]["charges"]
        assert (charges["units"], charges["total"]["amount"]) == (0, 0)
        pass_time(w, days=3)


def opened(w: World) -> dict[tuple[str, str | None], tuple[str, Any]]:
    """The changes open to the account: by action and plan, the route and when."""
    (plan,) = w.state("acme")["plans"]
    return {(one["action"], one["plan"]): (one["route"], one["when"]) for one in plan["options"]}


def test_row_4_6_the_billing_facts_list_the_plan_and_the_changes_open_to_it(w: World):
    w.account("acme")
    sales = ("contact_sales", None)
    assert opened(w) == {
        ("start", "plus"): ("self_serve", ["now"]),
        ("start", "enterprise"): sales,
    }
    sign_up(w)
    assert opened(w) == {
        ("downgrade", "free"): ("self_serve", ["now"]),
        ("upgrade", "enterprise"): sales,
        ("cancel", None): ("self_serve", ["now"]),
    }
    (plan,) = w.state("acme")["plans"]
    assert plan["in_effect"]["name"] == "Plus by usage monthly"
    enterprise = next(one for one in plan["options"] if one["plan"] == "enterprise")
    assert enterprise["reason"] == "Enterprise is agreed with each customer."
    assert [offer["interval"] for offer in enterprise["offers"]] == ["month", "year"]
    agree(w, *ENTERPRISE)
    assert opened(w) == {
        ("downgrade", "free"): sales,
        ("downgrade", "plus"): sales,
        ("lateral", "enterprise"): sales,
        ("cancel", None): sales,
    }
