"""What a sync leaves alone, archives, or refuses."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from adapter.catalogue_sync import NameTaken
from adapter.catalogue_sync.alone import alone
from adapter.database import Database
from adapter.errors import Conflict
from adapter.gateway.failures import Refused
from adapter.gateway.write import Answer, CommittedIntent, Operation, Writer
from mappings import Catalogue, Offer, build_catalogue
from tests.support.syncing import PLUS, SMALL, World, open_world, priced, small

pytestmark = pytest.mark.by_turns

PRODUCT = "planshift_mail_email_plus"


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with open_world(database) as opened:
        yield opened


def of_tenant(tenant: str) -> Catalogue:
    document = copy.deepcopy(SMALL)
    document["tenant"] = tenant
    return build_catalogue(document)


def foreign_price(world: World, **params: Any) -> str:
    """A price somebody else made: by default on our product, at our amount."""
    recurring = {"interval": "month"}
    plain = {"product": PRODUCT, "currency": "usd", "unit_amount": 1500, "recurring": recurring}
    return str(world.client.v1.prices.create({**plain, **params}).id)


def without_plan(plan: str) -> Catalogue:
    return small(lambda plans: plans.pop(plan))


# ---- what is not ours -------------------------------------------------------------------------


def test_products_and_prices_of_others_are_never_touched(world: World):
    world.sync(small())
    stranger = world.client.v1.products.create({"name": "Email Plus"}).id
    prices = [foreign_price(world), foreign_price(world, product=stranger, unit_amount=9900)]
    before = {id: world.prices()[id] for id in prices}
    world.writes()
    world.sync(small(priced("16.00")))
    world.sync(without_plan("max"))
    touched = " ".join(world.writes())
    assert {id: world.prices()[id] for id in prices} == before
    assert not any(id in touched for id in [*prices, stranger])
    assert not any(id in world.local() for id in prices)


def test_two_tenants_in_one_stripe_account_do_not_see_each_other(database: Database, world: World):
    world.sync(of_tenant("mail"))
    before = world.prices()
    other = of_tenant("post")
    world.sync(other)
    assert len(world.writes()) == 16
    world.sync(other)
    assert world.writes() == []
    assert {id: world.prices()[id] for id in before} == before


def test_a_foreign_product_on_our_id_is_named_and_nothing_is_written(world: World):
    world.client.v1.products.create({"id": PRODUCT, "name": "Somebody's"})
    world.writes()
    with pytest.raises(NameTaken, match=r"product 'planshift_mail_email_plus' \(\"Somebody's\"\)"):
        world.sync(small())
    assert world.writes() == []


def test_a_foreign_price_on_our_lookup_key_is_named_and_keeps_it(world: World):
    product = world.client.v1.products.create({"name": "Theirs"}).id
    key = small().lookup_key(PLUS)
    theirs = foreign_price(world, product=product, lookup_key=key)
    world.writes()
    with pytest.raises(NameTaken) as taken:
        world.sync(small())
    assert taken.value.code == "catalogue_name_taken"
    assert taken.value.facts == {"products": [], "prices": [theirs]}
    assert world.writes() == []


def test_a_product_of_another_tenant_on_our_id_is_foreign_too(world: World):
    metadata = of_tenant("post").product_metadata("email", "plus")
    world.client.v1.products.create({"id": PRODUCT, "name": "Email Plus", "metadata": metadata})
    with pytest.raises(NameTaken, match="tenant 'mail'"):
        world.sync(small())


# ---- what left the catalogue ------------------------------------------------------------------


def test_a_plan_that_left_is_archived_prices_first(world: World):
    world.sync(small())
    world.writes()
    world.sync(without_plan("max"))
    made = world.writes()
    assert len(made) == 3
    assert made[-1] == "POST /v1/products/planshift_mail_email_max"
    left = [row for row in world.local().values() if ".max." in row[0]]
    assert [row[2:] for row in left] == [(False, False)] * 2
    world.sync(without_plan("max"))
    assert world.writes() == []


def test_a_plan_that_left_stays_while_somebody_pays_it_and_comes_back_as_it_was(world: World):
    world.sync(small())
    offer = Offer("email", "max", "1k", "year", "usd")
    paid = world.price_of(small(), offer)
    world.subscribe(paid.id)
    world.sync(without_plan("max"))
    assert world.prices()[paid.id].active
    assert world.local()[paid.id][2:] == (True, False)
    assert {product.active for product in world.reader.products()} == {True}
    world.sync(small())
    assert world.price_of(small(), offer) == paid
    assert len(world.prices()) == 6


def test_a_foreign_price_keeps_the_product_it_sits_on(world: World):
    world.sync(small())
    foreign_price(world, product="planshift_mail_email_max")
    world.sync(without_plan("max"))
    assert {product.active for product in world.reader.products()} == {True}


def test_prices_agreed_by_hand_for_a_tier_without_prices_are_left_alone(world: World):
    document = copy.deepcopy(SMALL)
    family = document["families"]["email"]
    family["plans"]["max"] |= {"self_serve": False, "tiers": [{"id": "1k", "size": 1000}]}
    sales = {"id": "sales", "when": {"to": "max"}, "route": "contact_sales", "reason": "Ask us."}
    family["rules"].insert(0, sales)
    catalogue = build_catalogue(document)
    world.sync(catalogue)
    metadata = catalogue.metadata_of(Offer("email", "max", "1k", "month", "usd"))
    agreed = foreign_price(world, metadata=metadata, unit_amount=77700)
    world.sync(catalogue)
    assert world.prices()[agreed].active
    assert world.local()[agreed][1:] == (77700, True, False)


# ---- what goes wrong --------------------------------------------------------------------------


class RefusingWriter(Writer):
    """Stripe refuses to archive a price that is its product's default price."""

    def send(self, intent: CommittedIntent) -> Answer:
        if intent.operation is Operation.PRICE_UPDATE:
            raise Refused(None, "This price cannot be archived.")
        return super().send(intent)


def test_a_refusal_is_reported_and_everything_else_is_done(world: World):
    world.sync(small())
    old = world.price_of(small(), PLUS)
    edited = small(priced("16.00"))
    result = world.sync(edited, RefusingWriter(world.client))
    (refusal,) = result.refused
    assert old.id in str(refusal.action)
    assert refusal.message == "This price cannot be archived."
    assert world.local()[world.price_of(edited, PLUS).id][2:] == (True, True)
    assert world.local()[old.id][2:] == (True, False)
    assert world.sync(edited).refused == ()
    assert not world.prices()[old.id].active


def test_one_sync_at_a_time(world: World):
    with alone(world.database), pytest.raises(Conflict, match="Another sync") as conflict:
        world.sync(small())
    assert conflict.value.code == "catalogue_sync_running"
    assert world.writes() == []
    world.sync(small())
