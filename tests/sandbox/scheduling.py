"""What every story of a schedule needs: adopted, its phases sent again, a change planned."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import DAY, START, Stage

HOUR = 3_600
MONTH = START + 30 * DAY  # 10 December 2025
SCHEDULED = ("subscription_schedule", "customer.subscription", "invoice")


def adopt(stage: Stage, sub: Any) -> Any:
    return stage.api.subscription_schedules.create({"from_subscription": sub["id"]})


def resent(phase: Any, **more: Any) -> dict[str, Any]:
    """The current phase as an integration sends it again: what it wants to keep, by name."""
    kept: dict[str, Any] = {
        "start_date": phase["start_date"],
        "end_date": phase["end_date"],
        "items": [
            {"price": item["price"], "quantity": item["quantity"]} for item in phase["items"]
        ],
    }
    return kept | more


def next_phase(price: str, **more: Any) -> dict[str, Any]:
    length = {"interval": "month", "interval_count": 1}
    wanted: dict[str, Any] = {
        "items": [{"price": price, "quantity": 1}],
        "duration": length,
        "proration_behavior": "none",
    }
    return wanted | more


def plan_change(stage: Stage, sub: Any, *phases: dict[str, Any], **more: Any) -> Any:
    schedule = adopt(stage, sub)
    current = resent(schedule["phases"][0])
    params: Any = {
        "end_behavior": "release",
        "proration_behavior": "none",
        "phases": [current, *phases],
        **more,
    }
    return stage.api.subscription_schedules.update(schedule["id"], params)


def refused(call: Any, *args: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*args)
    return caught.value
