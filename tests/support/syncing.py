"""A small catalogue, a Stripe of its own, and syncs between the two."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import responses
from sqlalchemy import select

from adapter.catalogue_sync import CatalogueSync, SyncPlan, SyncResult, plan_sync
from adapter.clock import FrozenClock
from adapter.database import Database
from adapter.gateway.client import StripeSettings, StripeTime, connect
from adapter.gateway.pacing import Limits, Pacing, Urgency
from adapter.gateway.read import Reader
from adapter.gateway.snapshots import ListedPrice
from adapter.gateway.write import Answer, CommittedIntent, Writer
from adapter.tables import PriceRow
from mappings import Catalogue, Offer, build_catalogue
from sandbox import Sandbox, mount

START = datetime(2026, 3, 1, tzinfo=UTC)
PLUS = Offer("email", "plus", "1k", "month", "usd")
When = Literal["before", "after"]


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


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class MortalWriter(Writer):
    """Dies at one of its writes, just before the request leaves or just after its effect."""

    def __init__(self, client: Any, at: int, when: When) -> None:
        super().__init__(client)
        self._left = at
        self._when = when

    def send(self, intent: CommittedIntent) -> Answer:
        self._left -= 1
        if self._left == -1 and self._when == "before":
            raise Killed
        answer = super().send(intent)
        if self._left == -1:
            raise Killed
        return answer
