"""Payments that need the customer: nothing changes until they are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.changes import state_of
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

AUTHENTICATE = "pm_card_authenticationRequired"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def waiting_upgrade(w: World) -> Any:
    """An upgrade from Core 10k to Pro 40k whose payment asks for 3-D Secure."""
    customer = w.account("acme")
    w.change("acme", "core", "10k")
    w.use_card(customer, AUTHENTICATE)
    answer = w.execute("acme", w.quote("acme", "pro", "40k"))
    assert answer.status_code == 202, answer.json
    w.settle()
    return answer.json


def complete_payment(w: World, *, succeed: bool = True) -> None:
    """The customer follows the link and passes, or fails, the challenge."""
    invoice = w.invoices("acme")[0]["id"]
    payments = w.stripe("GET", "/v1/invoice_payments", invoice=invoice)["data"]
    w.box.authenticate(payments[0]["payment"]["payment_intent"], succeed=succeed)
    w.settle()


def test_an_upgrade_waits_with_a_link_and_applies_when_the_payment_succeeds(w: World):
    change = waiting_upgrade(w)
    line = change["lines"][0]
    assert (line["state"], line["payment_url"] is not None) == ("awaiting_payment", True)
    assert w.plan("acme") == ("core", "10k")
    asked = w.mail.messages[-1].get_body(("plain",))
    assert line["payment_url"] in asked.get_content()
    complete_payment(w)
    assert state_of(w, change) == "applied"
    assert w.plan("acme") == ("pro", "40k")
    assert w.invoices("acme")[0]["status"] == "paid"


def test_a_second_change_while_one_waits_is_refused_with_the_open_one(w: World):
    change = waiting_upgrade(w)
    body = {"family": "operations", "plan": "teams", "tier": "40k", "interval": "month"}
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
    assert (answer.status_code, answer.json["code"]) == (409, "change_in_progress")
    assert answer.json["plan_change"] == change["id"]
    assert answer.json["payment_url"] == change["lines"][0]["payment_url"]


def test_a_waiting_upgrade_can_be_cancelled_and_its_invoice_is_void(w: World):
    change = waiting_upgrade(w)
    answer = w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
    assert answer.status_code == 200, answer.json
    w.settle()
    assert state_of(w, change) == "cancelled"
    assert w.invoices("acme")[0]["status"] == "void"
    assert w.plan("acme") == ("core", "10k")


def test_a_waiting_upgrade_expires_with_stripes_pending_update(w: World):
    change = waiting_upgrade(w)
    w.advance(hours=24)
    assert state_of(w, change) == "expired"
    assert w.subscription("acme")["pending_update"] is None
    assert w.plan("acme") == ("core", "10k")


def test_a_first_purchase_waits_and_applies(w: World):
    w.account("acme", card=AUTHENTICATE)
    answer = w.execute("acme", w.quote("acme", "core", "10k"))
    assert answer.status_code == 202, answer.json
    w.settle()
    assert w.plan("acme") == ("free", "1k")
    complete_payment(w)
    assert state_of(w, answer.json) == "applied"
    assert w.plan("acme") == ("core", "10k")


def test_an_abandoned_first_purchase_expires_without_a_cancellation_mail(w: World):
    w.account("acme", card=AUTHENTICATE)
    answer = w.execute("acme", w.quote("acme", "core", "10k"))
    w.advance(hours=24)
    assert state_of(w, answer.json) == "expired"
    assert w.invoices("acme")[0]["status"] == "void"
    assert [s for s in w.mail.subjects() if "cancel" in s.lower() or "ended" in s.lower()] == []
    w.use_card(w.state("acme")["customer"], "pm_card_visa")
    w.change("acme", "core", "10k")
    assert w.plan("acme") == ("core", "10k")


def test_a_named_payment_method_is_charged_and_put_back_when_it_is_declined(w: World):
    customer = w.account("acme")
    w.change("acme", "core", "10k")
    bad = w.stripe(
        "POST", "/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer
    )["id"]
    w.settle()
    before = w.subscription("acme")["default_payment_method"]
    answer = w.execute("acme", w.quote("acme", "pro", "40k"), payment_method=bad)
    assert answer.status_code == 402, answer.json
    w.settle()
    assert w.subscription("acme")["default_payment_method"] == before
    assert w.plan("acme") == ("core", "10k")
    good = w.stripe("POST", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer)
    answer = w.execute("acme", w.quote("acme", "pro", "40k"), payment_method=good["id"])
    assert answer.status_code == 201, answer.json
    assert w.subscription("acme")["default_payment_method"] == good["id"]


def test_an_end_that_is_set_at_stripe_while_a_payment_waits_is_not_taken_back(w: World):
    """The customer's own end outlives the upgrade that comes about after it."""
    change = waiting_upgrade(w)
    sub = w.subscription("acme")["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="true")
    complete_payment(w)
    assert state_of(w, change) == "applied"
    assert w.plan("acme") == ("pro", "40k")
    assert w.subscription("acme")["cancel_at"] is not None
    assert w.state("acme")["plans"][0]["ends_at"] is not None
