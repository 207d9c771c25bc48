"""A whole shop of customers of every kind is adopted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from adapter.adoption import report_document
from tests.support.adopting import (
    CORE,
    PRO,
    adopt,
    codes,
    customer,
    legacy_price,
    price,
    refused_change,
    rows,
    subscribe,
)
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


SOAK = bool(os.environ.get("SOAK"))
# `make soak` adopts a thousand subscriptions.
COUNT = 1000 if SOAK else 26


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def _plain(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE))


def _discounted(w: World, who: str, _old: str) -> None:
    coupon = w.stripe("POST", "/v1/coupons", percent_off=25, duration="forever")["id"]
    subscribe(w, who, price(w, CORE), **{"discounts[0][coupon]": coupon})


def _on_trial(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE), trial_period_days=14)


def _scheduled(w: World, who: str, _old: str) -> None:
    _schedule(w, subscribe(w, who, price(w, CORE)), price(w, PRO))


def _scheduled_to_the_old_price(w: World, who: str, old: str) -> None:
    _schedule(w, subscribe(w, who, price(w, CORE)), old)


def _paused(w: World, who: str, _old: str) -> None:
    sub = subscribe(w, who, price(w, CORE))
    w.stripe("POST", f"/v1/subscriptions/{sub}", **{"pause_collection[behavior]": "void"})


def _on_the_old_price(w: World, who: str, old: str) -> None:
    subscribe(w, who, old)


def _classic(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE), **{"billing_mode[type]": "classic"})


def _in_euro(w: World, who: str, _old: str) -> None:
    subscribe(w, who, legacy_price(w, 800, "eur"))


def _incomplete(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE), payment_behavior="default_incomplete")


def _ending(w: World, who: str, _old: str) -> None:
    sub = subscribe(w, who, price(w, CORE))
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="true")


def _invoiced(w: World, who: str, _old: str) -> None:
    how = {"collection_method": "send_invoice", "days_until_due": 30}
    subscribe(w, who, price(w, CORE), **how)


def _two_subscriptions(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE))
    subscribe(w, who, price(w, PRO))


def _schedule(w: World, sub: str, then: str) -> None:
    made = w.stripe("POST", "/v1/subscription_schedules", from_subscription=sub)
    now = made["phases"][0]
    w.stripe(
        "POST",
        f"/v1/subscription_schedules/{made['id']}",
        **{
            "phases[0][start_date]": now["start_date"],
            "phases[0][end_date]": now["end_date"],
            "phases[0][items][0][price]": now["items"][0]["price"],
            "phases[0][items][0][quantity]": 1,
            "phases[1][items][0][price]": then,
            "phases[1][items][0][quantity]": 1,
            "phases[1][proration_behavior]": "none",
            "phases[1][duration][interval]": "month",
            "phases[1][duration][interval_count]": 1,
        },
    )


# Each kind of customer, and what the report says of it; None: it can be changed at once.
KINDS: tuple[tuple[Callable[[World, str, str], None], str | None], ...] = (
    (_plain, None),
    (_discounted, None),
    (_on_trial, None),
    (_scheduled, None),
    (_scheduled_to_the_old_price, "foreign_schedule"),
    (_paused, "resume_first"),
    (_on_the_old_price, "unknown_price"),
    (_classic, "classic_billing"),
    (_in_euro, "unknown_price"),
    (_incomplete, "payment_outstanding"),
    (_ending, "cancellation_pending"),
    (_invoiced, "send_invoice"),
    (_two_subscriptions, None),
)


@pytest.mark.timeout(1_200 if SOAK else 120)
def test_a_whole_shop_is_adopted_and_every_account_can_be_changed_but_those_that_are_named(
    w: World,
):
    old = legacy_price(w)
    people = [customer(w, number) for number in range(COUNT)]
    for number, who in enumerate(people):
        KINDS[number % len(KINDS)][0](w, who, old)
    w.settle()
    before = rows(w)
    rehearsed = adopt(w, commit=False)
    assert (rows(w), rehearsed.adopted) == (before, COUNT)
    done = adopt(w)
    w.settle()
    assert report_document(done) == {**report_document(rehearsed), "committed": True}
    named = {found.customer: found.code for found in done.not_changeable}
    expected = {who: KINDS[number % len(KINDS)][1] for number, who in enumerate(people)}
    assert named == {who: code for who, code in expected.items() if code is not None}
    assert w.mail.messages == []
    # The second run changes nothing, and asks for nothing but the lists.
    settled, asked = rows(w), len(w.calls())
    again = adopt(w)
    assert (again.adopted, again.known, rows(w)) == (0, COUNT, settled)
    assert codes(again.not_changeable) == codes(done.not_changeable)
    assert {(call.method, call.path) for call in w.calls(asked)} == {("GET", "/v1/subscriptions")}
    for who in people[: 2 * len(KINDS)]:
        assert refused_change(w, who) == named.get(who)
