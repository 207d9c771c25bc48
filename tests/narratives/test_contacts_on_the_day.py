"""``contacts``: the day comes on which a scheduled plan begins, and it is paid or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Switches
from tests.support.contacts import (
    BOTS,
    EMAIL,
    begins,
    declines_on_the_day,
    ordered,
    plans,
    states,
    wants,
)
from tests.support.world import World, world


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="contacts") as made:
        yield made


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
