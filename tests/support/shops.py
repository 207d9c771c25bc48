"""Sandboxes in which a catalogue is already at Stripe.

Syncing 130 prices for every test would take most of the suite's time, so it is done once per
catalogue and process; each test gets a sandbox with copies of the products and prices, and the
rows that the sync left in the local table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import responses
from sqlalchemy import insert, select

from adapter.database import Database
from adapter.gateway.pacing import Urgency
from adapter.migrations import migrate
from adapter.tables import PriceRow
from mappings import Catalogue, load_catalogue
from sandbox import Sandbox, Switches, mount
from sandbox.kernel.store import copy_json
from service.settings import Settings
from service.wiring import build

KEPT = ("product", "price", "billing.meter")


@dataclass(frozen=True)
class _Shop:
    objects: Mapping[str, list[dict[str, Any]]]
    counters: Mapping[str, int]
    rows: list[dict[str, Any]]


def stocked(catalogue: str, start: datetime | None, switches: Switches | None) -> Sandbox:
    """A sandbox at ``start`` (None: now, and on) that holds the products and prices of
    ``catalogue``.
    """
    shop = _synced(catalogue, start)
    box = Sandbox(start, switches=switches)
    with box.world.store.transaction():
        for family, bodies in shop.objects.items():
            for body in bodies:
                box.world.store.insert(family, copy_json(body))
        # Ids are counted: what is made next must not get an id that is taken.
        box.world.store.counters.update(shop.counters)
    return box


def on_sale(database: Database, catalogue: str, start: datetime | None) -> None:
    """Write what a sync with a ``stocked`` sandbox would write to an empty ``database``."""
    with database.write() as tx:
        tx.execute(insert(PriceRow), _synced(catalogue, start).rows)


@cache
def loaded(catalogue: str) -> Catalogue:
    """The catalogue, checked once per process; it never changes."""
    return load_catalogue(catalogue)


@cache
def _synced(catalogue: str, start: datetime | None) -> _Shop:
    box = Sandbox(start)
    with (
        TemporaryDirectory() as folder,
        responses.RequestsMock(assert_all_requests_are_fired=False) as mock,
    ):
        mount(box, mock, "https://api.stripe.com")
        settings = Settings.from_environment(
            {
                "STRIPE_API_KEY": "sk_test_planshift_tests",
                "PLANSHIFT_DATABASE_URL": f"sqlite:///{Path(folder) / 'shop.db'}",
                "PLANSHIFT_CATALOGUE": catalogue,
            }
        )
        parts = build(settings, catalogue=loaded(catalogue), urgency=Urgency.FREE)
        migrate(parts.database)
        parts.catalogue_sync.run(lambda _plan: True)
        with parts.database.read() as tx:
            rows = [dict(row) for row in tx.execute(select(PriceRow.__table__)).mappings()]
        parts.database.dispose()
    store = box.world.store
    return _Shop({family: store.scan(family) for family in KEPT}, dict(store.counters), rows)
