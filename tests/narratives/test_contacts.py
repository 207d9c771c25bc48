"""``contacts``: two families on one subscription, sold by size.

Going down waits for the end of what is paid for if the customer can be charged then; who cannot
pays at a page, and what is left of the larger plan becomes balance. Accounts begin on 10 January
2026 at 09:00; January and the period have 31 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Switches
from sandbox.pages.visitor import Visitor
from tests.support.buying import session_of, without_saved_method
from tests.support.world import World, world

EMAIL, BOTS = "email", "chatbots"
END = "2026-02-10T09:00:00+00:00"
BACK = "https://acme.example/plans"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="contacts") as made:
        yield made


def wants(family: str, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    interval = {"interval": "month"} if tier else {}
    return {"family": family, "plan": plan, "tier": tier, **interval, **more}


def quoted(w: World, *changes: Any) -> Any:
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": list(changes)})
    assert answer.status_code == 201, answer.json
    return answer.json


def refused(w: World, *changes: Any) -> Any:
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": list(changes)})
    assert answer.status_code == 409, answer.json
    return answer.json


def ordered(w: World, *changes: Any, status: int = 201, **more: Any) -> Any:
    answer = w.execute("acme", quoted(w, *changes), **more)
    assert answer.status_code == status, answer.json
    w.settle()
    return w.get(f"/v1/plan-changes/{answer.json['id']}")


def begins(w: World, *changes: Any) -> str:
    """An account takes up its first plans, all in one order; its customer's id."""
    customer = w.account("acme")
    ordered(w, *changes)
    return customer


def lines_of(w: World, change: Any) -> dict[str, Any]:
    found = w.get(f"/v1/plan-changes/{change['id']}")["lines"]
    return {line["family"]: line for line in found}


def states(w: World, change: Any) -> list[str]:
    return [line["state"] for line in lines_of(w, change).values()]


def plans(w: World) -> list[Any]:
    return [w.plan("acme", EMAIL), w.plan("acme", BOTS)]


def amounts(timing: Any) -> list[int]:
    return [line["amount"] for line in timing["lines"]]


def due(quote: Any, when: str) -> tuple[int, int]:
    """What is due now, and what the customer's balance is credited with."""
    timing = quote["timings"][when]
    return timing["due_now"]["amount"], timing["credited_to_balance"]["amount"]


def letters(w: World, word: str) -> list[str]:
    return [subject for subject in w.mail.subjects() if word in subject]


def declines_on_the_day(w: World, customer: str) -> None:
    """The only card left is one that is refused whenever it is charged."""
    good = w.state("acme")["default_payment_method"]
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.stripe("POST", f"/v1/payment_methods/{good}/detach")
    w.settle()


# -- 3.1 --------------------------------------------------------------------------------------


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


# -- 3.2, 3.3 ---------------------------------------------------------------------------------


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


# -- 3.4 --------------------------------------------------------------------------------------


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


# -- 3.5, 3.6 ---------------------------------------------------------------------------------


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


# -- 3.7, 3.8 ---------------------------------------------------------------------------------


def test_row_3_7_on_the_day_the_balance_pays_before_the_card(w: World):
    customer = begins(w, wants(EMAIL, "pro", "5k"), wants(BOTS, "pro", "3k"))
    path = f"/v1/customers/{customer}/balance_transactions"
    w.stripe("POST", path, amount=-1_000, currency="usd")
    w.settle()
    change = ordered(w, wants(EMAIL, "standard", "1k"), wants(BOTS, "pro", "500"))
    w.advance(days=31, hours=2)
    assert states(w, change) == ["applied", "applied"]
    assert plans(w) == [("standard", "1k"), ("pro", "500")]
    # 16.00 and 12.00 on one invoice, of which the balance pays 10.00.
    assert w.charged("acme") == [13_500, 1_800]
    assert w.balance_moves("acme") == [-1_000, 1_000]


def test_row_3_8_if_nothing_can_be_charged_it_waits_to_be_paid_by_hand(w: World):
    customer = begins(w, wants(EMAIL, "pro", "5k"), wants(BOTS, "pro", "3k"))
    path = f"/v1/customers/{customer}/balance_transactions"
    w.stripe("POST", path, amount=-1_000, currency="usd")
    declines_on_the_day(w, customer)
    another = "pm_card_chargeCustomerFail"
    w.stripe("POST", f"/v1/payment_methods/{another}/attach", customer=customer)
    change = ordered(w, wants(EMAIL, "standard", "1k"), wants(BOTS, "pro", "500"))
    w.advance(days=31, hours=2)
    assert states(w, change) == ["activating", "activating"]
    # The larger plans stay, nothing was charged, and the balance is held by the open invoice.
    assert plans(w) == [("pro", "5k"), ("pro", "3k")]
    assert w.charged("acme") == [13_500]
    state = w.state("acme")
    assert (state["balance"]["amount"], state["balance_held"]["amount"]) == (0, 1_000)
    # Each saved method was tried once, and one letter says how to pay by hand.
    tries = [c for c in _charges(w) if c["status"] == "failed"]
    assert len(tries) == 2
    (letter,) = [m for m in w.mail.messages if "could not be paid" in str(m["Subject"])]
    text = letter.get_body(("plain",)).get_content()
    invoice = w.invoices("acme")[0]
    assert invoice["hosted_invoice_url"] in text
    assert "18.00" in text
    w.advance(days=2)
    w.visit(invoice["hosted_invoice_url"], card="pm_card_visa")
    assert states(w, change) == ["applied", "applied"]
    assert plans(w) == [("standard", "1k"), ("pro", "500")]
    assert w.charged("acme") == [13_500, 1_800]
    assert w.state("acme")["balance_held"]["amount"] == 0
    w.advance(days=10)
    assert plans(w) == [("standard", "1k"), ("pro", "500")]


def test_row_3_8_the_balance_comes_back_when_nobody_pays(w: World):
    nobody_pays(w)
    assert w.balance_moves("acme") == [-1_000, 1_000, -1_000]


def test_row_3_8_the_balance_comes_back_even_if_voiding_does_not_bring_it(sqlite_url: str):
    switches = Switches(void_returns_balance=False)
    with world(sqlite_url, catalogue="contacts", switches=switches) as w:
        nobody_pays(w)
        assert w.balance_moves("acme") == [-1_000, 1_000, -1_000]


def nobody_pays(w: World) -> None:
    """10.00 of balance go into the first invoice of a smaller plan that is given up."""
    customer = begins(w, wants(EMAIL, "pro", "5k"))
    path = f"/v1/customers/{customer}/balance_transactions"
    w.stripe("POST", path, amount=-1_000, currency="usd")
    declines_on_the_day(w, customer)
    change = ordered(w, wants(EMAIL, "standard", "1k"))
    w.advance(days=31, hours=2)
    assert w.state("acme")["balance_held"]["amount"] == 1_000
    w.advance(days=8)
    assert (states(w, change), plans(w)[0]) == (["failed"], ("free", "250"))
    state = w.state("acme")
    assert (state["balance"]["amount"], state["balance_held"]["amount"]) == (-1_000, 0)
    assert w.charged("acme") == [9_000]


def _charges(w: World) -> Any:
    customer = w.state("acme")["customer"]
    return w.stripe("GET", "/v1/charges", customer=customer, limit=100)["data"]


# -- 3.9, 3.10 --------------------------------------------------------------------------------


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
