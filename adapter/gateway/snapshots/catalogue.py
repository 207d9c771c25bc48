"""Products and prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import metadata_of, object_id


@dataclass(frozen=True)
class PriceSnapshot:
    id: str
    product: str
    active: bool
    currency: str
    unit_amount: int | None
    interval: str | None
    lookup_key: str | None
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, price: Any) -> PriceSnapshot:
        recurring = price["recurring"]
        return cls(
            id=price["id"],
            product=str(object_id(price["product"])),
            active=price["active"],
            currency=price["currency"],
            unit_amount=price["unit_amount"],
            interval=recurring["interval"] if recurring else None,
            lookup_key=price["lookup_key"],
            metadata=metadata_of(price),
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
