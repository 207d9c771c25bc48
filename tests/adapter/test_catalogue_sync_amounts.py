"""What an edited amount does: a new price, the key moved, the old price kept for who pays it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from adapter.database import Database
from adapter.prices import offer_of
from adapter.tables import (
    AccountRow,
    ChangeLineRow,
    ChangeRow,
    LineRow,
    QuoteRow,
    SubscriptionRow,
)
from tests.support.syncing import PLUS, START, World, open_world, priced, small

pytestmark = pytest.mark.by_turns


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with open_world(database) as opened:
        yield opened


def test_an_edited_amount_makes_one_price_and_moves_the_key_at_once(world: World):
    world.sync(small())
    old = world.price_of(small(), PLUS)
    world.subscribe(old.id)
    world.writes()
    edited = small(priced("16.00"))
    world.sync(edited)
    assert world.writes() == ["POST /v1/prices"]
    new = world.price_of(edited, PLUS)
    assert new.unit_amount == 1600
    assert world.prices()[old.id].active, "somebody pays it"
    assert world.prices()[old.id].lookup_key is None
    assert offer_of(edited, world.prices()[old.id]) == PLUS
    key = edited.lookup_key(PLUS)
    assert world.local()[old.id] == (key, 1500, True, False)
    assert world.local()[new.id] == (key, 1600, True, True)
    world.sync(edited)
    assert world.writes() == []


def test_the_old_price_is_archived_once_nobody_pays_it(world: World):
    world.sync(small())
    old = world.price_of(small(), PLUS)
    subscription = world.subscribe(old.id)
    edited = small(priced("16.00"))
    world.sync(edited)
    assert [str(kept) for kept in world.plan(edited).kept] == [
        f"price {old.id} of email/plus/1k/month/usd stays active: it is in use"
    ]
    world.client.v1.subscriptions.cancel(subscription)
    world.writes()
    world.sync(edited)
    assert world.writes() == [f"POST /v1/prices/{old.id}"]
    assert not world.prices()[old.id].active
    assert world.local()[old.id] == (edited.lookup_key(PLUS), 1500, False, False)


def test_an_amount_that_comes_back_within_a_day_gets_its_old_price_back(world: World):
    world.sync(small())
    first = world.price_of(small(), PLUS)
    world.sync(small(priced("16.00")))
    second = world.price_of(small(), PLUS)
    world.sync(small())
    assert world.price_of(small(), PLUS).id == first.id
    assert world.prices()[first.id].active
    assert not world.prices()[second.id].active
    world.sync(small(priced("16.00")))
    assert world.price_of(small(), PLUS).id == second.id
    assert len(world.prices()) == 7
    rows = [row for row in world.local().values() if row[0] == small().lookup_key(PLUS)]
    assert sorted(rows) == [
        (small().lookup_key(PLUS), 1500, False, False),
        (small().lookup_key(PLUS), 1600, True, True),
    ]


def test_a_price_that_a_scheduled_change_waits_for_stays_active(world: World):
    world.sync(small())
    old = world.price_of(small(), PLUS)
    schedule_change_to(world.database, old.id)
    world.sync(small(priced("16.00")))
    assert world.prices()[old.id].active


def test_a_price_that_a_subscription_known_here_is_on_stays_active(world: World):
    """Stripe lists no subscription on a test clock without its customer."""
    world.sync(small())
    old = world.price_of(small(), PLUS)
    edited = small(priced("16.00"))
    mirror_subscription_on(world.database, old.id)
    world.sync(edited)
    assert world.prices()[old.id].active
    with world.database.write() as tx:
        tx.get_one(SubscriptionRow, "sub_1").ended_at = START
    world.sync(edited)
    assert not world.prices()[old.id].active


def account_in(tx: Any) -> dict[str, int]:
    account = AccountRow(id="acc_1", ref="a", email="a@example.com", created_at=START)
    tx.add(account)
    tx.flush()
    return {"account_seq": account.seq}


def schedule_change_to(database: Database, price: str) -> None:
    quote: dict[str, Any] = {"request": {}, "decision": {}, "basis": {}, "document": {}}
    quote |= {"kind": "change", "created_at": START, "expires_at": START}
    change: dict[str, Any] = {"kind": "change", "timing": "period_end", "created_at": START}
    change |= {"bill": {}, "acknowledgements": [], "selections": {}}
    line: dict[str, Any] = {"family": "email", "quantity": 1, "state": "scheduled", "history": []}
    line |= {"decision": {}, "timing": "period_end"}
    with database.write() as tx:
        owner = account_in(tx)
        tx.add(QuoteRow(id="quo_1", **owner, **quote))
        tx.flush()
        tx.add(ordered := ChangeRow(id="pc_1", quote_id="quo_1", **owner, **change))
        tx.flush()
        tx.add(ChangeLineRow(change_seq=ordered.seq, price_id=price, **owner, **line))


def mirror_subscription_on(database: Database, price: str) -> None:
    subscription = {"status": "active", "collection_method": "charge_automatically"}
    period = {"period_start": START, "period_end": START + timedelta(days=31)}
    with database.write() as tx:
        tx.add(
            SubscriptionRow(
                id="sub_1",
                currency="usd",
                billing_mode="flexible",
                started_at=START,
                ticket=1,
                **account_in(tx),
                **subscription,
            )
        )
        tx.flush()
        line = {"subscription_id": "sub_1", "price_id": price, "quantity": 1, "currency": "usd"}
        tx.add(LineRow(id="si_1", tags={}, **line, **period))
