"""The plan of a sync: Stripe as it is, compared with the catalogue. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mappings import Catalogue

from ..database import Database
from ..gateway.read import Reader
from ..gateway.snapshots import ProductSnapshot
from .actions import (
    KINDS,
    Action,
    ArchivePrice,
    ArchiveProduct,
    CreateMeter,
    CreateProduct,
    ReactivateMeter,
    UpdateProduct,
)
from .interrupted import Interrupted
from .inventory import Inventory, is_ours, named_plan, take_inventory, wanted_products
from .naming_conflicts import refuse_taken_names
from .offers import plan_offers
from .retired import KeptPrice, plan_retired
from .use import Use


@dataclass(frozen=True)
class SyncPlan:
    """What a sync would do, in the order it would do it.

    ``kept`` are prices that are not sold any more and stay active because they are used.
    ``interrupted`` says, a line each, which writes an earlier run left without an answer; they are
    finished first. ``names`` has the name of every product named in an action.
    """

    actions: tuple[Action, ...]
    kept: tuple[KeptPrice, ...]
    interrupted: tuple[str, ...]
    names: Mapping[str, str]
    inventory: Inventory


def plan_sync(catalogue: Catalogue, database: Database, reader: Reader) -> SyncPlan:
    """Compare ``catalogue`` with Stripe: one list call per 100 products and per 100 prices of the
    Stripe account, and one call per active price that is not sold any more.

    Raises:
        NameTaken: a product id or lookup key of the catalogue belongs to something foreign.
        Conflict: ``meter_unusable``: a meter of a name of ours counts otherwise.
        GatewayFailure: Stripe could not be read.
    """
    inventory = take_inventory(catalogue, reader)
    refuse_taken_names(catalogue, inventory)
    use = Use(database, reader)
    offers = plan_offers(catalogue, inventory)
    retired = plan_retired(catalogue, inventory, offers.current, use)
    planned = [
        *_wanted(catalogue, inventory),
        *_meters(catalogue, inventory),
        *offers.actions,
        *retired.actions,
        *_left(catalogue, inventory, retired.actions, use),
    ]
    return SyncPlan(
        actions=tuple(sorted(planned, key=lambda action: KINDS.index(type(action)))),
        kept=retired.kept,
        interrupted=tuple(Interrupted(database).lines()),
        names=_names(catalogue, inventory),
        inventory=inventory,
    )


def _wanted(catalogue: Catalogue, inventory: Inventory) -> Iterator[Action]:
    """Products that have to be made, or put right."""
    for product, wanted in wanted_products(catalogue).items():
        found = inventory.products.get(product)
        if found is None:
            yield CreateProduct(product, wanted.name, wanted.metadata)
            continue
        changes = _drift(found, wanted.name, wanted.metadata)
        if changes:
            yield UpdateProduct(product, found.name, changes)


def _meters(catalogue: Catalogue, inventory: Inventory) -> Iterator[Action]:
    """Meters that have to be made, or switched on again."""
    for event_name, name in catalogue.meters().items():
        found = inventory.meters.get(event_name)
        if found is None:
            yield CreateMeter(event_name, name)
        elif not found.active:
            yield ReactivateMeter(event_name, found.id)


def _drift(found: ProductSnapshot, name: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that put a product right; metadata of others on it is left alone."""
    changes: dict[str, Any] = {} if found.active else {"active": True}
    if found.name != name:
        changes["name"] = name
    wrong = {key: value for key, value in metadata.items() if found.metadata.get(key) != value}
    return {**changes, "metadata": wrong} if wrong else changes


def _left(
    catalogue: Catalogue,
    inventory: Inventory,
    archived: tuple[ArchivePrice, ...],
    use: Use,
) -> Iterator[Action]:
    """Products of plans that left the catalogue, once every price on them is out of use."""
    living = {
        (family.id, plan.id)
        for family in catalogue.families.values()
        for plan in family.plans.values()
        if not plan.is_free
    }
    ending = {action.price for action in archived}
    for product in inventory.products.values():
        plan = named_plan(product.metadata)
        ours = product.active and is_ours(catalogue, product.metadata)
        if not ours or plan is None or plan in living:
            continue
        on_it = [price for price in inventory.on_product(product.id) if price.id not in ending]
        if not any(price.active or use.of(price.id) for price in on_it):
            yield ArchiveProduct(product.id, product.name)


def _names(catalogue: Catalogue, inventory: Inventory) -> dict[str, str]:
    found = {product.id: product.name for product in inventory.products.values()}
    wanted = wanted_products(catalogue).items()
    return {
        **found,
        **{product: one.name for product, one in wanted},
        **dict.fromkeys(catalogue.meters(), "Meter"),
    }
