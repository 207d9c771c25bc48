"""Which offer a price at Stripe carries, and which price an offer is sold at today."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue, Offer, UnknownPrice

from .errors import Misconfigured
from .gateway.snapshots import PriceSnapshot
from .tables import LineRow, PriceRow


@dataclass(frozen=True)
class CurrentPrice:
    """The price at Stripe that an offer is sold at now.

    ``unit_amount`` is in minor units of ``currency``; None for one that is ``metered``, per unit of
    usage.
    """

    id: str
    currency: str
    unit_amount: int | None
    metered: bool


def current_price(tx: Session, catalogue: Catalogue, offer: Offer) -> CurrentPrice:
    """The price at Stripe for ``offer``.

    Raises:
        Misconfigured: the catalogue was not brought to Stripe yet, or changed since.
    """
    key = catalogue.lookup_key(offer)
    row = tx.scalars(select(PriceRow).where(PriceRow.lookup_key == key, PriceRow.current)).first()
    if row is None or not _charges(catalogue, row, offer):
        raise Misconfigured(
            "catalogue_not_synced",
            f"The price of {offer} is not at Stripe yet: run 'planshift catalogue sync'.",
        )
    return CurrentPrice(row.id, row.currency, row.unit_amount, row.unit_price is not None)


def price_at_stripe(tx: Session, catalogue: Catalogue, offer: Offer | None) -> CurrentPrice | None:
    """The price at Stripe; None for an end, and for what is held by agreement."""
    if offer is None or offer.is_free or catalogue.is_agreed(offer):
        return None
    return current_price(tx, catalogue, offer)


def _charges(catalogue: Catalogue, row: PriceRow, offer: Offer) -> bool:
    """Whether the price is what the catalogue says today."""
    if catalogue.usage_of(offer) is None:
        return row.unit_amount == catalogue.price_of(offer).amount
    per_unit = Decimal(row.unit_price) if row.unit_price else None
    return per_unit == catalogue.unit_price_of(offer).amount


def offer_of(catalogue: Catalogue, price: PriceSnapshot) -> Offer | UnknownPrice:
    """The offer a price carries: total, and never guessed.

    The price's own metadata says it, so that prices from before this database existed map back
    too; old prices of an offer (grandfathered accounts) carry the same metadata as its current one.
    """
    return catalogue.offer_from_metadata(price.metadata)


def offer_of_line(line: LineRow) -> Offer | None:
    """The offer of a mirrored line; None for an unknown price."""
    if line.family is None or line.plan is None or line.tier is None:
        return None
    return offer_from_dict(
        {
            "family": line.family,
            "plan": line.plan,
            "tier": line.tier,
            "interval": line.interval,
            "currency": line.currency,
        }
    )


def offer_to_dict(offer: Offer) -> dict[str, Any]:
    """An offer as JSON members."""
    return {
        "family": offer.family,
        "plan": offer.plan,
        "tier": offer.tier,
        "interval": offer.interval,
        "currency": offer.currency,
    }


def offer_from_dict(stored: dict[str, Any]) -> Offer:
    """The inverse of ``offer_to_dict``."""
    return Offer(**stored)


def are_offers(tx: Session, price_ids: set[str]) -> bool:
    """Whether every one of these prices carries one of our offers, current or older."""
    known = tx.scalars(select(PriceRow.id).where(PriceRow.id.in_(price_ids)))
    return set(known.all()) == price_ids
