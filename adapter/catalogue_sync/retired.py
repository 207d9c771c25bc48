"""Prices that are not sold any more: archived when nothing uses them, kept while something does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mappings import Catalogue, Offer, UnknownOffer

from ..gateway.snapshots import ListedPrice
from .actions import ArchivePrice
from .inventory import Inventory, is_ours, named_offer
from .use import Use


@dataclass(frozen=True)
class KeptPrice:
    """A price that stays active for those who pay it (grandfathered)."""

    price: str
    product: str
    offer: Offer

    def __str__(self) -> str:
        return f"price {self.price} of {self.offer} stays active: it is in use"


@dataclass(frozen=True)
class Retired:
    """What becomes of the prices that are not sold any more."""

    actions: tuple[ArchivePrice, ...]
    kept: tuple[KeptPrice, ...]


def plan_retired(
    catalogue: Catalogue, inventory: Inventory, current: frozenset[str], use: Use
) -> Retired:
    """Archive what is ours, active, not in ``current`` (price ids) and out of use."""
    actions, kept = [], []
    for price, offer, why in _not_sold(catalogue, inventory, current):
        if use.of(price.id):
            kept.append(KeptPrice(price.id, price.product, offer))
        else:
            actions.append(ArchivePrice(price.product, price.id, offer, why))
    return Retired(tuple(actions), tuple(kept))


def _not_sold(
    catalogue: Catalogue, inventory: Inventory, current: frozenset[str]
) -> Iterator[tuple[ListedPrice, Offer, str]]:
    sold = set(catalogue.sold_offers())
    for price in inventory.prices:
        mine = price.active and price.id not in current and is_ours(catalogue, price.metadata)
        # A one-off price, or one that names no offer in full, is not a price of an offer.
        offer = named_offer(price.metadata) if mine and price.interval else None
        if offer is None:
            continue
        if offer in sold:
            yield price, offer, "another price took its place"
        elif not _sold_by_agreement(catalogue, offer):
            yield price, offer, "it left the catalogue"


def _sold_by_agreement(catalogue: Catalogue, offer: Offer) -> bool:
    """Whether the offer's tier has no prices in the catalogue: staff make them by hand."""
    try:
        unpriced = not catalogue.tier_of(offer).prices
        return unpriced and catalogue.plan_of(offer).kind == "licensed"
    except UnknownOffer:
        return False
