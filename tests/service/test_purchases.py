"""Extra operations bought on top of a plan: paid first, granted once, whoever hears of it first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from sandbox.pages.visitor import Visitor
from tests.support.buying import bought_units, buy, packs, session_of, without_saved_method
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

# Stories that the kind of database has no part in.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@pytest.fixture
def acme(w: World) -> World:
    """An account on Core 10k that pays by card."""
    w.account("acme")
    w.change("acme", "core", "10k")
    return w


def again(w: World, purchase: Any) -> Any:
    return w.get(f"/v1/purchases/{purchase['id']}")


def later(w: World, **by: float) -> None:
    """Let time pass until the service, too, has seen from an answer of Stripe's that it did."""
    w.advance(**by)
    w.get("/v1/accounts/acme/payment-methods")
    w.settle()


def refused(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_pack_is_invoiced_paid_and_granted(acme: World):
    acme.advance(days=1)
    answer = buy(acme, quantity=2)
    assert answer.status_code == 201, answer.json
    assert (answer.json["state"], answer.json["units"]) == ("granted", 2000)
    assert answer.json["amount"]["text"] == "3.40 USD"
    acme.settle()
    assert bought_units(acme) == [2000]
    (line,) = acme.state("acme")["subscriptions"][0]["lines"]
    assert packs(acme)[0].expires_at.isoformat() == line["period"]["end"]
    invoice = acme.invoices("acme")[0]
    assert (invoice["id"], invoice["status"]) == (answer.json["invoice"], "paid")
    (line,) = invoice["lines"]["data"]
    assert (line["amount"], line["quantity"]) == (340, 2)
    assert line["description"] == "1,000 extra operations"
    assert again(acme, answer.json) == answer.json
    assert acme.get("/v1/accounts/acme/purchases")["data"] == [answer.json]
    shown = acme.get("/v1/accounts/acme/invoices?limit=1")["data"][0]
    assert (shown["id"], shown["status"]) == (invoice["id"], "paid")


@on_sqlite
def test_amounts_that_wait_for_the_plans_invoice_stay_there(acme: World):
    customer = acme.state("acme")["customer"]
    acme.stripe("POST", "/v1/invoiceitems", customer=customer, amount=900, currency="usd")
    assert buy(acme).status_code == 201
    assert acme.invoices("acme")[0]["total"] == 170


@on_sqlite
def test_the_balance_is_used_first_and_may_pay_it_all(acme: World):
    customer = acme.state("acme")["customer"]
    path = f"/v1/customers/{customer}/balance_transactions"
    acme.stripe("POST", path, amount=-500, currency="usd")
    assert buy(acme).json["state"] == "granted"
    invoice = acme.invoices("acme")[0]
    assert (invoice["total"], invoice["amount_due"], invoice["status"]) == (170, 0, "paid")
    assert bought_units(acme) == [1000]


def test_a_decline_leaves_nothing_to_be_paid(acme: World):
    acme.use_card(acme.state("acme")["customer"], "pm_card_chargeCustomerFail")
    answer = buy(acme, payment_method=acme.state("acme")["default_payment_method"])
    assert refused(answer) == (402, "payment_failed")
    acme.settle()
    purchase = acme.get(f"/v1/purchases/{answer.json['purchase']}")
    assert (purchase["state"], purchase["payment_url"]) == ("failed", None)
    assert purchase["failure"]["declined"] is True
    assert acme.invoices("acme")[0]["status"] == "void"
    assert bought_units(acme) == []
    assert [subject for subject in acme.mail.subjects() if "ayment" in subject] == []


def test_a_named_method_is_charged(acme: World):
    customer = acme.state("acme")["customer"]
    other = acme.stripe("POST", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer)
    assert buy(acme, payment_method=other["id"]).status_code == 201
    intents = acme.stripe("GET", "/v1/payment_intents", customer=customer)["data"]
    assert intents[0]["payment_method"] == other["id"]
    unknown = buy(acme, payment_method="pm_of_somebody_else")
    assert refused(unknown) == (422, "unknown_payment_method")
    assert unknown.json["path"] == "payment_method"
    assert acme.invoices("acme")[0]["status"] == "void"
    assert bought_units(acme) == [1000]


def challenged(w: World) -> Any:
    """A purchase whose bank asks the customer."""
    customer = w.state("acme")["customer"]
    method = w.use_card(customer, "pm_card_authenticationRequired")
    answer = buy(w, payment_method=method)
    assert answer.status_code == 202, answer.json
    assert answer.json["state"] == "awaiting_payment"
    assert answer.json["payment_url"] == w.invoices("acme")[0]["hosted_invoice_url"]
    w.settle()
    assert bought_units(w) == []
    return answer.json


def test_three_d_secure_has_a_link_and_is_granted_when_it_is_passed(acme: World):
    purchase = challenged(acme)
    invoice = acme.invoices("acme")[0]["id"]
    payments = acme.stripe("GET", "/v1/invoice_payments", invoice=invoice)["data"]
    acme.box.authenticate(payments[0]["payment"]["payment_intent"])
    acme.settle()
    assert again(acme, purchase)["state"] == "granted"
    assert again(acme, purchase)["payment_url"] is None
    assert bought_units(acme) == [1000]


@on_sqlite
def test_a_purchase_that_nobody_pays_is_given_up(acme: World):
    purchase = challenged(acme)
    later(acme, hours=22)
    assert again(acme, purchase)["state"] == "awaiting_payment"
    later(acme, hours=2)
    assert again(acme, purchase)["state"] == "expired"
    assert acme.invoices("acme")[0]["status"] == "void"
    assert bought_units(acme) == []


@on_sqlite
def test_an_invoice_voided_by_hand_ends_the_purchase(acme: World):
    purchase = challenged(acme)
    acme.stripe("POST", f"/v1/invoices/{purchase['invoice']}/void")
    later(acme, hours=24)
    assert again(acme, purchase)["state"] == "expired"


def test_without_a_saved_method_the_customer_pays_at_a_page(acme: World):
    without_saved_method(acme)
    answer = buy(acme, quantity=3, return_url="https://acme.example/extras")
    assert (answer.status_code, answer.json["state"]) == (202, "awaiting_payment")
    session = session_of(acme)
    assert answer.json["payment_url"] == session["url"]
    assert (session["mode"], session["amount_total"]) == ("payment", 510)
    assert session["success_url"] == "https://acme.example/extras"
    assert Visitor(acme.box).pay(session["id"]) == "complete"
    acme.settle()
    purchase = again(acme, answer.json)
    assert (purchase["state"], purchase["payment_url"]) == ("granted", None)
    assert acme.invoices("acme")[0]["id"] == purchase["invoice"]
    assert bought_units(acme) == [3000]


@on_sqlite
def test_a_page_that_is_left_expires_with_its_purchase(acme: World):
    without_saved_method(acme)
    purchase = buy(acme).json
    acme.advance(hours=25)
    assert again(acme, purchase)["state"] == "expired"
    assert again(acme, purchase)["payment_url"] is None
    assert bought_units(acme) == []


@pytest.mark.parametrize(
    ("account", "state", "units"),
    [
        ("AT611904300234573201", "granted", [1000]),
        ("AT861904300235473202", "failed", []),
    ],
)
def test_a_debit_at_the_page_is_granted_when_the_money_comes(
    acme: World, account: str, state: str, units: list[int]
):
    without_saved_method(acme)
    purchase = buy(acme).json
    session = session_of(acme)["id"]
    with acme.box.acting():
        # What the page offers is set in Stripe's dashboard.
        shown = acme.box.world.store.get("checkout.session", session)
        shown["payment_method_types"] = ["card", "sepa_debit"]
    assert Visitor(acme.box).pay(session, account) == "complete"
    acme.settle()
    assert again(acme, purchase)["state"] == "awaiting_payment"
    assert bought_units(acme) == []
    acme.advance(days=6)
    assert again(acme, purchase)["state"] == state
    assert bought_units(acme) == units
    assert acme.invoices("acme")[0]["status"] == ("paid" if units else "void")


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        ({"pack": "extra-2k"}, "unknown_pack", "pack"),
        ({"family": "chat"}, "unknown_family", "family"),
    ],
)
@on_sqlite
def test_what_is_not_sold_is_refused_with_what_is(
    acme: World, wrong: dict[str, str], code: str, path: str
):
    answer = buy(acme, **wrong)
    assert refused(answer) == (422, code)
    assert (answer.json["path"], len(answer.json["known"]) > 0) == (path, True)
    assert len(acme.invoices("acme")) == 1


