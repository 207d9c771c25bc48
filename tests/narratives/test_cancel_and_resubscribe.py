"""`cancel-first` by another answer of its rule: one request ends the plan and starts another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.workspaces import (
    ENTERPRISE,
    FREE,
    PROFESSIONAL,
    WORKSPACE,
    buy,
    in_one_request,
)
from tests.support.world import World, world


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="cancel-first") as made:
        yield made


@pytest.fixture
def one(database_url: str) -> Iterator[World]:
    """Enterprise since ten days, sold by the rule that cancels and subscribes again."""
    with world(database_url, catalogue="cancel-first", sold=in_one_request()) as made:
        made.account("acme")
        buy(made, ENTERPRISE)
        made.advance(days=10)
        yield made


def test_row_1_6_one_request_moves_the_same_money_and_sends_the_same_mail(one: World):
    w = one
    quote = w.quote("acme", *PROFESSIONAL, family=WORKSPACE)
    now = quote["timings"]["now"]
    # 99.00 * 21/31 = 67.06 comes to the balance and 29.00 of it is used at once.
    assert now["credited_to_balance"]["amount"] == 6706
    assert [line["amount"] for line in now["ending_lines"]] == [-6706]
    assert now["total"]["amount"] == 2900
    assert (now["balance_used"]["amount"], now["due_now"]["amount"]) == (2900, 0)
    answer = w.execute("acme", quote)
    assert answer.status_code == 201, answer.json
    w.settle()
    line = answer.json["lines"][0]
    assert (line["state"], line["drift"]) == ("applied", None)
    assert w.plan("acme", WORKSPACE) == PROFESSIONAL
    assert w.charged("acme") == [9900]
    assert w.balance_moves("acme") == [-6706, 2900]
    assert w.state("acme")["balance"]["amount"] == -3806
    assert [sub["status"] for sub in w.state("acme")["subscriptions"]] == ["canceled", "active"]
    # The same e-mails as for a cancellation and a purchase, each once.
    assert w.mail.subjects() == [
        "You are now on Enterprise 500 projects monthly",
        "Your subscription to Enterprise 500 projects monthly has ended",
        "You are now on Professional 50 projects monthly",
    ]
    # As after two requests: the rest pays for what comes. 38.06 - 29.00 = 9.06
    w.advance(days=31, hours=2)
    assert (w.charged("acme"), w.state("acme")["balance"]["amount"]) == ([9900], -906)


def test_row_1_6_what_melts_while_the_quote_is_read_is_charged_and_no_drift(one: World):
    w = one
    w.advance(days=20)
    quote = w.quote("acme", *PROFESSIONAL, family=WORKSPACE)
    now = quote["timings"]["now"]
    # One day of 31 is left: 99.00 / 31 = 3.19; 29.00 - 3.19 = 25.81
    assert (now["credited_to_balance"]["amount"], now["due_now"]["amount"]) == (319, 2581)
    w.advance(seconds=600)
    answer = w.execute("acme", quote)
    assert answer.status_code == 201, answer.json
    w.settle()
    # 99.00 * 85,800 s / 2,678,400 s = 3.17
    assert answer.json["lines"][0]["drift"] is None
    assert w.charged("acme") == [9900, 2583]
    assert w.state("acme")["balance"]["amount"] == 0


def test_row_1_6_a_month_that_was_not_paid_gives_no_credit(one: World):
    w = one
    w.advance(days=21, seconds=60)
    assert w.invoices("acme")[0]["status"] == "draft"
    quote = w.quote("acme", *PROFESSIONAL, family=WORKSPACE)
    now = quote["timings"]["now"]
    assert (now["credited_to_balance"]["amount"], now["due_now"]["amount"]) == (0, 2900)
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    assert (w.charged("acme"), w.balance_moves("acme")) == ([9900, 2900], [])
    assert sorted(one["status"] for one in w.invoices("acme")) == ["paid", "paid", "void"]


def test_row_1_6_a_refused_second_half_leaves_free_with_the_credit(one: World):
    w = one
    # Five days before the end 99.00 * 5/31 = 15.97 are left, so that the card has to pay.
    w.advance(days=16)
    w.use_card(w.state("acme")["customer"], "pm_card_chargeCustomerFail")
    answer = w.execute("acme", w.quote("acme", *PROFESSIONAL, family=WORKSPACE))
    assert (answer.status_code, answer.json["code"]) == (409, "failed_after_cancel")
    change = answer.json["plan_change"]
    w.settle()
    assert w.get(f"/v1/plan-changes/{change}")["lines"][0]["state"] == "failed"
    assert w.plan("acme", WORKSPACE) == FREE
    assert w.state("acme")["balance"]["amount"] == -1597
    assert w.charged("acme") == [9900]
    assert len(w.mail.goodbyes()) == 1
    # A good card later: bought from Free, the credit first. 29.00 - 15.97 = 13.03
    w.use_card(w.state("acme")["customer"], "pm_card_visa")
    buy(w, PROFESSIONAL)
    assert w.charged("acme") == [9900, 1303]


def test_row_1_6_a_service_killed_between_the_halves_goes_on_where_it_was(one: World):
    w = one
    quote = w.quote("acme", *PROFESSIONAL, family=WORKSPACE)
    w.box.fail_next("POST", "/v1/subscriptions$", "timeout_before", 3)
    answer = w.execute("acme", quote)
    assert (answer.status_code, answer.json["lines"][0]["state"]) == (202, "executing")
    w.settle()
    assert w.plan("acme", WORKSPACE) == FREE
    w.parts.orders.resume(answer.json["id"])
    w.settle()
    line = w.get(f"/v1/plan-changes/{answer.json['id']}")["lines"][0]
    assert (line["state"], line["drift"]) == ("applied", None)
    assert w.plan("acme", WORKSPACE) == PROFESSIONAL
    assert w.balance_moves("acme") == [-6706, 2900]
    assert (w.charged("acme"), len(w.mail.goodbyes())) == ([9900], 1)


def test_row_1_6_a_second_half_that_needs_the_customer_waits_on_free_for_the_payment(one: World):
    w = one
    w.advance(days=16)
    w.use_card(w.state("acme")["customer"], "pm_card_authenticationRequired")
    answer = w.execute("acme", w.quote("acme", *PROFESSIONAL, family=WORKSPACE))
    assert (answer.status_code, answer.json["lines"][0]["state"]) == (202, "awaiting_payment")
    w.settle()
    assert w.plan("acme", WORKSPACE) == FREE
    w.visit(answer.json["lines"][0]["payment_url"], answer="complete")
    line = w.get(f"/v1/plan-changes/{answer.json['id']}")["lines"][0]
    assert (line["state"], line["drift"]) == ("applied", None)
    assert w.plan("acme", WORKSPACE) == PROFESSIONAL
    assert (w.charged("acme"), len(w.mail.goodbyes())) == ([9900, 1303], 1)
