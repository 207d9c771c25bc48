"""`cancel-first`: up directly, down only through cancellation, with the credit kept.

January has 31 days; a change on the 20th, ten days in, leaves 21/31 of the period.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mappings
from mappings import Catalogue, parse_catalogue
from tests.support.world import World, world

WORKSPACE = "workspace"
FREE = ("free", "3")
PROFESSIONAL = ("professional", "50")
ENTERPRISE = ("enterprise", "500")


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="cancel-first") as made:
        yield made


def ask(w: World, plan: str | None, tier: str | None = None) -> Any:
    body = {"family": WORKSPACE, "plan": plan, "tier": tier, "interval": "month"}
    return w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})


def buy(w: World, offer: tuple[str, str]) -> Any:
    return w.change("acme", *offer, family=WORKSPACE)


def cancel(w: World) -> Any:
    """Quote the end of the plan and execute it; gives the quote's money."""
    quote = w.quote("acme", None, family=WORKSPACE)
    answer = w.execute("acme", quote)
    assert answer.status_code == 201, answer.json
    assert answer.json["lines"][0]["drift"] is None
    w.settle()
    return quote["timings"]["now"]


def goodbyes(w: World) -> list[Any]:
    """The cancellation e-mails."""
    return [mail for mail in w.mail.messages if "has ended" in str(mail["Subject"])]


def test_row_1_1_down_is_refused_with_the_way_and_up_is_direct(w: World):
    w.account("acme")
    buy(w, PROFESSIONAL)
    w.advance(days=10)
    change = buy(w, ENTERPRISE)
    # 29.00 for the 21 days and 5 seconds of 31 days that were left: 19.65; 99.00 - 19.65.
    assert change["lines"][0]["state"] == "applied"
    newest = w.invoices("acme")[0]
    assert sorted(line["amount"] for line in newest["lines"]["data"]) == [-1965, 9900]
    assert w.charged("acme") == [2900, 7935]
    assert w.plan("acme", WORKSPACE) == ENTERPRISE

    refused = ask(w, *PROFESSIONAL)
    assert (refused.status_code, refused.json["code"]) == (409, "not_offered")
    assert refused.json["detail"] == (
        "A paid plan is not changed directly to a lower one or to a shorter interval."
    )
    assert refused.json["remedy"].startswith("Cancel the current plan, then upgrade from Free")
    assert w.plan("acme", WORKSPACE) == ENTERPRISE


@pytest.mark.parametrize(
    ("offer", "price", "credit"),
    # 99.00 * 21/31 = 67.06; 29.00 * 21/31 = 19.65
    [(ENTERPRISE, 9900, 6706), (PROFESSIONAL, 2900, 1965)],
    ids=["enterprise", "professional"],
)
def test_row_1_2_1_3_1_4_a_paid_plan_ends_now_with_credit_and_one_mail(
    w: World, offer: tuple[str, str], price: int, credit: int
):
    w.account("acme")
    buy(w, offer)
    w.advance(days=10)
    quoted = cancel(w)
    assert quoted["credited_to_balance"]["amount"] == credit
    state = w.state("acme")
    assert w.plan("acme", WORKSPACE) == FREE
    assert state["balance"]["amount"] == -credit
    assert state["subscriptions"][0]["status"] == "canceled"
    # The credit is on the balance at Stripe; no cash went back.
    assert w.balance_moves("acme") == [-credit]
    assert w.charged("acme") == [price]
    assert w.stripe("GET", "/v1/refunds")["data"] == []
    (mail,) = goodbyes(w)
    assert mail["To"].addresses[0].addr_spec == "billing@acme.example"
    w.advance(days=62)
    assert (len(w.invoices("acme")), len(goodbyes(w))) == (2, 1)


def test_row_1_3_a_month_that_is_past_due_gives_no_credit(w: World):
    customer = w.account("acme")
    buy(w, PROFESSIONAL)
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.advance(days=32)
    assert w.state("acme")["subscriptions"][0]["status"] == "past_due"
    quoted = cancel(w)
    assert quoted["credited_to_balance"]["amount"] == 0
    assert w.plan("acme", WORKSPACE) == FREE
    assert w.state("acme")["balance"]["amount"] == 0
    assert w.balance_moves("acme") == []
    assert w.charged("acme") == [2900]
    assert len(goodbyes(w)) == 1


