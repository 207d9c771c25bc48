"""What was changed by hand at Stripe, and how a sync puts it right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapter.database import Database
from mappings import Offer
from tests.support.syncing import PLUS, World, open_world, small

pytestmark = pytest.mark.by_turns

PRODUCT = "planshift_mail_email_plus"


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with open_world(database) as opened:
        yield opened


def test_a_price_archived_by_hand_is_made_active_again(world: World):
    world.sync(small())
    price = world.price_of(small(), PLUS)
    world.client.v1.prices.update(price.id, {"active": False})
    assert world.said(small()) == [f"correct price {price.id} ('Plus 1k monthly'): active again"]
    world.sync(small())
    assert world.price_of(small(), PLUS) == price
    assert world.local()[price.id][2:] == (True, True)


def test_a_right_price_that_lost_its_key_is_re_keyed_and_not_made_again(world: World):
    world.sync(small())
    price = world.price_of(small(), PLUS)
    world.client.v1.prices.update(price.id, {"lookup_key": "", "active": False, "nickname": "x"})
    assert world.said(small()) == [
        f"re-key price {price.id} as 'Plus 1k monthly' at 15.00 USD "
        "(active again, nickname 'Plus 1k monthly')"
    ]
    world.sync(small())
    assert world.price_of(small(), PLUS) == price
    assert len(world.prices()) == 6


def test_nickname_and_metadata_that_drifted_are_put_right_and_others_keys_stay(world: World):
    world.sync(small())
    price = world.price_of(small(), PLUS)
    changed = {"planshift_tier": "", "note": "ours"}
    world.client.v1.prices.update(price.id, {"nickname": "Old", "metadata": changed})
    world.sync(small())
    found = world.price_of(small(), PLUS)
    assert found.nickname == "Plus 1k monthly"
    assert found.metadata == {**small().metadata_of(PLUS), "note": "ours"}
    assert found.id == price.id


def test_a_product_is_renamed_marked_and_reactivated_in_one_write(world: World):
    world.sync(small())
    drift = {"name": "Plus!", "active": False, "metadata": {"planshift_plan": ""}}
    world.client.v1.products.update(PRODUCT, drift)
    assert world.said(small()) == [
        "update product 'Plus!': active again, name 'Email Plus', metadata planshift_plan"
    ]
    world.writes()
    world.sync(small())
    assert world.writes() == [f"POST /v1/products/{PRODUCT}"]
    assert world.said(small()) == []


def test_keys_swapped_by_hand_go_back_to_the_prices_they_were_made_for(world: World):
    world.sync(small())
    other = Offer("email", "plus", "2k", "month", "usd")
    mine, yours = world.price_of(small(), PLUS), world.price_of(small(), other)
    swap = {"lookup_key": yours.lookup_key, "transfer_lookup_key": True}
    world.client.v1.prices.update(mine.id, swap)
    world.client.v1.prices.update(yours.id, {"lookup_key": mine.lookup_key})
    world.sync(small())
    assert world.price_of(small(), PLUS).id == mine.id
    assert world.price_of(small(), other).id == yours.id
    assert len(world.prices()) == 6


def test_a_price_bought_as_another_offer_is_not_taken_over_for_its_equal_amount(world: World):
    same = small(lambda plans: plans["plus"]["tiers"][1]["prices"]["month"].update(usd="15.00"))
    other = Offer("email", "plus", "2k", "month", "usd")
    world.sync(same)
    bought = world.price_of(same, other)
    key = {"lookup_key": same.lookup_key(PLUS), "transfer_lookup_key": True}
    world.client.v1.prices.update(bought.id, key)
    world.sync(same)
    assert world.price_of(same, other).id == bought.id
    assert world.prices()[bought.id].metadata == same.metadata_of(other)
