"""``contacts``: who cannot be charged pays for a smaller plan at a page, and what is left of the
larger one becomes balance.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.pages.visitor import Visitor
from tests.support.buying import session_of, without_saved_method
from tests.support.contacts import (
    BOTS,
    EMAIL,
    amounts,
    begins,
    due,
    letters,
    lines_of,
    ordered,
    plans,
    quoted,
    states,
    wants,
)
from tests.support.world import World, world

BACK = "https://acme.example/plans"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="contacts") as made:
        yield made


def test_row_3_4_who_cannot_be_charged_pays_at_a_page_and_the_rest_becomes_balance(w: World):
    begins(w, wants(EMAIL, "pro", "5k"))
    without_saved_method(w)
    w.advance(days=10)
    quote = quoted(w, wants(EMAIL, "standard", "1k"))
    # 16.00 whole; 90.00 x 21/31 = 60.97 are left of the old plan.
    assert due(quote, "now") == (1_600, 6_097)
    assert amounts(quote["timings"]["now"]) == [1_600]
    old = w.subscription("acme")["id"]
    change = ordered(w, wants(EMAIL, "standard", "1k"), status=202, return_url=BACK)
    line = lines_of(w, change)[EMAIL]
    session = session_of(w)
    assert (line["state"], line["payment_url"]) == ("awaiting_payment", session["url"])
    assert (session["mode"], session["amount_total"]) == ("subscription", 1_600)
    assert plans(w)[0] == ("pro", "5k")
    assert Visitor(w.box).pay(session["id"]) == "complete"
    w.settle()
    line = lines_of(w, change)[EMAIL]
    assert (line["state"], line["drift"], line["moved_from"]) == ("applied", None, old)
    new = w.subscription("acme")
    assert (new["id"], plans(w)[0]) == (line["subscription"], ("standard", "1k"))
    # The price just paid is whole, and the rest of the old plan waits for later invoices.
    assert w.charged("acme") == [9_000, 1_600]
    assert w.balance_moves("acme") == [-6_097]
    assert w.state("acme")["balance"]["amount"] == -6_097
    # The old subscription was replaced by our own change: nobody is told that it ended.
    assert letters(w, "ended") == []
    assert letters(w, "now on") == [
        "You are now on Pro 5k monthly",
        "You are now on Standard 1k monthly",
    ]
    w.advance(days=31, hours=2)
    assert w.charged("acme") == [9_000, 1_600]
    assert w.state("acme")["balance"]["amount"] == -6_097 + 1_600


def test_row_3_4_of_a_shared_subscription_only_the_line_that_is_replaced_goes(w: World):
    begins(w, wants(EMAIL, "pro", "5k"), wants(BOTS, "pro", "3k"))
    without_saved_method(w)
    w.advance(days=10)
    change = ordered(w, wants(BOTS, "pro", "1k"), status=202)
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert (states(w, change), plans(w)) == (["applied"], [("pro", "5k"), ("pro", "1k")])
    # 45.00 x 21/31 = 30.48.
    assert w.balance_moves("acme") == [-3_048]
    subs = {sub["id"]: sub for sub in w.state("acme")["subscriptions"]}
    held = sorted((sub["status"], len(sub["lines"])) for sub in subs.values())
    assert held == [("active", 1), ("active", 1)]
    assert letters(w, "ended") == []


def test_row_3_4_a_period_that_was_never_paid_is_credited_with_nothing(w: World):
    """In the hour in which the renewal is a draft, that is taken back."""
    begins(w, wants(EMAIL, "pro", "5k"))
    without_saved_method(w)
    w.advance(days=31, seconds=60)
    quote = quoted(w, wants(EMAIL, "standard", "1k"))
    assert due(quote, "now") == (1_600, 0)
    change = ordered(w, wants(EMAIL, "standard", "1k"), status=202)
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert (states(w, change), plans(w)[0]) == (["applied"], ("standard", "1k"))
    assert w.balance_moves("acme") == []
    assert sorted(invoice["status"] for invoice in w.invoices("acme")) == ["paid", "paid", "void"]
    w.advance(days=2)
    assert w.charged("acme") == [9_000, 1_600]


@pytest.mark.parametrize(
    "habits", [{"duplicate": 1.0}, {"reorder": 1.0}, {"twin": 1.0}, {"drop": 1.0}]
)
def test_row_3_4_the_rest_is_credited_once_whatever_becomes_of_the_events(
    sqlite_url: str, habits: dict[str, float]
):
    with world(sqlite_url, catalogue="contacts") as w:
        begins(w, wants(EMAIL, "pro", "5k"), wants(BOTS, "pro", "1k"))
        without_saved_method(w)
        change = ordered(w, wants(EMAIL, "standard", "1k"), status=202)
        w.box.delivery.put_on(**habits)
        assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
        w.settle()
        if "drop" in habits:
            # Nobody has told; the page is asked about once it must have closed.
            assert states(w, change) == ["awaiting_payment"]
            w.box.delivery.put_on(drop=0.0)
            w.advance(hours=25)
            # Whatever is asked of Stripe next tells what time it is.
            w.account("globex")
        assert (states(w, change), plans(w)[0]) == (["applied"], ("standard", "1k"))
        (credit,) = w.balance_moves("acme")
        # 25 hours later 719 of 744 are left of 90.00; until then the old plan was in force.
        assert credit == (-8_698 if "drop" in habits else -9_000)


def test_row_3_4_the_page_closes_when_it_is_overtaken(w: World):
    begins(w, wants(EMAIL, "pro", "5k"))
    without_saved_method(w)
    first = ordered(w, wants(EMAIL, "standard", "1k"), status=202)
    # Taken back by the caller.
    answer = w.call("POST", f"/v1/plan-changes/{first['id']}/cancel")
    assert (answer.status_code, states(w, first)) == (200, ["cancelled"])
    assert session_of(w)["status"] == "expired"
    # The old plan ends by itself.
    second = ordered(w, wants(EMAIL, "standard", "1k"), status=202)
    w.stripe("DELETE", f"/v1/subscriptions/{w.subscription('acme')['id']}")
    w.settle()
    assert (states(w, second), session_of(w)["status"]) == (["expired"], "expired")
    assert plans(w)[0] == ("free", "250")
    # The period ends: the page does with it.
    ordered(w, wants(EMAIL, "pro", "5k"), status=202)
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    without_saved_method(w)
    w.advance(days=30, hours=20)
    third = ordered(w, wants(EMAIL, "standard", "1k"), status=202)
    ends = w.subscription("acme")["items"]["data"][0]["current_period_end"]
    assert session_of(w)["expires_at"] == ends
    w.advance(hours=5)
    assert states(w, third) == ["expired"]
