"""Plan changes of customers who have nothing saved to charge: a page first, then the change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.pages.visitor import Visitor
from tests.support.buying import session_of, without_saved_method
from tests.support.changes import line_of
from tests.support.dying import dies_at, the_worker_takes_over
from tests.support.killing import Killed
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

BACK = "https://acme.example/plans"


# Stories that the kind of database has no part in.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def first_purchase(w: World) -> Any:
    """Core 10k, ordered by an account that has no card."""
    w.account("acme", card=None)
    return sent_to_a_page(w, w.quote("acme", "core", "10k"))


def upgrade(w: World) -> Any:
    """From Core 10k to Pro 40k, ten days into a period that was paid by a card since removed."""
    w.account("acme")
    w.change("acme", "core", "10k")
    without_saved_method(w)
    w.advance(days=10)
    return sent_to_a_page(w, w.quote("acme", "pro", "40k"))


def sent_to_a_page(w: World, quote: Any) -> Any:
    answer = w.execute("acme", quote, return_url=BACK)
    assert answer.status_code == 202, answer.json
    line = answer.json["lines"][0]
    assert (line["state"], line["invoice"]) == ("awaiting_payment", None)
    assert line["payment_url"] == session_of(w)["url"]
    w.settle()
    return answer.json


def subscriptions(w: World) -> Any:
    customer = w.state("acme")["customer"]
    return w.stripe("GET", "/v1/subscriptions", customer=customer, status="all")["data"]


# -- a first purchase -------------------------------------------------------------------------


def test_a_first_purchase_is_made_at_the_page(w: World):
    change = first_purchase(w)
    session = session_of(w)
    assert (session["mode"], session["amount_total"]) == ("subscription", 1060)
    assert session["success_url"] == BACK
    assert w.plan("acme") == ("free", "1k")
    assert Visitor(w.box).pay(session["id"]) == "complete"
    w.settle()
    line = line_of(w, change)
    assert (line["state"], line["drift"]) == ("applied", None)
    assert w.plan("acme") == ("core", "10k")
    (subscription,) = subscriptions(w)
    assert line["subscription"] == subscription["id"]
    assert subscription["metadata"]["planshift_change"] == change["id"]
    assert [invoice["total"] for invoice in w.invoices("acme")] == [1060]
    asked, told = (mail.get_body(("plain",)).get_content() for mail in w.mail.messages)
    assert session["url"] in asked
    assert "Core 10k" in told


def test_a_page_that_is_left_sells_nothing_and_another_may_be_asked_for(w: World):
    change = first_purchase(w)
    w.advance(hours=25)
    assert line_of(w, change)["state"] == "expired"
    assert w.plan("acme") == ("free", "1k")
    assert subscriptions(w) == []
    again = sent_to_a_page(w, w.quote("acme", "core", "10k"))
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert line_of(w, again)["state"] == "applied"


def test_a_cancelled_change_closes_its_page(w: World):
    change = first_purchase(w)
    page = session_of(w)["id"]
    answer = w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
    assert answer.status_code == 200, answer.json
    assert answer.json["lines"][0]["state"] == "cancelled"
    assert session_of(w)["status"] == "expired"
    with pytest.raises(LookupError):
        Visitor(w.box).pay(page)
    w.settle()
    assert line_of(w, change)["state"] == "cancelled"


@on_sqlite
def test_what_was_just_paid_cannot_be_cancelled(w: World):
    change = first_purchase(w)
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    answer = w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
    assert (answer.status_code, answer.json["code"]) == (409, "not_cancellable")
    w.settle()
    assert line_of(w, change)["state"] == "applied"


@on_sqlite
def test_two_clicks_lead_to_one_page(w: World):
    w.account("acme", card=None)
    quote = w.quote("acme", "core", "10k")
    first, second = w.execute("acme", quote), w.execute("acme", quote)
    assert first.json["id"] == second.json["id"]
    body = {"family": "operations", "plan": "core", "tier": "20k", "interval": "month"}
    other = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
    assert (other.status_code, other.json["code"]) == (409, "change_in_progress")
    assert other.json["payment_url"] == session_of(w)["url"]
    customer = w.state("acme")["customer"]
    assert len(w.stripe("GET", "/v1/checkout/sessions", customer=customer)["data"]) == 1


@pytest.mark.parametrize("habits", [{"duplicate": 1.0}, {"reorder": 1.0}, {"twin": 1.0}])
@on_sqlite
def test_the_events_of_a_first_purchase_may_come_twice_or_backwards(
    w: World, habits: dict[str, float]
):
    change = first_purchase(w)
    w.box.delivery.put_on(**habits)
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert line_of(w, change)["state"] == "applied"
    assert [len(subscriptions(w)), len(w.invoices("acme"))] == [1, 1]


# -- a change of a live plan --------------------------------------------------------------------


def test_an_upgrade_is_carried_out_as_quoted_once_a_method_is_saved(w: World):
    change = upgrade(w)
    quoted = w.parts.orders.find(change["id"]).quoted_total
    session = session_of(w)
    assert session["mode"] == "setup"
    assert w.plan("acme") == ("core", "10k")
    w.advance(hours=2)
    assert Visitor(w.box).pay(session["id"]) == "complete"
    w.settle()
    line = line_of(w, change)
    assert (line["state"], line["drift"]) == ("applied", None)
    assert w.plan("acme") == ("pro", "40k")
    invoice = w.invoices("acme")[0]
    assert (invoice["status"], invoice["total"]) == ("paid", quoted)
    assert w.state("acme")["default_payment_method"] is not None
    assert len(subscriptions(w)) == 1


@on_sqlite
def test_a_card_that_is_saved_and_then_declined_leaves_the_old_plan(w: World):
    change = upgrade(w)
    card = "pm_card_chargeCustomerFail"
    assert Visitor(w.box).pay(session_of(w)["id"], card) == "complete"
    w.settle()
    assert line_of(w, change)["state"] == "failed"
    assert line_of(w, change)["failure"]["declined"] is True
    assert w.plan("acme") == ("core", "10k")
    assert w.invoices("acme")[0]["status"] == "void"


@on_sqlite
def test_a_card_that_is_challenged_again_leaves_a_link_to_the_invoice(w: World):
    change = upgrade(w)
    page = session_of(w)["id"]
    card = "pm_card_authenticationRequired"
    assert Visitor(w.box).pay(page, card) == "action"
    assert Visitor(w.box).pay(page, card, answer="complete") == "complete"
    w.settle()
    line = line_of(w, change)
    assert line["state"] == "awaiting_payment"
    assert line["payment_url"] == w.invoices("acme")[0]["hosted_invoice_url"]
    invoice = w.invoices("acme")[0]["id"]
    (payment,) = w.stripe("GET", "/v1/invoice_payments", invoice=invoice)["data"]
    w.box.authenticate(payment["payment"]["payment_intent"])
    w.settle()
    assert line_of(w, change)["state"] == "applied"
    assert w.plan("acme") == ("pro", "40k")


@on_sqlite
def test_an_upgrade_page_closes_with_the_period(w: World):
    w.account("acme")
    w.change("acme", "core", "10k")
    without_saved_method(w)
    w.advance(days=30, hours=20)
    change = sent_to_a_page(w, w.quote("acme", "pro", "40k"))
    (subscription,) = subscriptions(w)
    end = subscription["items"]["data"][0]["current_period_end"]
    assert session_of(w)["expires_at"] == end
    w.advance(hours=5)
    assert line_of(w, change)["state"] == "expired"


@on_sqlite
def test_a_cancelled_upgrade_closes_its_page(w: World):
    change = upgrade(w)
    answer = w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
    assert (answer.status_code, answer.json["lines"][0]["state"]) == (200, "cancelled")
    assert session_of(w)["status"] == "expired"
    w.settle()
    assert w.plan("acme") == ("core", "10k")


@on_sqlite
def test_a_downgrade_that_costs_nothing_needs_no_page(w: World):
    w.account("acme")
    w.change("acme", "pro", "40k")
    without_saved_method(w)
    answer = w.call("POST", "/v1/accounts/acme/cancellation", {"when": "period_end"})
    assert answer.status_code == 201, answer.json


# -- deaths -------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_the_page_is_made_there_is_one_page(
    w: World, monkeypatch: pytest.MonkeyPatch, when: Any
):
    w.account("acme", card=None)
    quote = w.quote("acme", "core", "10k")
    with monkeypatch.context() as patch:
        dies_at(w, patch, 0, when)
        with pytest.raises(Killed):
            w.execute("acme", quote)
    the_worker_takes_over(w)
    (change,) = w.get("/v1/accounts/acme/plan-changes")["data"]
    assert change["lines"][0]["payment_url"] == session_of(w)["url"]
    customer = w.state("acme")["customer"]
    assert len(w.stripe("GET", "/v1/checkout/sessions", customer=customer)["data"]) == 1
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert line_of(w, change)["state"] == "applied"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [0, 1])
@on_sqlite
def test_killed_after_the_method_was_saved_the_upgrade_is_made_once(
    w: World, monkeypatch: pytest.MonkeyPatch, number: int, when: Any
):
    change = upgrade(w)
    quoted = w.parts.orders.find(change["id"]).quoted_total
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    with monkeypatch.context() as patch:
        dies_at(w, patch, number, when)
        with pytest.raises(Killed):
            w.settle()
    the_worker_takes_over(w)
    assert line_of(w, change)["state"] == "applied"
    assert [invoice["total"] for invoice in w.invoices("acme")] == [quoted, 1060]
