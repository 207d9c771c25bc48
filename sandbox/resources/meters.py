"""Billing meters and what they have counted (Stripe docs: usage-based billing)."""

from __future__ import annotations

from fractions import Fraction

from ..billing.usage import WINDOWS, plain_number, used
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, enum, moment, record, text
from ..kernel.ids import token
from ..kernel.lists import PAGE, cut, page
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World

METER = "billing.meter"
MOMENT = moment(words=(), required=True)
CREATE: Fields = {
    "customer_mapping": record(
        {"event_payload_key": text(required=True), "type": enum("by_id", required=True)}
    ),
    "default_aggregation": record(
        {"formula": enum("count", "last", "sum", required=True)}, required=True
    ),
    "display_name": text(required=True, most=250),
    "event_name": text(required=True, most=100),
    "event_time_window": enum("day", "hour"),
    "value_settings": record({"event_payload_key": text(required=True)}),
}
UPDATE: Fields = {"display_name": text(clearable=False, most=250)}
LIST: Fields = {**PAGE, "status": enum("active", "inactive")}
SUMMARIES: Fields = {
    **PAGE,
    "customer": text(required=True),
    "end_time": MOMENT,
    "start_time": MOMENT,
    "value_grouping_window": enum("day", "hour"),
}


def create(world: World, call: Call) -> Json:
    params, now = call.params, world.now()
    if meter_for(world, params["event_name"]) is not None:
        raise errors.invalid(
            f"A meter with the event name '{params['event_name']}' already exists.", "event_name"
        )
    value = (params.get("value_settings") or {}).get("event_payload_key")
    meter = world.add(
        METER,
        {
            "id": world.identify("mtr_test"),
            "object": METER,
            "created": now,
            "customer_mapping": params.get("customer_mapping")
            or {"event_payload_key": "stripe_customer_id", "type": "by_id"},
            "default_aggregation": params["default_aggregation"],
            "display_name": params["display_name"],
            "event_name": params["event_name"],
            "event_time_window": params.get("event_time_window"),
            "livemode": False,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "updated": now,
            "value_settings": {"event_payload_key": value or "value"},
        },
    )
    world.emit("billing.meter.created", meter)
    return world.render(meter)


def meter_for(world: World, event_name: str) -> Json | None:
    """The active meter that counts events of this name."""
    for meter in world.store.where(METER, "event_name", event_name):
        if meter["status"] == "active":
            return meter
    return None


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require(METER, call.id))


def update(world: World, call: Call) -> Json:
    meter = world.require(METER, call.id)
    with world.changing(meter, "billing.meter.updated"):
        if call.params.get("display_name"):
            meter["display_name"] = call.params["display_name"]
            meter["updated"] = world.now()
    return world.render(meter)


def deactivate(world: World, call: Call) -> Json:
    """No more events are taken; what was counted stays."""
    return _switch(world, call, "inactive", "deactivated")


def reactivate(world: World, call: Call) -> Json:
    return _switch(world, call, "active", "reactivated")


def _switch(world: World, call: Call, status: str, word: str) -> Json:
    meter, now = world.require(METER, call.id), world.now()
    if meter["status"] == status:
        raise errors.invalid(f"This meter is already {status}.")
    meter |= {"status": status, "updated": now}
    meter["status_transitions"] = {"deactivated_at": now if status == "inactive" else None}
    world.emit(f"billing.meter.{word}", meter)
    return world.render(meter)


def index(world: World, call: Call) -> Json:
    wanted = call.params.get("status")
    entries = world.store.scan(METER)
    return page(
        world, call.params, entries, call.url, lambda body: wanted in (None, body["status"])
    )


def summaries(world: World, call: Call) -> Json:
    """Usage between two full minutes, whole or by hour or day; newest first."""
    meter, params = world.require(METER, call.id), call.params
    world.require("customer", params["customer"], "customer")
    start, end = params["start_time"], params["end_time"]
    window = params.get("value_grouping_window")
    step = WINDOWS[window] if window else end - start
    for name in ("start_time", "end_time"):
        if params[name] % (WINDOWS[window] if window else 60):
            edge = f"UTC {window}" if window else "minute"
            raise errors.invalid(f"`{name}` must align with {edge} boundaries.", name)
    if end <= start:
        raise errors.invalid("`end_time` must be after `start_time`.", "end_time")
    entries = []
    for begin in range(start, end, step):
        value = used(world, meter, params["customer"], begin, begin + step)
        if value or not window:
            # whether windows without usage are listed is our belief: they are not
            entries.append(_summary(world, meter, params["customer"], begin, begin + step, value))
    shown, more = cut(params, entries[::-1])
    return {"object": "list", "data": shown, "has_more": more, "url": call.url}


def _summary(
    world: World, meter: Json, customer: str, start: int, end: int, value: Fraction
) -> Json:
    name = f"{meter['id']}:{customer}:{start}"
    return {
        "id": "mtrusg_test_" + token(world.seed, name, end, 40),
        "object": "billing.meter_event_summary",
        "aggregated_value": plain_number(value),
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }


def shapes(known: Shapes) -> None:
    """Nothing of a meter is expandable."""


ROUTES = [
    Route("POST", "/v1/billing/meters", create, CREATE),
    Route("GET", "/v1/billing/meters", index, LIST),
    Route("GET", "/v1/billing/meters/<id>", retrieve, {}),
    Route("POST", "/v1/billing/meters/<id>", update, UPDATE),
    Route("POST", "/v1/billing/meters/<id>/deactivate", deactivate, {}),
    Route("POST", "/v1/billing/meters/<id>/reactivate", reactivate, {}),
    Route("GET", "/v1/billing/meters/<id>/event_summaries", summaries, SUMMARIES),
]
