"""What reconcile lists: few calls, whole subscriptions, and the memory of one page."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import Any

import pytest
from sqlalchemy import insert, select

from adapter.gateway.pages import PAGE, ListedSubscription, Page
from adapter.reconcile import Foreign, UnknownPrice, Walk
from adapter.reconcile.walking import Leg
from adapter.tables import (
    AccountRow,
    CheckRow,
    InvoiceRow,
    LineRow,
    SubscriptionRow,
)
from tests.support.reconciling import (
    MIRRORED,
    many_foreign,
    reconcile,
    strange_price,
    subscribed,
)
from tests.support.sampling import SOAK
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def test_one_call_lists_a_hundred_and_nothing_is_asked_per_subscription(w: World):
    subscribed(w, "acme")
    many_foreign(w, 229)
    before = len(w.box.request_log)
    told = reconcile(w)
    asked = list(w.calls(before))
    assert {call.method for call in asked} == {"GET"}
    assert [call.path for call in asked].count("/v1/subscriptions") == 3
    # Nobody is without a subscription, so no customers are listed; and two kinds of invoices are.
    assert len(asked) == 5 == told.walk.counts["lists"]
    assert told.walk.counts["foreign"] == len(told.of(Foreign)) == 229
    w.account("free", card=None)
    assert reconcile(w).walk.counts["lists"] == 6


def test_a_subscription_with_more_than_ten_items_is_compared_whole(w: World):
    subscribed(w, "acme")
    sub = w.subscription("acme")["id"]
    for _ in range(11):
        w.stripe("POST", "/v1/subscription_items", subscription=sub, price=strange_price(w))
    w.settle()
    w.advance(days=32)
    told = reconcile(w)
    assert told.differences == set()
    assert len(told.of(UnknownPrice)) == 11
    with w.parts.database.read() as tx:
        newest = tx.scalars(select(InvoiceRow).order_by(InvoiceRow.created_at.desc())).first()
    assert newest is not None
    # The 11 were added in the middle of a month, and are billed for it too.
    assert len(newest.lines) > 12


class ManyPages:
    """Stripe's list of ``number`` subscriptions like ``one``, made page by page, never held."""

    def __init__(self, one: ListedSubscription, number: int) -> None:
        self._one = one
        self._number = number
        self.calls = 0

    def live_subscriptions(self, _clock: str | None, after: str | None) -> Page[Any]:
        self.calls += 1
        first = int(after or 0)
        last = min(first + PAGE, self._number)
        found = tuple(like(self._one, n) for n in range(first, last))
        return Page(found, str(last) if last < self._number else None)


def like(one: ListedSubscription, number: int) -> ListedSubscription:
    """The same subscription of another customer."""
    sub, customer = one.subscription, replace(one.customer, id=f"cus_{number}")
    assert sub.invoice is not None
    invoice = replace(sub.invoice, id=f"in_{number}", customer=customer.id)
    items = tuple(replace(item, id=f"si_{number}") for item in sub.items)
    mine = {"id": f"sub_{number}", "customer": customer.id, "latest_invoice": invoice.id}
    return ListedSubscription(replace(sub, **mine, items=items, invoice=invoice), customer, None)


def mirrored(w: World, one: ListedSubscription, number: int) -> None:
    """All of them are here already, as they are there."""
    made: dict[Any, list[dict[str, Any]]] = {table: [] for table in MIRRORED[:4]}
    for n in range(number):
        sub, seq = like(one, n).subscription, 1000 + n
        made[AccountRow].append(
            {"seq": seq, "id": f"a{n}", "ref": f"r{n}", "customer_id": sub.customer}
        )
        made[SubscriptionRow].append(
            {"id": sub.id, "account_seq": seq, "latest_invoice": sub.latest_invoice}
        )
        made[LineRow].append({"id": sub.items[0].id, "subscription_id": sub.id})
        made[InvoiceRow].append({"id": sub.latest_invoice, "account_seq": seq})
    with w.parts.database.write() as tx:
        for table, rows in made.items():
            alike = dict(row_of(tx, table))
            tx.execute(insert(table), [{**alike, **row} for row in rows])


def row_of(tx: Any, table: Any) -> Any:
    return tx.execute(select(table.__table__)).mappings().one()


def test_memory_is_that_of_a_page_however_many_there_are(w: World):
    """Many times as many are many times the calls, and the same memory."""
    subscribed(w, "acme")
    (one,) = w.parts.reader.pages.live_subscriptions().found
    few, many = (300, 3000) if SOAK else (100, 600)
    mirrored(w, one, many)
    walker = w.parts.reconciling._walker
    peaks = {}
    for number in (few, many):
        source = ManyPages(one, number)
        walker._lists = {"subscriptions": source.live_subscriptions}
        walk = Walk(w.parts.clock.now(), (Leg("subscriptions"),))
        tracemalloc.start()
        while not walk.ended:
            walk = walker.step(walk, repair=False, tell=print)
            gc.collect()  # which the suite otherwise lets sleep
        peaks[number] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert source.calls == ceil(number / 100)
        assert walk.counts["subscriptions"] == number
    with w.parts.database.read() as tx:
        assert tx.scalars(select(CheckRow.id).where(CheckRow.doubtful)).first() is None
    assert peaks[many] < 1.25 * peaks[few], peaks
