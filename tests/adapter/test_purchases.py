"""A purchase that dies at any instruction, or hears of its payment twice or backwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import update

from adapter.purchases import settling
from adapter.purchases.orders import Basket
from adapter.tables import IntentRow
from sandbox.pages.visitor import Visitor
from tests.support.buying import bought_units, buy, session_of, without_saved_method
from tests.support.dying import When, dies_at, the_worker_takes_over
from tests.support.killing import Killed
from tests.support.sampling import SOAK
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

WHEN: tuple[When, ...] = ("before", "after")
WRITES = ("invoices$", "invoiceitems$", "finalize$", "pay$")
FAULTS = ("429", "500", "timeout_before", "timeout_after", "reset")


def sampled(cases: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Every third case, which meets each value of either side; all of them in the soak."""
    return list(cases)[:: 1 if SOAK else 3]


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    with world(sqlite_url) as made:
        yield subscribed(made)


@pytest.fixture
def both(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield subscribed(made)


def subscribed(w: World) -> World:
    w.account("acme")
    w.change("acme", "core", "10k")
    return w


def the_purchase(w: World) -> Any:
    (purchase,) = w.get("/v1/accounts/acme/purchases")["data"]
    return purchase


def paid_once(w: World) -> None:
    """One purchase, one invoice for it, one payment, one grant."""
    assert the_purchase(w)["state"] == "granted"
    assert bought_units(w) == [1000]
    bought = [invoice for invoice in w.invoices("acme") if invoice["total"] == 170]
    assert [invoice["status"] for invoice in bought] == ["paid"]
    assert bought[0]["id"] == the_purchase(w)["invoice"]
    customer = w.state("acme")["customer"]
    intents = w.stripe("GET", "/v1/payment_intents", customer=customer)["data"]
    taken = [intent["amount"] for intent in intents if intent["status"] == "succeeded"]
    assert sorted(taken) == [170, 1060]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(len(WRITES)))
def test_killed_at_any_write_it_is_finished_once(
    w: World, monkeypatch: pytest.MonkeyPatch, number: int, when: When
):
    with monkeypatch.context() as patch:
        dies_at(w, patch, number, when)
        with pytest.raises(Killed):
            buy(w)
    the_worker_takes_over(w)
    paid_once(w)


@pytest.mark.parametrize(("number", "when"), sampled(product(range(len(WRITES)), WHEN)))
def test_killed_and_found_when_stripe_has_forgotten_the_key(
    w: World, monkeypatch: pytest.MonkeyPatch, number: int, when: When
):
    with monkeypatch.context() as patch:
        dies_at(w, patch, number, when)
        with pytest.raises(Killed):
            buy(w)
    with w.parts.database.write() as tx:
        long_ago = datetime.now(UTC) - timedelta(hours=30)
        tx.execute(update(IntentRow).values(created_at=long_ago))
    w.advance(hours=30)
    the_worker_takes_over(w)
    paid_once(w)


@pytest.mark.parametrize(("number", "when"), sampled(product(range(len(WRITES) + 1), WHEN)))
def test_killed_while_it_is_declined_nothing_is_left_to_be_paid(
    w: World, monkeypatch: pytest.MonkeyPatch, number: int, when: When
):
    bad = w.use_card(w.state("acme")["customer"], "pm_card_chargeCustomerFail")
    with monkeypatch.context() as patch:
        dies_at(w, patch, number, when)
        answered = False
        try:
            buy(w, payment_method=bad)
            answered = True
        except Killed:
            pass
        # A refusal raises before the write can be said to have been answered.
        assert answered == (number == WRITES.index("pay$") and when == "after")
    the_worker_takes_over(w)
    assert the_purchase(w)["state"] == "failed"
    assert bought_units(w) == []
    assert w.invoices("acme")[0]["status"] == "void"


@pytest.mark.parametrize(("write", "fault"), sampled(product(WRITES, FAULTS)))
def test_whatever_stripe_does_at_a_write_it_is_paid_once(w: World, write: str, fault: Any):
    w.box.fail_next("POST", f"/{write}", fault, count=2)
    answer = buy(w)
    assert answer.status_code in (201, 202), answer.json
    the_worker_takes_over(w)
    paid_once(w)


def test_the_same_key_after_a_crash_goes_on_with_the_same_purchase(
    both: World, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        dies_at(both, patch, 1, "after")
        with pytest.raises(Killed):
            buy(both, key="mine")
    account = both.parts.accounts.find("acme")
    (row,) = both.parts.purchases.of_account(account, 0, 10)
    basket = Basket(row.request, row.family, row.pack, row.quantity)
    assert both.parts.purchases.buy(account, basket).id == row.id
    paid_once(both)


@pytest.mark.parametrize("first", ["webhook", "worker"])
def test_whoever_hears_of_the_payment_first_grants_it(
    both: World, monkeypatch: pytest.MonkeyPatch, first: str
):
    with monkeypatch.context() as patch:
        dies_at(both, patch, WRITES.index("pay$"), "after")
        with pytest.raises(Killed):
            buy(both)
    assert bought_units(both) == []
    hear: list[Callable[[], object]] = [both.settle, lambda: the_worker_takes_over(both)]
    for listen in hear if first == "webhook" else reversed(hear):
        listen()
        paid_once(both)


def test_killed_while_granting_it_is_granted_once(both: World, monkeypatch: pytest.MonkeyPatch):
    booked = settling.book

    def dies(*arguments: Any) -> None:
        booked(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(settling, "book", dies)
        with pytest.raises(Killed):
            buy(both)
    assert bought_units(both) == []
    the_worker_takes_over(both)
    paid_once(both)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_the_page_is_made_there_is_one_page(
    both: World, monkeypatch: pytest.MonkeyPatch, when: When
):
    without_saved_method(both)
    with monkeypatch.context() as patch:
        dies_at(both, patch, 0, when)
        with pytest.raises(Killed):
            buy(both)
    the_worker_takes_over(both)
    purchase = the_purchase(both)
    assert purchase["state"] == "awaiting_payment"
    listed = both.stripe("GET", "/v1/checkout/sessions", customer=both.state("acme")["customer"])[
        "data"
    ]
    assert [session["url"] for session in listed] == [purchase["payment_url"]]
    Visitor(both.box).pay(listed[0]["id"])
    both.settle()
    paid_once(both)


@pytest.mark.parametrize("habits", [{"duplicate": 1.0}, {"reorder": 1.0}, {"drop": 0.5}])
def test_events_of_the_page_may_come_twice_or_backwards_or_not_at_all(
    both: World, habits: dict[str, float]
):
    without_saved_method(both)
    assert buy(both).status_code == 202
    both.box.delivery.put_on(**habits)
    Visitor(both.box).pay(session_of(both)["id"])
    both.settle()
    both.advance(hours=25)
    both.get("/v1/accounts/acme/payment-methods")
    both.settle()
    paid_once(both)


def test_every_order_of_the_pages_events_grants_once(w: World):
    without_saved_method(w)
    assert buy(w).status_code == 202
    w.box.delivery.put_on(drop=1.0)
    Visitor(w.box).pay(session_of(w)["id"])
    w.box.delivery.behave()
    told = w.stripe("GET", "/v1/events", limit=20)["data"]
    about = [event["id"] for event in told if event["type"] in ABOUT]
    assert len(about) >= 2
    for event in (*about, *reversed(about), *about):
        w.box.delivery.resend(event)
        w.settle()
        paid_once(w)


ABOUT = ("checkout.session.completed", "invoice.paid")
