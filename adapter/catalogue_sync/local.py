"""The ``prices`` table: what is sold here at which price, as Stripe listed it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..database import Database
from ..gateway.snapshots import ListedPrice
from ..tables import PriceRow
from .inventory import Inventory, is_ours, named_offer

# Ids in a catalogue are words; longer ones in metadata are somebody's edit, and no column's.
LONGEST_WORD = 64


def bring_in_line(database: Database, catalogue: Catalogue, inventory: Inventory) -> None:
    """Make the table say what ``inventory`` says, in one transaction.

    Older prices keep their row, as does a price that Stripe lists no more (inactive then): a line
    somebody pays may still name it.
    """
    wanted = {row["id"]: row for row in _rows(catalogue, inventory)}
    with database.write() as tx:
        known = {row.id: row for row in tx.scalars(select(PriceRow))}
        _make_room(tx, known, wanted)
        for row in wanted.values():
            if row["id"] not in known:
                tx.add(PriceRow(**row))
                continue
            for column, value in row.items():
                setattr(known[row["id"]], column, value)
            known[row["id"]].drift = None


def remember_price(tx: Session, catalogue: Catalogue, price: ListedPrice) -> None:
    """Give an older price of an offer its row, as the next sync would."""
    row = _row(catalogue, price, sold=set())
    if row is not None and tx.get(PriceRow, price.id) is None:
        tx.add(PriceRow(**row))


def _make_room(tx: Session, known: dict[str, PriceRow], wanted: dict[str, dict[str, Any]]) -> None:
    """Take "current" from every row that loses it before another row gets it (unique index)."""
    for row in known.values():
        stays = wanted.get(row.id, {})
        if row.current and (not stays.get("current") or stays["lookup_key"] != row.lookup_key):
            row.current = False
        if not stays:
            row.active = False
    tx.flush()


def _rows(catalogue: Catalogue, inventory: Inventory) -> list[dict[str, Any]]:
    sold = {catalogue.lookup_key(offer) for offer in catalogue.sold_offers()}
    rows = (
        _row(catalogue, price, sold)
        for price in inventory.prices
        if is_ours(catalogue, price.metadata)
    )
    return [row for row in rows if row is not None]


def _row(catalogue: Catalogue, price: ListedPrice, sold: set[str]) -> dict[str, Any] | None:
    """The row of a price; None if it is not the price of an offer at all."""
    offer = named_offer(price.metadata)
    if offer is None or (price.unit_amount is None and price.unit_price is None):
        return None
    if (offer.interval, offer.currency) != (price.interval, price.currency):
        return None
    if max(map(len, (offer.family, offer.plan, offer.tier))) > LONGEST_WORD:
        return None
    key = catalogue.lookup_key(offer)
    return {
        "id": price.id,
        "lookup_key": key,
        "product_id": price.product,
        "family": offer.family,
        "plan": offer.plan,
        "tier": offer.tier,
        "interval": offer.interval,
        "currency": offer.currency,
        "unit_amount": None if price.unit_price else price.unit_amount,
        "unit_price": price.unit_price,
        "meter_id": price.meter,
        "active": price.active,
        "current": price.active and price.lookup_key == key and key in sold,
    }
