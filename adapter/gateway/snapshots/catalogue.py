"""Products and prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import exact, field, metadata_of, object_id


@dataclass(frozen=True)
class PriceSnapshot:
    """A price. Of a metered one, ``meter`` is the id of what counts, and ``unit_price`` the price
    of one unit in minor units, as text, for it may be far below one.
    """

    id: str
    product: str
    active: bool
    currency: str
    unit_amount: int | None
    interval: str | None
    lookup_key: str | None
    metadata: Mapping[str, str]
    meter: str | None
    unit_price: str | None

    @classmethod
    def of(cls, price: Any) -> PriceSnapshot:
        recurring = price["recurring"]
        meter = field(recurring, "meter") if recurring else None
        return cls(
            id=price["id"],
            product=str(object_id(price["product"])),
            active=price["active"],
            currency=price["currency"],
            unit_amount=price["unit_amount"],
            interval=recurring["interval"] if recurring else None,
            lookup_key=price["lookup_key"],
            metadata=metadata_of(price),
            meter=object_id(meter),
            unit_price=exact(price["unit_amount_decimal"]) if meter else None,
        )


@dataclass(frozen=True)
class ListedPrice(PriceSnapshot):
    """A price as listed, with what only those ask about who keep prices in order.

    ``nickname`` is for staff. ``plain``: one amount per unit held, or per unit used, once per one
    ``interval`` (no tiers, no packages, no "every 3 months").
    """

    nickname: str | None
    plain: bool

    @classmethod
    def of(cls, price: Any) -> ListedPrice:
        return cls(
            **vars(PriceSnapshot.of(price)), nickname=price["nickname"], plain=_is_plain(price)
        )


@dataclass(frozen=True)
class ProductSnapshot:
    id: str
    name: str
    active: bool
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, product: Any) -> ProductSnapshot:
        return cls(product["id"], product["name"], product["active"], metadata_of(product))


def _is_plain(price: Any) -> bool:
    recurring = price["recurring"]
    each_interval = recurring is None or recurring["interval_count"] == 1
    per_unit = price["billing_scheme"] == "per_unit" and price["transform_quantity"] is None
    if recurring is not None and recurring["usage_type"] == "metered":
        return each_interval and per_unit and field(recurring, "meter") is not None
    return each_interval and per_unit and price["unit_amount"] is not None
