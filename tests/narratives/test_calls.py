"""How often Stripe is asked for each operation: every round trip is time that a user waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.world import World, world

TEAM = "virtual-team"


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    with world(sqlite_url, catalogue="choose-when") as made:
        made.account("acme")
        made.change("acme", "growth", "5k", family=TEAM)
        yield made


@contextmanager
def asked(w: World) -> Iterator[list[str]]:
    """The calls made meanwhile, as "METHOD path" without ids."""
    since = len(w.calls())
    calls: list[str] = []
    yield calls
    for call in w.calls(since):
        words = [part for part in call.path.split("/") if part and "_" not in part[:9]]
        calls.append(f"{call.method} {'/'.join(words)}")


def order(w: World, quote: Any, **more: Any) -> Any:
    answer = w.execute("acme", quote, **more)
    assert answer.status_code == 201, answer.json
    return answer.json


def test_a_quote_asks_once_per_timing(w: World):
    with asked(w) as calls:
        quote = w.quote("acme", "scale", "10k", family=TEAM)
    assert set(quote["timings"]) == {"now", "period_end"}
    assert len(calls) == 2, calls


def test_a_quote_that_pays_back_allowance_asks_twice(sqlite_url: str):
    with world(sqlite_url, catalogue="operations") as w:
        w.account("acme")
        w.change("acme", "core", "10k")
        with asked(w) as calls:
            quote = w.quote("acme", "pro", "40k")
        if quote["changes"][0]["decision"]["credit"] == "unused_allowance":
            assert len(calls) == 2, calls


def test_a_change_now_asks_twice_and_with_a_named_method_once_more(w: World):
    quote = w.quote("acme", "growth", "10k", family=TEAM)
    with asked(w) as calls:
        order(w, quote, when="now")
    assert len(calls) == 2, calls
    w.settle()
    customer = w.state("acme")["customer"]
    card = w.stripe("POST", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer)
    w.settle()
    quote = w.quote("acme", "scale", "10k", family=TEAM)
    with asked(w) as calls:
        order(w, quote, when="now", payment_method=card["id"])
    assert len(calls) == 3, calls


def test_scheduling_asks_at_most_three_times_replacing_and_cancelling_once(w: World):
    quote = w.quote("acme", "starter", "2k", family=TEAM)
    with asked(w) as calls:
        order(w, quote, when="period_end")
    assert len(calls) == 2, calls
    w.settle()
    quote = w.quote("acme", "starter", "1k", family=TEAM)
    with asked(w) as calls:
        change = order(w, quote, when="period_end")
    assert len(calls) == 1, calls
    w.settle()
    with asked(w) as calls:
        w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
    assert len(calls) == 1, calls
    w.settle()
    end = w.quote("acme", None, family=TEAM)
    with asked(w) as calls:
        order(w, end, when="period_end")
    assert len(calls) == 1, calls
    w.settle()
    # Over an end that was set there is one call more: the end has to be cleared first.
    quote = w.quote("acme", "starter", "2k", family=TEAM)
    with asked(w) as calls:
        order(w, quote, when="period_end")
    assert len(calls) == 3, calls


def test_a_burst_of_events_fetches_each_object_once(w: World):
    quote = w.quote("acme", "growth", "10k", family=TEAM)
    order(w, quote, when="now")
    since = len(w.calls())
    delivered = w.box.deliver_pending()
    assert len(delivered) > 3
    while not w.worker.round().idle:
        pass
    fetched = Counter(call.path for call in w.calls(since) if call.method == "GET")
    assert fetched
    assert max(fetched.values()) == 1, fetched