def test_row_1_3_a_month_whose_invoice_is_still_a_draft_is_neither_charged_nor_credited(w: World):
    w.account("acme")
    buy(w, PROFESSIONAL)
    w.advance(days=31, seconds=60)
    assert w.invoices("acme")[0]["status"] == "draft"
    since = len(w.calls())
    quoted = cancel(w)
    assert quoted["credited_to_balance"]["amount"] == 0
    finalized = [call for call in w.calls(since) if call.path.endswith("/finalize")]
    assert [call.params for call in finalized] == [{"auto_advance": "false"}]
    assert w.invoices("acme")[0]["status"] == "void"
    assert w.plan("acme", WORKSPACE) == FREE
    w.advance(days=3)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([2900], [])
    assert len(goodbyes(w)) == 1


def test_row_1_3_a_declined_upgrade_does_not_take_the_credit_of_the_month_that_was_paid(w: World):
    customer = w.account("acme")
    buy(w, PROFESSIONAL)
    w.advance(days=10)
    w.use_card(customer, "pm_card_chargeCustomerFail")
    assert w.execute("acme", w.quote("acme", *ENTERPRISE, family=WORKSPACE)).status_code == 402
    w.settle()
    # The month was paid, whatever the newest invoice says: 29.00 * 21/31 = 19.65
    assert cancel(w)["credited_to_balance"]["amount"] == 1965
    assert w.balance_moves("acme") == [-1965]


def test_row_1_5_the_balance_pays_first_and_its_rest_stays_for_later_invoices(w: World):
    w.account("acme")
    buy(w, ENTERPRISE)
    w.advance(days=10)
    cancel(w)
    quote = w.quote("acme", *PROFESSIONAL, family=WORKSPACE)
    now = quote["timings"]["now"]
    # 67.06 on the balance, 29.00 of it used, nothing due.
    assert (now["due_now"]["amount"], now["balance_used"]["amount"]) == (0, 2900)
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    assert w.plan("acme", WORKSPACE) == PROFESSIONAL
    assert w.charged("acme") == [9900]
    assert w.state("acme")["balance"]["amount"] == -3806
    # 38.06 - 29.00 = 9.06 after the second month; the third takes that and 19.94 by card.
    w.advance(days=31, hours=2)
    assert (w.charged("acme"), w.state("acme")["balance"]["amount"]) == ([9900], -906)
    w.advance(days=28)
    assert w.charged("acme") == [9900, 1994]
    assert w.balance_moves("acme") == [-6706, 2900, 2900, 906]
    assert w.state("acme")["balance"]["amount"] == 0


def test_row_1_5_the_card_is_charged_only_what_the_balance_does_not_cover(w: World):
    w.account("acme")
    buy(w, PROFESSIONAL)
    w.advance(days=10)
    cancel(w)
    quote = w.quote("acme", *PROFESSIONAL, family=WORKSPACE)
    # 29.00 - 19.65 = 9.35
    assert quote["timings"]["now"]["due_now"]["amount"] == 935
    answer = w.execute("acme", quote)
    w.settle()
    assert answer.json["lines"][0]["drift"] is None
    assert w.charged("acme") == [2900, 935]
    assert w.plan("acme", WORKSPACE) == PROFESSIONAL


# Row 1.6: the same in one request, by another answer of the catalogue's rule.

REFUSED = re.compile(
    r'route = "not_offered"\nreason = "A paid plan.*?"\nremedy = "Cancel.*?"\n', re.S
)
IN_ONE = """route = "cancel_and_resubscribe"
timing = "now"
cycle = "restart"
credit = "time_to_balance"
acknowledge = true
"""


@cache
def in_one_request() -> Catalogue:
    """The shipped catalogue with the answer that it shows in a comment."""
    shipped = (Path(mappings.__file__).parent / "catalogues" / "cancel-first.toml").read_text()
    text, replaced = REFUSED.subn(IN_ONE, shipped)
    assert replaced == 1
    assert all(f"#   {line}" in shipped for line in IN_ONE.splitlines())
    return parse_catalogue(text)


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
    assert len(goodbyes(w)) == 1
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
    assert (w.charged("acme"), len(goodbyes(w))) == ([9900], 1)


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
    assert (w.charged("acme"), len(goodbyes(w))) == ([9900, 1303], 1)
