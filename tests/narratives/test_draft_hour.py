"""The hour in which a renewal is still a draft: a change now pays it first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sold import TEAM
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

GROWTH, SCALE = TEAM.small, TEAM.large


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    """Growth 5k at 159.00 a month, one minute into its second period."""
    with world(database_url, catalogue=TEAM.catalogue) as made:
        TEAM.buy(made)
        made.advance(days=31, seconds=60)
        assert made.invoices("acme")[0]["status"] == "draft"
        yield made


def mails(w: World, words: str) -> list[Any]:
    return [mail for mail in w.mail.messages if words in str(mail["Subject"])]


def test_a_change_now_pays_the_renewal_first_and_then_what_was_quoted(w: World):
    quote = TEAM.quote(w, SCALE)
    # 55 seconds of 28 days are used: of 159.00 not even half a cent.
    assert quote["timings"]["now"]["due_now"]["amount"] == 44900 - 15900
    since = len(w.calls())
    answer = w.execute("acme", quote, when="now")
    assert answer.status_code == 201, answer.json
    written = [call.path.rsplit("/", 1)[-1] for call in w.calls(since) if call.method == "POST"]
    assert written[0] == "create_preview"
    assert written[1] == "finalize"
    w.settle()
    assert answer.json["lines"][0]["drift"] is None
    assert TEAM.plan(w) == SCALE
    assert w.charged("acme") == [15900, 15900, 29000]
    assert {invoice["status"] for invoice in w.invoices("acme")} == {"paid"}


def test_a_renewal_that_is_declined_changes_nothing_and_says_how_to_pay(w: World):
    customer = w.state("acme")["customer"]
    w.use_card(customer, "pm_card_chargeCustomerFail")
    answer = w.execute("acme", TEAM.quote(w, SCALE), when="now")
    assert (answer.status_code, answer.json["code"]) == (409, "payment_outstanding")
    renewal = w.invoices("acme")[0]
    assert (answer.json["invoice"], renewal["status"]) == (renewal["id"], "open")
    assert answer.json["payment_url"] == renewal["hosted_invoice_url"]
    w.settle()
    change = w.get(f"/v1/plan-changes/{answer.json['plan_change']}")
    assert change["lines"][0]["state"] == "failed"
    assert TEAM.plan(w) == GROWTH
    assert w.subscription("acme")["items"]["data"][0]["price"]["unit_amount"] == 15900
    assert w.state("acme")["subscriptions"][0]["status"] == "past_due"
    assert w.charged("acme") == [15900]
    # It is a renewal that failed, and told as one.
    (mail,) = mails(w, "did not go through")
    assert answer.json["payment_url"] in mail.get_body(("plain",)).get_content()
    # Paid at the link, the change is possible.
    w.visit(answer.json["payment_url"], card="pm_card_visa")
    w.use_card(customer, "pm_card_visa")
    assert TEAM.order(w, SCALE).status_code == 201
    assert TEAM.plan(w) == SCALE
    assert w.charged("acme")[:2] == [15900, 15900]
    assert len(w.charged("acme")) == 3


def test_a_change_for_the_next_cycle_does_not_touch_the_draft(w: World):
    answer = TEAM.order(w, ("starter", "2k"), "period_end")
    assert answer.json["lines"][0]["state"] == "scheduled"
    assert w.invoices("acme")[0]["status"] == "draft"
    w.advance(hours=2)
    assert w.charged("acme") == [15900, 15900]
    w.advance(days=28)
    assert TEAM.plan(w) == ("starter", "2k")
    assert w.charged("acme") == [15900, 15900, 4500]


def test_an_end_in_that_hour_is_neither_charged_nor_credited(w: World):
    quote = TEAM.quote(w, None)
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    assert w.execute("acme", quote, when="now").status_code == 201
    w.settle()
    assert w.invoices("acme")[0]["status"] == "void"
    w.advance(days=2)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([15900], [])
    assert TEAM.plan(w) == TEAM.free


def test_a_line_that_ends_in_that_hour_is_paid_with_the_others_and_credited(database_url: str):
    shared = str(Path(__file__).with_name("shared.toml"))
    with world(database_url, catalogue=shared) as w:
        w.account("acme")
        w.change("acme", "basic", "1k", family="mail")
        w.change("acme", "small", "1", family="bots")
        w.advance(days=31, seconds=60)
        quote = w.quote("acme", None, family="bots")
        # 20.00 for all but a minute of 28 days.
        assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 2000
        answer = w.execute("acme", quote, when="now")
        assert (answer.status_code, answer.json["lines"][0]["drift"]) == (201, None)
        w.settle()
        assert (w.charged("acme"), w.balance_moves("acme")) == ([1000, 2000, 3000], [-2000])
        # The next month of Mail comes from it.
        w.advance(days=28, hours=2)
        assert w.charged("acme") == [1000, 2000, 3000]
        assert w.state("acme")["balance"]["amount"] == -1000
