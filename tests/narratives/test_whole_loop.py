"""From a catalogue to a paid subscription, a plan change and a cancellation e-mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def test_an_account_begins_on_the_free_plan(w: World):
    w.account("acme")
    assert w.plan("acme") == ("free", "1k")


def test_a_first_purchase_by_card_is_charged_what_the_quote_said(w: World):
    w.account("acme")
    quote = w.quote("acme", "core", "10k")
    assert quote["timings"]["now"]["due_now"]["amount"] == 1060
    answer = w.execute("acme", quote)
    assert answer.status_code == 201, answer.json
    assert answer.json["lines"][0]["state"] == "applied"
    w.settle()
    assert w.plan("acme") == ("core", "10k")
    (invoice,) = w.invoices("acme")
    assert (invoice["status"], invoice["total"], invoice["amount_paid"]) == ("paid", 1060, 1060)
    assert w.mail.subjects() != []


def test_an_upgrade_is_charged_to_the_cent_what_the_quote_said(w: World):
    w.account("acme")
    w.change("acme", "core", "10k")
    w.advance(days=10)
    quote = w.quote("acme", "pro", "40k")
    now = quote["timings"]["now"]
    # Nothing was used of 10,000 operations at 0.00106 each.
    assert now["credit"]["amount"] == 1060
    assert (now["total"]["amount"], now["due_now"]["amount"]) == (6040 - 1060, 6040 - 1060)
    assert now["total"]["amount"] == sum(line["amount"] for line in now["lines"])
    is_executed_as_quoted(w, quote)
    assert w.plan("acme") == ("pro", "40k")


def test_an_upgrade_credits_unused_time_where_the_rule_says_so(database_url: str):
    team = "virtual-team"
    with world(database_url, catalogue="choose-when") as w:
        w.account("acme")
        w.change("acme", "starter", "2k", family=team)
        w.advance(days=10)
        quote = w.quote("acme", "growth", "5k", family=team)
        now = quote["timings"]["now"]
        # 21 of January's 31 days are left of 45.00, counted from five seconds before now.
        assert now["credit"]["amount"] == 3048
        assert (now["total"]["amount"], now["due_now"]["amount"]) == (15900 - 3048, 15900 - 3048)
        is_executed_as_quoted(w, quote, when="now")
        assert w.plan("acme", team) == ("growth", "5k")


def is_executed_as_quoted(w: World, quote: Any, **order: Any) -> None:
    """Two calls to Stripe, no drift, and an invoice with the quote's lines and total."""
    now, since = quote["timings"]["now"], len(w.calls())
    answer = w.execute("acme", quote, **order)
    assert answer.status_code == 201, answer.json
    calls = [(call.method, call.path) for call in w.calls(since)]
    assert len(calls) == 2, calls
    w.settle()
    invoice = w.invoices("acme")[0]
    assert invoice["total"] == now["total"]["amount"]
    assert invoice["amount_paid"] == now["due_now"]["amount"]
    assert [line["amount"] for line in invoice["lines"]["data"]] == [
        line["amount"] for line in now["lines"]
    ]
    assert answer.json["lines"][0]["drift"] is None


def test_a_declined_upgrade_is_402_and_leaves_everything_as_it_was(w: World):
    customer = w.account("acme")
    w.change("acme", "core", "10k")
    w.use_card(customer, "pm_card_chargeCustomerFail")
    quote = w.quote("acme", "pro", "40k")
    answer = w.execute("acme", quote)
    assert answer.status_code == 402, answer.json
    assert answer.json["code"] == "payment_failed"
    w.settle()
    assert w.plan("acme") == ("core", "10k")
    change = w.get(f"/v1/plan-changes/{answer.json['plan_change']}")
    assert change["lines"][0]["state"] == "failed"
    assert w.invoices("acme")[0]["status"] == "void"
    assert w.subscription("acme")["pending_update"] is None
    assert "payment failed" not in " ".join(w.mail.subjects()).lower()


def test_a_declined_first_purchase_leaves_no_subscription(w: World):
    w.account("acme", card="pm_card_chargeCustomerFail")
    answer = w.execute("acme", w.quote("acme", "core", "10k"))
    assert answer.status_code == 402, answer.json
    w.settle()
    assert w.plan("acme") == ("free", "1k")
    assert w.invoices("acme")[0]["status"] == "void"
    assert w.mail.subjects() == []


def test_a_renewal_is_paid_a_failed_one_is_told_and_recovers(w: World):
    customer = w.account("acme")
    w.change("acme", "core", "10k")
    w.advance(days=32)
    assert [invoice["status"] for invoice in w.invoices("acme")] == ["paid", "paid"]
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.advance(days=31)
    state = w.state("acme")
    assert state["subscriptions"][0]["status"] == "past_due"
    assert w.plan("acme") == ("core", "10k")
    failed = w.mail.messages[-1]
    assert "pay" in failed.get_body(("plain",)).get_content().lower()
    open_invoice = w.get("/v1/accounts/acme/invoices")["data"][0]
    assert open_invoice["pay_url"] is not None
    card = w.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    w.stripe("POST", f"/v1/invoices/{open_invoice['id']}/pay", payment_method=card)
    w.settle()
    assert w.state("acme")["subscriptions"][0]["status"] == "active"


def test_cancel_at_the_periods_end_uncancel_and_cancel_now_each_with_its_mail(w: World):
    w.account("acme")
    w.change("acme", "core", "10k")
    seen = len(w.mail.messages)
    answer = w.call("POST", "/v1/accounts/acme/cancellation", {"when": "period_end"})
    assert answer.status_code == 201, answer.json
    assert answer.json["lines"][0]["state"] == "scheduled"
    w.settle()
    assert w.plan("acme") == ("core", "10k")
    assert w.state("acme")["plans"][0]["ends_at"] is not None
    answer = w.call("DELETE", "/v1/accounts/acme/cancellation")
    assert answer.status_code == 200, answer.json
    assert answer.json["plan_change"]["lines"][0]["state"] == "cancelled"
    w.settle()
    assert w.state("acme")["plans"][0]["ends_at"] is None
    w.advance(days=10)
    answer = w.call("POST", "/v1/accounts/acme/cancellation", {"when": "now"})
    assert answer.status_code == 201, answer.json
    w.settle()
    assert w.plan("acme") == ("free", "1k")
    assert w.state("acme")["balance"]["amount"] < 0
    assert len(w.mail.messages) == seen + 3, w.mail.subjects()
