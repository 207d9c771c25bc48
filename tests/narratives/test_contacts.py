"""``contacts``: two families on one subscription, sold by size.

Going down waits for the end of what is paid for if the customer can be charged then.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.buying import without_saved_method
from tests.support.contacts import (
    BOTS,
    EMAIL,
    END,
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


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="contacts") as made:
        yield made


def test_row_3_1_size_alone_says_which_way_is_up(w: World):
    begins(w, wants(EMAIL, "standard", "2k"))
    decided = {
        ("standard", "5k", "month"): ("upgrade", "upgrade"),
        ("standard", "1k", "month"): ("downgrade", "downgrade"),
        # 160.00 a year is more money than 30.00 a month, and yet fewer contacts.
        ("standard", "1k", "year"): ("downgrade", "downgrade"),
        ("pro", "1k", "year"): ("downgrade", "downgrade"),
        ("pro", "5k", "year"): ("upgrade", "upgrade-other-interval"),
        ("standard", "2k", "year"): ("lateral", "same-size"),
        ("pro", "2k", "month"): ("lateral", "same-size"),
    }
    for (plan, tier, interval), expected in decided.items():
        (change,) = quoted(w, wants(EMAIL, plan, tier, interval=interval))["changes"]
        assert (change["direction"], change["decision"]["rule"]) == expected, change["why"]
    (free,) = quoted(w, wants(EMAIL, "free"))["changes"]
    assert (free["direction"], free["decision"]["rule"]) == ("downgrade", "to-free")


def test_row_3_2_who_can_be_charged_keeps_the_larger_plan_until_it_is_used_up(w: World):
    begins(w, wants(EMAIL, "pro", "5k"))
    w.advance(days=10)
    quote = quoted(w, wants(EMAIL, "standard", "1k"))
    assert list(quote["timings"]) == ["period_end"]
    assert due(quote, "period_end") == (0, 0)
    change = ordered(w, wants(EMAIL, "standard", "1k"))
    assert states(w, change) == ["scheduled"]
    held = w.state("acme")["plans"][0]
    assert (held["in_effect"]["plan"], held["in_effect"]["size"]) == ("pro", 5_000)
    assert held["in_effect"]["limits"]["senders"] is None
    assert "forecasts" in held["in_effect"]["features"]
    assert held["in_effect_until"] == END
    w.advance(days=20)
    assert plans(w)[0] == ("pro", "5k")


def test_row_3_2_what_was_paid_with_has_to_be_there_still(w: World):
    """The latest payment says who can be charged: a card that is gone is no card to charge."""
    customer = begins(w, wants(EMAIL, "standard", "2k"))
    card = w.state("acme")["default_payment_method"]
    asked = wants(EMAIL, "standard", "1k")

    def rule() -> str:
        return str(quoted(w, asked)["changes"][0]["decision"]["rule"])

    since = len(w.calls())
    assert rule() == "downgrade"
    # The mirror knows: only the preview was asked for.
    assert len(w.calls(since)) == 1
    # Another card is the default by now, saved after the payment: that one is charged.
    w.use_card(customer, "pm_card_mastercard")
    assert rule() == "downgrade"
    w.stripe("POST", f"/v1/payment_methods/{card}/detach")
    w.settle()
    assert rule() == "downgrade"
    # No card at all.
    without_saved_method(w)
    assert rule() == "downgrade-at-a-page"
    # Billed by invoice: nothing is charged by itself, whatever is saved.
    w.use_card(customer, "pm_card_visa")
    by_invoice = {"collection_method": "send_invoice", "days_until_due": 30}
    w.stripe("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}", **by_invoice)
    w.settle()
    assert rule() == "downgrade-at-a-page"


def test_row_3_3_a_switch_to_free_is_scheduled_whoever_pays(w: World):
    begins(w, wants(EMAIL, "standard", "2k"))
    without_saved_method(w)
    change = ordered(w, wants(EMAIL, "free"))
    assert states(w, change) == ["scheduled"]
    assert lines_of(w, change)[EMAIL]["effective_at"] == END
    assert plans(w)[0] == ("standard", "2k")
    assert len(letters(w, "is set to end on 10 February 2026")) == 1
    w.advance(days=31, hours=2)
    assert (plans(w)[0], states(w, change)) == (("free", "250"), ["applied"])
    assert len(w.invoices("acme")) == 1
    assert len(letters(w, "has ended")) == 1


def test_row_3_5_the_date_is_named_before_and_nothing_of_it_is_due_today(w: World):
    begins(w, wants(EMAIL, "standard", "2k"), wants(BOTS, "pro", "1k"))
    w.advance(days=10)
    quote = quoted(w, wants(EMAIL, "standard", "5k"), wants(BOTS, "pro", "500"))
    timing = quote["timings"]["now"]
    # Email now: 60.00 x 21/31 - 30.00 x 21/31 = 40.65 - 20.32 = 20.33.
    assert due(quote, "now") == (2_033, 0)
    (later,) = timing["scheduled"]
    assert (later["family"], later["effective_at"], later["active"]) == (BOTS, END, False)
    assert later["price"]["text"] == "12.00 USD"
    assert timing["next_invoice"]["total"]["amount"] == 6_000 + 1_200
    assert timing["next_invoice_at"] == END
    change = w.execute("acme", quote).json
    w.settle()
    found = lines_of(w, change)
    assert {family: line["state"] for family, line in found.items()} == {
        EMAIL: "applied",
        BOTS: "scheduled",
    }
    assert found[BOTS]["effective_at"] == END
    # Shown with its date and price, inactive, until then.
    (shown,) = w.state("acme")["open_changes"]
    (waiting,) = [line for line in shown["lines"] if line["state"] == "scheduled"]
    assert (waiting["amount"]["text"], waiting["active"]) == ("12.00 USD", False)
    assert w.charged("acme") == [5_000, 2_033]
    w.advance(days=21, hours=2)
    assert plans(w) == [("standard", "5k"), ("pro", "500")]
    assert w.charged("acme") == [5_000, 2_033, 7_200]


def test_row_3_6_until_then_it_is_cancelled_or_replaced(w: World):
    begins(w, wants(EMAIL, "pro", "5k"))
    first = ordered(w, wants(EMAIL, "standard", "1k"))
    second = ordered(w, wants(EMAIL, "standard", "2k"))
    assert (states(w, first), states(w, second)) == (["superseded"], ["scheduled"])
    answer = w.call("POST", f"/v1/plan-changes/{second['id']}/cancel", {"family": EMAIL})
    assert answer.status_code == 200, answer.json
    w.settle()
    assert states(w, second) == ["cancelled"]
    assert w.subscription("acme")["schedule"] is None
    w.advance(days=31, hours=2)
    assert (plans(w)[0], w.charged("acme")) == (("pro", "5k"), [9_000, 9_000])
