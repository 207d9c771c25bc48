"""Products and prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import exact, field, metadata_of, object_id

# What a meter calls the customer and the units in the payload of its events (Stripe's defaults).
METER_CUSTOMER, METER_VALUE = "stripe_customer_id", "value"


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
class MeterSnapshot:
    """A billing meter. ``sums``: it adds up the values of its events, by Stripe's own names of what
    they are about; nothing else is counted here.
    """

    id: str
    event_name: str
    display_name: str
    active: bool
    sums: bool

    @classmethod
    def of(cls, meter: Any) -> MeterSnapshot:
        return cls(
            id=meter["id"],
            event_name=meter["event_name"],
            display_name=meter["display_name"],
            active=meter["status"] == "active",
            sums=(
                meter["default_aggregation"]["formula"] == "sum"
                and field(meter, "event_time_window") is None
                and meter["customer_mapping"]["event_payload_key"] == METER_CUSTOMER
                and meter["value_settings"]["event_payload_key"] == METER_VALUE
            ),
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
