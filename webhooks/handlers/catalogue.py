"""Events of prices and products: whether Stripe still sells what the catalogue says."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def price(event: EventRow) -> list[Ref]:
    """``price.created``, ``price.updated``, ``price.deleted``."""
    return [Ref("price", event.object_id)] if event.object_id else []


def product(event: EventRow) -> list[Ref]:
    """``product.created``, ``product.updated``, ``product.deleted``."""
    return [Ref("product", event.object_id)] if event.object_id else []