@on_sqlite
def test_packs_come_on_top_of_a_paid_plan(w: World):
    w.account("acme")
    assert refused(buy(w)) == (409, "plan_required")
    assert w.invoices("acme") == []


@on_sqlite
def test_nothing_more_is_sold_while_the_plan_is_not_paid(acme: World):
    acme.use_card(acme.state("acme")["customer"], "pm_card_chargeCustomerFail")
    subscription = acme.subscription("acme")["id"]
    acme.stripe("POST", f"/v1/subscriptions/{subscription}", default_payment_method="")
    acme.advance(days=32)
    assert acme.subscription("acme")["status"] == "past_due"
    answer = buy(acme)
    assert refused(answer) == (409, "payment_outstanding")
    assert answer.json["payment_url"] == acme.invoices("acme")[0]["hosted_invoice_url"]


@on_sqlite
def test_nothing_more_is_sold_while_a_change_of_the_plan_waits(acme: World):
    acme.use_card(acme.state("acme")["customer"], "pm_card_authenticationRequired")
    change = acme.execute("acme", acme.quote("acme", "pro", "40k"))
    assert change.status_code == 202
    answer = buy(acme)
    assert refused(answer) == (409, "change_in_progress")
    assert answer.json["plan_change"] == change.json["id"]


@on_sqlite
def test_a_purchase_needs_an_idempotency_key(acme: World):
    answer = acme.call(
        "POST", "/v1/accounts/acme/purchases", {"family": "operations", "pack": "extra-1k"}
    )
    assert refused(answer) == (422, "idempotency_key_required")
    assert acme.get("/v1/accounts/acme/purchases")["data"] == []


def test_two_clicks_buy_once_and_two_requests_twice(acme: World):
    first, second = buy(acme, key="a"), buy(acme, key="a")
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert refused(buy(acme, key="a", quantity=2)) == (422, "idempotency_key_reused")
    assert buy(acme, key="b").json["id"] != first.json["id"]
    assert bought_units(acme) == [1000, 1000]
    assert len(acme.invoices("acme")) == 3


@on_sqlite
def test_nobody_finds_a_purchase_that_is_none(acme: World):
    answer = acme.call("GET", "/v1/purchases/pu_none")
    assert refused(answer) == (404, "unknown_purchase")
