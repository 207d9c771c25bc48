"""Bringing Stripe in line with the catalogue, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from adapter.catalogue_sync import SyncPlan, SyncResult
from adapter.database import Database
from adapter.errors import Misconfigured
from adapter.prices import current_price, offer_of
from adapter.tables import IntentRow, PriceRow
from mappings import load_catalogue
from sandbox import Sandbox
from tests.support.syncing import PLUS, START, World, open_world, priced, small

pytestmark = pytest.mark.by_turns


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with open_world(database) as opened:
        yield opened


def test_the_first_sync_makes_every_product_and_price_and_the_second_writes_nothing(world: World):
    operations = load_catalogue("operations")
    offers = list(operations.priced_offers())
    result = world.sync(operations)
    assert len(result.done) == len(world.writes()) == 4 + 1 + len(offers)
    held = {price.lookup_key: price for price in world.reader.prices()}
    for offer in offers:
        price = held[operations.lookup_key(offer)]
        money = operations.price_of(offer)
        assert (price.unit_amount, price.currency) == (money.amount, money.currency)
        assert price.interval == offer.interval
        assert price.nickname == operations.price_nickname(offer)
        assert offer_of(operations, price) == offer
    world.box.request_log.clear()
    assert world.sync(operations) == SyncResult(None, (), ())
    calls = [(call.method, call.path) for call in world.box.request_log]
    assert calls == [("GET", "/v1/products"), ("GET", "/v1/prices"), ("GET", "/v1/prices")]


def test_products_carry_the_names_and_metadata_of_their_plans(world: World):
    world.sync(small())
    found = {product.id: (product.name, product.metadata) for product in world.reader.products()}
    assert found == {
        "planshift_mail_email_plus": ("Email Plus", small().product_metadata("email", "plus")),
        "planshift_mail_email_max": ("Email Max", small().product_metadata("email", "max")),
    }


def test_a_family_that_pays_back_unused_units_has_a_product_for_the_line_that_says_so(world: World):
    operations = load_catalogue("operations")
    world.sync(operations)
    unused = "planshift_operations_operations__unused"
    found = {product.id: product for product in world.reader.products()}
    assert found[unused].name == "Unused operations"
    assert operations.unused_product_id("operations") == unused
    # Renamed by somebody, it is put right; it has no plan, and so is nobody's leftover.
    world.client.v1.products.update(unused, {"name": "Discount", "active": False})
    assert world.said(operations) == [
        "update product 'Discount': active again, name 'Unused operations'"
    ]


def test_what_is_sold_can_be_bought_at_once(world: World):
    with world.database.read() as tx, pytest.raises(Misconfigured, match="catalogue sync"):
        current_price(tx, small(), PLUS)
    world.sync(small())
    with world.database.read() as tx:
        found = current_price(tx, small(), PLUS)
    assert found.id == world.price_of(small(), PLUS).id
    assert (found.metered, found.currency) == (False, "usd")


def test_a_new_database_beside_a_synced_stripe_learns_everything(world: World):
    world.sync(small())
    old = world.price_of(small(), PLUS)
    edited = small(priced("16.00"))
    world.sync(edited)
    known = world.local()
    assert old.id in known
    with world.database.write() as tx:
        tx.execute(delete(PriceRow))
        tx.execute(delete(IntentRow))
    world.writes()
    world.sync(edited)
    assert world.writes() == []
    assert world.local() == known


def test_a_price_that_stripe_lists_no_more_is_kept_as_inactive(database: Database):
    with open_world(database) as before:
        before.sync(small())
        lost = before.price_of(small(), PLUS)
    with open_world(database, Sandbox(start=START, seed=1)) as after:
        after.sync(small())
        assert after.local()[lost.id] == (small().lookup_key(PLUS), 1500, False, False)
        assert after.local()[after.price_of(small(), PLUS).id][2:] == (True, True)


def test_saying_no_to_the_plan_changes_nothing(world: World):
    shown: list[SyncPlan] = []
    refuse = world.syncing(small()).run(show=lambda plan: bool(shown.append(plan)))
    assert refuse is None
    assert len(shown[0].actions) == 8
    assert world.writes() == []
    assert world.local() == {}
