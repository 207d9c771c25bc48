"""Meters and the prices that are billed by them, brought to Stripe."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from adapter.clock import FrozenClock
from adapter.database import Database
from adapter.errors import Conflict
from adapter.gateway.write import Writer
from adapter.prices import current_price, offer_of
from mappings import Catalogue, Offer, build_catalogue
from tests.support.syncing import SMALL, Killed, MortalWriter, World, open_world

pytestmark = pytest.mark.by_turns

PAYG = Offer("sms", "payg", "usage", "month", "usd")


def by_usage(price: str = "0.0125", meter: str = "sms_sent") -> Catalogue:
    """The small catalogue beside a family that is billed by usage."""
    document = copy.deepcopy(SMALL)
    document["families"]["sms"] = {
        "name": "SMS",
        "unit": "messages",
        "size_is": "limit",
        "order": ["plan"],
        "plans": {
            "payg": {
                "name": "Payg",
                "rank": 1,
                "kind": "metered",
                "usage": {"meter": meter, "unit_prices": {"usd": price}},
                "tiers": [{"id": "usage", "size": 0}],
            }
        },
        "rules": [
            {"id": "start", "when": {"direction": "start"}, "timing": "now"},
            {"id": "cancel", "when": {"direction": "cancel"}, "timing": "now"},
            {"id": "same", "route": "not_offered", "reason": "It is held already."},
        ],
    }
    return build_catalogue(document)


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with open_world(database) as opened:
        yield opened


def meter(world: World) -> Any:
    (found,) = list(world.reader.meters())
    return found


def test_the_meter_is_made_first_then_the_price_on_it(world: World):
    sold = by_usage()
    said = world.said(sold)
    assert "create meter 'sms_sent', which sums its events" in said
    assert "create price 'Payg usage monthly' at 0.0125 USD per unit" in said
    world.sync(sold)
    price = world.price_of(sold, PAYG)
    assert (price.meter, price.unit_price, price.interval) == (meter(world).id, "1.25", "month")
    assert offer_of(sold, price) == PAYG
    with world.database.read() as tx:
        current = current_price(tx, sold, PAYG)
    assert (current.id, current.metered) == (price.id, True)
    assert world.said(sold) == []
    assert world.sync(sold).done == ()


def test_another_price_per_unit_is_another_price_and_the_old_one_stays_for_who_pays_it(
    world: World,
):
    world.sync(by_usage())
    old = world.price_of(by_usage(), PAYG).id
    world.subscribe(old)
    dearer = by_usage("0.0130")
    world.sync(dearer)
    new = world.price_of(dearer, PAYG)
    assert (new.unit_price, world.prices()[old].active) == ("1.3", True)
    assert world.said(dearer) == []


def test_a_meter_that_was_switched_off_is_switched_on_again(world: World):
    sold = by_usage()
    world.sync(sold)
    world.client.v1.billing.meters.deactivate(meter(world).id)
    assert world.said(sold) == ["reactivate meter 'sms_sent'"]
    world.sync(sold)
    assert meter(world).active
    assert world.said(sold) == []


def test_a_meter_that_counts_otherwise_is_refused_and_nothing_is_changed(world: World):
    counts: Any = {
        "display_name": "Messages",
        "event_name": "sms_sent",
        "default_aggregation": {"formula": "count"},
    }
    world.client.v1.billing.meters.create(counts)
    world.writes()
    with pytest.raises(Conflict, match="another meter in the catalogue") as refused:
        world.sync(by_usage())
    assert refused.value.code == "meter_unusable"
    assert world.writes() == []
    world.sync(by_usage(meter="messages"))
    assert world.said(by_usage(meter="messages")) == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [3, 4])
def test_killed_at_the_meter_or_at_its_price_it_is_finished_by_running_again(
    world: World, write: int, when: Any
):
    sold = by_usage()
    with pytest.raises(Killed):
        world.sync(sold, MortalWriter(world.client, write, when))
    world.sync(sold, Writer(world.client))
    price = world.price_of(sold, PAYG)
    assert price.meter == meter(world).id
    assert len([one for one in world.prices().values() if one.meter]) == 1
    assert world.said(sold) == []


def test_after_a_day_what_was_made_is_seen_and_not_made_again(world: World):
    sold = by_usage()
    with pytest.raises(Killed):
        world.sync(sold, MortalWriter(world.client, 3, "after"))
    assert isinstance(world.clock, FrozenClock)
    world.clock.advance(days=2)
    world.sync(sold)
    assert world.price_of(sold, PAYG).meter == meter(world).id
    assert world.said(sold) == []
