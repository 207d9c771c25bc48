"""`cancel-first`: up directly, down only through cancellation, with the credit kept.

January has 31 days; a change on the 20th, ten days in, leaves 21/31 of the period.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.workspaces import ENTERPRISE, FREE, PROFESSIONAL, WORKSPACE, buy
from tests.support.world import World, world


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="cancel-first") as made:
        yield made


def ask(w: World, plan: str | None, tier: str | None = None) -> Any:
    body = {"family": WORKSPACE, "plan": plan, "tier": tier, "interval": "month"}
    return w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})


def cancel(w: World) -> Any:
    """Quote the end of the plan and execute it; gives the quote's money."""
    quote = w.quote("acme", None, family=WORKSPACE)
    answer = w.execute("acme", quote)
    assert answer.status_code == 201, answer.json
    assert answer.json["lines"][0]["drift"] is None
    w.settle()
    return quote["timings"]["now"]


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
    (mail,) = w.mail.goodbyes()
    assert mail["To"].addresses[0].addr_spec == "billing@acme.example"
    w.advance(days=62)
    assert (len(w.invoices("acme")), len(w.mail.goodbyes())) == (2, 1)


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
    assert len(w.mail.goodbyes()) == 1


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
    assert len(w.mail.goodbyes()) == 1


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
