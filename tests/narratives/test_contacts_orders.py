"""``contacts``: an order of several lines; what of it is due now is one payment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.pages.visitor import Visitor
from tests.support.buying import session_of, without_saved_method
from tests.support.contacts import (
    BOTS,
    EMAIL,
    END,
    amounts,
    begins,
    declines_on_the_day,
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


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="contacts") as made:
        yield made


def refused(w: World, *changes: Any) -> Any:
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": list(changes)})
    assert answer.status_code == 409, answer.json
    return answer.json


def test_row_3_9_what_is_due_now_is_one_payment(w: World):
    begins(w, wants(EMAIL, "standard", "1k"), wants(BOTS, "pro", "500"))
    assert w.charged("acme") == [2_800]
    w.advance(days=10)
    quote = quoted(w, wants(EMAIL, "standard", "2k"), wants(BOTS, "pro", "1k"))
    # (30.00 - 16.00) x 21/31 and (20.00 - 12.00) x 21/31, line by line.
    assert sorted(amounts(quote["timings"]["now"])) == [-1_084, -813, 1_355, 2_032]
    assert due(quote, "now") == (1_490, 0)
    since = len(w.calls())
    change = w.execute("acme", quote).json
    assert [call.method for call in w.calls(since)] == ["POST", "POST"]
    w.settle()
    assert states(w, change) == ["applied", "applied"]
    assert plans(w) == [("standard", "2k"), ("pro", "1k")]
    assert w.charged("acme") == [2_800, 1_490]


def test_row_3_9_downgrades_at_a_page_are_in_the_same_payment(w: World):
    begins(w, wants(EMAIL, "pro", "5k"), wants(BOTS, "pro", "500"))
    without_saved_method(w)
    w.advance(days=10)
    # Down in one family, up in the other: both at the page, whole, in one payment.
    quote = quoted(w, wants(EMAIL, "standard", "1k"), wants(BOTS, "pro", "1k"))
    # 90.00 x 21/31 + 12.00 x 21/31 = 60.97 + 8.13 are left.
    assert due(quote, "now") == (1_600 + 2_000, 6_097 + 813)
    change = w.execute("acme", quote).json
    w.settle()
    assert states(w, change) == ["awaiting_payment", "awaiting_payment"]
    assert len(letters(w, "payment")) == 1
    assert session_of(w)["amount_total"] == 3_600
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert states(w, change) == ["applied", "applied"]
    assert plans(w) == [("standard", "1k"), ("pro", "1k")]
    assert w.charged("acme") == [10_200, 3_600]
    assert w.balance_moves("acme") == [-6_910]
    assert len(w.subscription("acme")["items"]["data"]) == 2
    assert letters(w, "ended") == []


def test_row_3_9_all_that_is_due_comes_about_or_none_of_it(w: World):
    customer = begins(w, wants(EMAIL, "standard", "1k"), wants(BOTS, "pro", "3k"))
    declines_on_the_day(w, customer)
    quote = quoted(w, wants(EMAIL, "standard", "2k"), wants(BOTS, "pro", "500"))
    answer = w.execute("acme", quote)
    assert (answer.status_code, answer.json["code"]) == (402, "payment_failed")
    w.settle()
    (change,) = [
        c for c in w.get("/v1/accounts/acme/plan-changes")["data"] if c["kind"] == "order"
    ][:1]
    # The downgrade that was to wait is of the same order, and goes with it.
    assert states(w, change) == ["failed", "failed"]
    assert w.subscription("acme")["schedule"] is None
    # Where the bank asks the customer, both wait for the answer.
    w.use_card(customer, "pm_card_authenticationRequired")
    waits = ordered(w, wants(EMAIL, "standard", "2k"), wants(BOTS, "pro", "500"), status=202)
    assert states(w, waits) == ["awaiting_payment", "awaiting_payment"]
    told = w.call("POST", f"/v1/plan-changes/{waits['id']}/cancel", {"family": BOTS})
    assert (told.status_code, told.json["code"]) == (409, "not_cancellable")
    invoice = w.invoices("acme")[0]["id"]
    (payment,) = w.stripe("GET", "/v1/invoice_payments", invoice=invoice)["data"]
    w.box.authenticate(payment["payment"]["payment_intent"])
    w.settle()
    assert states(w, waits) == ["applied", "scheduled"]
    assert plans(w) == [("standard", "2k"), ("pro", "3k")]


def test_row_3_9_what_cannot_be_one_payment_is_named(w: World):
    begins(w, wants(EMAIL, "standard", "1k"), wants(BOTS, "pro", "500"))
    # A new interval bills every line anew, so it takes an order of all of them.
    alone = refused(w, wants(EMAIL, "standard", "2k", interval="year"))
    assert (alone["code"], alone["families"]) == ("shared_cycle", [BOTS])
    twice = refused(w, wants(EMAIL, "standard", "2k"), wants(EMAIL, "standard", "5k"))
    assert (twice["code"], twice["families"]) == ("split_order", [EMAIL])
    mixed = refused(w, wants(EMAIL, "standard", "2k", interval="year"), wants(BOTS, "pro", "1k"))
    assert (mixed["code"], mixed["families"]) == ("split_order", [BOTS])
    quote = quoted(
        w,
        wants(EMAIL, "standard", "2k", interval="year"),
        wants(BOTS, "pro", "1k", interval="year"),
    )
    # 300.00 and 200.00, less 16.00 and 12.00 that were paid a moment ago.
    assert due(quote, "now") == (50_000 - 2_800, 0)
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    assert plans(w) == [("standard", "2k"), ("pro", "1k")]


def test_row_3_10_what_an_earlier_order_scheduled_keeps_its_date(w: World):
    begins(w, wants(EMAIL, "pro", "5k"), wants(BOTS, "pro", "1k"))
    earlier = ordered(w, wants(EMAIL, "standard", "1k"))
    w.advance(days=10)
    quote = quoted(w, wants(BOTS, "pro", "3k"))
    (shown,) = quote["already_scheduled"]
    assert (shown["plan_change"], shown["family"]) == (earlier["id"], EMAIL)
    assert (shown["effective_at"], shown["price"]["text"]) == (END, "16.00 USD")
    assert shown["active"] is False
    # Bots alone: 45.00 x 21/31 - 20.00 x 21/31 = 30.48 - 13.55 = 16.93.
    assert due(quote, "now") == (1_693, 0)
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    later = ordered(w, wants(BOTS, "pro", "500"))
    assert (states(w, earlier), states(w, later)) == (["scheduled"], ["scheduled"])
    assert w.call("POST", f"/v1/plan-changes/{later['id']}/cancel").status_code == 200
    w.settle()
    assert lines_of(w, earlier)[EMAIL]["effective_at"] == END
    w.advance(days=21, hours=2)
    assert (states(w, earlier), states(w, later)) == (["applied"], ["cancelled"])
    assert plans(w) == [("standard", "1k"), ("pro", "3k")]
    assert w.charged("acme") == [11_000, 1_693, 6_100]
