"""Meters, and what they could not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import field

# What a meter calls the customer and the units in the payload of its events (Stripe's defaults).
METER_CUSTOMER, METER_VALUE = "stripe_customer_id", "value"


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
class MeterReport:
    """Usage that was taken and then not counted. ``why`` tells it by the identifier of its event,
    for those that Stripe gives as samples; ``count`` is how many there were in all.
    """

    count: int
    why: Mapping[str, str]

    @classmethod
    def of(cls, event: Any) -> MeterReport:
        reason = event["data"]["reason"]
        return cls(
            count=reason["error_count"],
            why={
                sample["request"]["identifier"]: f"{of_kind['code']}: {sample['error_message']}"
                for of_kind in reason["error_types"]
                for sample in of_kind["sample_errors"]
                if field(sample["request"], "identifier") is not None
            },
        )
