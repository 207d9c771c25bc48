"""Bringing Stripe in line with the catalogue, against the sandbox."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from sqlalchemy import delete, select

from adapter.catalogue_sync import CatalogueSync, SyncPlan, SyncResult, plan_sync
from adapter.clock import FrozenClock
from adapter.database import Database
from adapter.errors import Misconfigured
from adapter.gateway.client import StripeSettings, StripeTime, connect
from adapter.gateway.pacing import Limits, Pacing, Urgency
from adapter.gateway.read import Reader
from adapter.gateway.snapshots import ListedPrice
from adapter.gateway.write import Writer
from adapter.prices import current_price, offer_of
from adapter.tables import IntentRow, PriceRow
from mappings import Catalogue, Offer, build_catalogue, load_catalogue
from sandbox import Sandbox, mount

pytestmark = pytest.mark.by_turns

START = datetime(2026, 3, 1, tzinfo=UTC)


def _tier(size: int, month: str, year: str) -> dict[str, Any]:
    prices = {"month": {"usd": month}, "year": {"usd": year}}
    return {"id": f"{size}k", "size": size * 1000, "prices": prices}


SMALL: dict[str, Any] = {
    "name": "Mail",
    "tenant": "mail",
    "currencies": ["usd"],
    "families": {
        "email": {
            "name": "Email",
            "unit": "contacts",
            "size_is": "limit",
            "order": ["plan", "tier"],
            "plans": {
                "plus": {
                    "name": "Plus",
                    "rank": 1,
                    "tiers": [_tier(1, "15.00", "150.00"), _tier(2, "25.00", "250.00")],
                },
                "max": {"name": "Max", "rank": 2, "tiers": [_tier(1, "40.00", "400.00")]},
            },
            "rules": [
                {
                    "id": "move",
                    "when": {"direction": ["upgrade", "lateral", "downgrade"]},
                    "timing": "now",
                    "cycle": "restart",
                    "credit": "time",
                },
                {"id": "cancel", "when": {"direction": "cancel"}, "timing": "caller"},
                {
                    "id": "same",
                    "when": {"direction": "same"},
                    "route": "not_offered",
                    "reason": "It is held already.",
                },
            ],
        }
    },
}


def small(edit: Callable[[dict[str, Any]], None] = lambda _: None) -> Catalogue:
    """Two plans, three tiers, six prices; ``edit`` changes the family's table of plans."""
    document = copy.deepcopy(SMALL)
    edit(document["families"]["email"]["plans"])
    return build_catalogue(document)


def priced(month: str) -> Callable[[dict[str, Any]], None]:
    """The smallest Plus, by the month, at another amount."""

    def edit(plans: dict[str, Any]) -> None:
        plans["plus"]["tiers"][0]["prices"]["month"]["usd"] = month

    return edit


PLUS = Offer("email", "plus", "1k", "month", "usd")


class World:
    """One Stripe account in the sandbox beside one database."""

    def __init__(self, database: Database, box: Sandbox) -> None:
        self.database = database
        self.box = box
        self.clock = FrozenClock(START)
        time = StripeTime(self.clock.now)
        free = Pacing(database, Limits.of(livemode=False), Urgency.FREE)
        self.client = connect(StripeSettings("sk_test_shop"), time, free)
        self.reader = Reader(self.client, time)

    def syncing(self, catalogue: Catalogue, writer: Writer | None = None) -> CatalogueSync:
        sender = writer or Writer(self.client)
        return CatalogueSync(catalogue, self.database, self.reader, sender, self.clock)

    def sync(self, catalogue: Catalogue, writer: Writer | None = None) -> SyncResult:
        result = self.syncing(catalogue, writer).run(show=lambda _: True)
        assert result is not None
        return result

    def plan(self, catalogue: Catalogue) -> SyncPlan:
        return plan_sync(catalogue, self.database, self.reader)

    def said(self, catalogue: Catalogue) -> list[str]:
        return [str(action) for action in self.plan(catalogue).actions]

    def subscribe(self, price: str) -> str:
        """A customer with a card buys ``price``: the id of the subscription."""
        card = "pm_card_visa"
        customer = self.client.v1.customers.create(
            {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        )
        bought = {"customer": customer.id, "items": [{"price": price}]}
        return str(self.client.v1.subscriptions.create(bought).id)

    def writes(self) -> list[str]:
        """The writes since the last time this was asked."""
        made = [f"{call.method} {call.path}" for call in self.box.request_log]
        self.box.request_log.clear()
        return [call for call in made if not call.startswith("GET")]

    def price_of(self, catalogue: Catalogue, offer: Offer) -> ListedPrice:
        """The price that holds the offer's lookup key."""
        key = catalogue.lookup_key(offer)
        (price,) = [price for price in self.reader.prices() if price.lookup_key == key]
        return price

    def prices(self) -> dict[str, ListedPrice]:
        return {price.id: price for price in self.reader.prices()}

    def local(self) -> dict[str, tuple[str, int, bool, bool]]:
        """The local table: key, amount, active and current by price id."""
        with self.database.read() as tx:
            rows = tx.scalars(select(PriceRow)).all()
        return {row.id: (row.lookup_key, row.unit_amount, row.active, row.current) for row in rows}


@contextmanager
def open_world(database: Database, box: Sandbox | None = None) -> Iterator[World]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        box = box or Sandbox(start=START)
        mount(box, mock)
        yield World(database, box)


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
