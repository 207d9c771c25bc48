"""What of this catalogue is at Stripe, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mappings import INTERVALS, Catalogue, Offer, UnknownPrice
from mappings.naming import FAMILY, OFFER_KEYS, PLAN

from ..gateway.read import Reader
from ..gateway.snapshots import ListedPrice, MeterSnapshot, ProductSnapshot


@dataclass(frozen=True)
class Inventory:
    """The products and prices that matter to one catalogue, as Stripe listed them.

    ``products`` are ours and those that sit on an id of ours; ``prices`` (newest first) are ours,
    those that sit on one of ``products``, and those that hold a lookup key of ours. ``meters``, by
    their event names, are those that the catalogue names.
    """

    products: Mapping[str, ProductSnapshot]
    prices: tuple[ListedPrice, ...]
    meters: Mapping[str, MeterSnapshot] = field(default_factory=dict)

    @property
    def meter_ids(self) -> dict[str, str]:
        """The ids of the meters, by their event names."""
        return {name: meter.id for name, meter in self.meters.items()}

    def on_product(self, product: str) -> Iterable[ListedPrice]:
        """The prices of a product, whoever made them."""
        return (price for price in self.prices if price.product == product)


@dataclass(frozen=True)
class WantedProduct:
    """How a product is to be: what customers read on invoices, and what marks it as ours."""

    name: str
    metadata: Mapping[str, str]


def take_inventory(catalogue: Catalogue, reader: Reader) -> Inventory:
    """List what matters to ``catalogue``: one call per 100 products and one per 100 prices, and one
    per 100 meters if some plan is billed by one.

    Everything else the Stripe account holds is passed over while reading, so that a large account
    costs time but no memory.
    """
    ids = wanted_products(catalogue).keys()
    products = {
        product.id: product
        for product in reader.products()
        if product.id in ids or is_ours(catalogue, product.metadata)
    }
    keys = {catalogue.lookup_key(offer) for offer in catalogue.sold_offers()}
    prices = (
        price
        for price in reader.prices()
        if is_ours(catalogue, price.metadata)
        or price.product in products
        or price.lookup_key in keys
    )
    return Inventory(products, tuple(prices), _meters(catalogue, reader))


def _meters(catalogue: Catalogue, reader: Reader) -> dict[str, MeterSnapshot]:
    """By their event names; of several with one name there is at most one that is active."""
    wanted = catalogue.meters()
    found = [meter for meter in reader.meters() if meter.event_name in wanted] if wanted else []
    return {meter.event_name: meter for meter in sorted(found, key=lambda meter: meter.active)}


def wanted_products(catalogue: Catalogue) -> dict[str, WantedProduct]:
    """The products Stripe must hold, by their ids, in order: one per plan that is sold, and one per
    family that pays back unused allowance, for the line that says so.
    """
    sold = dict.fromkeys((offer.family, offer.plan) for offer in catalogue.sold_offers())
    wanted = {
        catalogue.product_id(*plan): WantedProduct(
            catalogue.product_name(*plan), catalogue.product_metadata(*plan)
        )
        for plan in sold
    }
    for family in catalogue.families.values():
        if family.pays_back:
            wanted[catalogue.unused_product_id(family.id)] = WantedProduct(
                catalogue.unused_product_name(family.id),
                catalogue.unused_product_metadata(family.id),
            )
    return wanted


def is_ours(catalogue: Catalogue, metadata: Mapping[str, str]) -> bool:
    """Whether a product or price carries this catalogue's tenant: only then it may be touched."""
    found = catalogue.offer_from_metadata(metadata)
    return not isinstance(found, UnknownPrice) or found.code == "not_in_catalogue"


def named_offer(metadata: Mapping[str, str]) -> Offer | None:
    """The offer that metadata names in full, whether or not the catalogue (still) sells it."""
    family, plan, tier, asked, currency = (metadata.get(key) for key in OFFER_KEYS)
    interval = next((known for known in INTERVALS if known == asked), None)
    if not (family and plan and tier and interval and currency):
        return None
    return Offer(family, plan, tier, interval, currency)


def named_plan(metadata: Mapping[str, str]) -> tuple[str, str] | None:
    """The family and plan that a product's metadata names."""
    family, plan = metadata.get(FAMILY), metadata.get(PLAN)
    return (family, plan) if family and plan else None
