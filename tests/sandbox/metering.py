"""A meter with a customer, and what they do, in one line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .conftest import DAY, START, Stage

MONTH = 30 * DAY
MINUTE = START - START % 60


class Usage:
    """A stage with a meter and a customer."""

    def __init__(self, stage: Stage, formula: str = "sum", **more: Any) -> None:
        self.stage = stage
        params: Any = {
            "display_name": "Calls",
            "event_name": f"calls_{formula}",
            "default_aggregation": {"formula": formula},
            **more,
        }
        self.meter = stage.api.billing.meters.create(params)
        self.customer = stage.customer()

    def report(self, value: str = "1", **more: Any) -> Any:
        payload = {"stripe_customer_id": self.customer, "value": value}
        params: Any = {"event_name": self.meter.event_name, "payload": payload, **more}
        return self.stage.api.billing.meter_events.create(params)

    def price(self, amount: str = "2", **more: Any) -> str:
        recurring = {"interval": "month", "usage_type": "metered", "meter": self.meter.id}
        params: Any = {
            "product": self.stage.product,
            "currency": "usd",
            "unit_amount_decimal": Decimal(amount),
            "recurring": recurring,
            **more,
        }
        if "tiers" in more:
            del params["unit_amount_decimal"]
        return self.stage.api.prices.create(params).id

    def total(self, start: int = MINUTE, end: int = MINUTE + MONTH, **more: Any) -> list[Any]:
        params: Any = {"customer": self.customer, "start_time": start, "end_time": end, **more}
        return self.stage.api.billing.meters.event_summaries.list(self.meter.id, params).data
