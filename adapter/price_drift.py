"""What somebody changes at Stripe of what is sold here, between two syncs.

It is only noted: amounts at Stripe never change, and what is right is the catalogue, to which
``planshift catalogue sync`` brings Stripe back. Nothing that is sold is taken off by an event.
"""

from __future__ import annotations

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from .database import Database
from .gateway.failures import Gone
from .gateway.read import Reader
from .gateway.snapshots import PriceSnapshot, ProductSnapshot
from .tables import PriceRow
from .tombstones import Absent

log = structlog.get_logger(__name__)

Sold = PriceSnapshot | ProductSnapshot


class PriceWatch:
    """Looks at prices and products that are sold here; those of others are not asked for, nor those
    that a sync is making at this moment.
    """

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database = database
        self._reader = reader

    def seek_price(self, price_id: str) -> Sold | Absent | None:
        """Ask Stripe for a price; None for one that is not sold now."""
        if not self._is_sold(PriceRow.id == price_id):
            return None
        try:
            return self._reader.price(price_id)
        except Gone:
            return Absent("price", price_id, 0)

    def seek_product(self, product_id: str) -> Sold | Absent | None:
        """Ask Stripe for a product; None for one of which nothing is sold now."""
        if not self._is_sold(PriceRow.product_id == product_id):
            return None
        try:
            return self._reader.product(product_id)
        except Gone:
            return Absent("product", product_id, 0)

    def _is_sold(self, which: ColumnElement[bool]) -> bool:
        with self._database.read() as tx:
            found = tx.scalars(select(PriceRow.id).where(which, PriceRow.current).limit(1))
            return found.first() is not None


def note_drift(tx: Session, found: Sold | Absent) -> str | None:
    """Note on the prices sold now how ``found`` differs from what is sold; gives it in words."""
    on_product = isinstance(found, ProductSnapshot) or (
        isinstance(found, Absent) and found.kind == "product"
    )
    column = PriceRow.product_id if on_product else PriceRow.id
    rows = tx.scalars(select(PriceRow).where(column == found.id, PriceRow.current)).all()
    drift = None
    for row in rows:
        drift = _difference(row, found)
        if drift is not None and row.drift != drift:
            log.warning("catalogue_drifted", price=row.id, drift=drift)
        row.drift = drift
    return drift


def _difference(row: PriceRow, found: Sold | Absent) -> str | None:
    match found:
        case Absent(kind=kind):
            return f"{kind} {found.id} was deleted at Stripe"
        case ProductSnapshot(active=False):
            return f"product {found.id} was archived at Stripe"
        case PriceSnapshot(active=False):
            return f"price {found.id} was archived at Stripe"
        case PriceSnapshot(lookup_key=key) if key != row.lookup_key:
            return f"price {found.id} lost its lookup key {row.lookup_key} at Stripe"
    return None
