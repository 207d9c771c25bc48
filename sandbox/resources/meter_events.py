"""Meter events: usage reported once each, and taken back (Stripe docs: recording usage)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, enum, moment, record, text, words_map
from ..kernel.ids import token
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .meters import meter_for

EVENT = "billing.meter_event"
DAY = 86_400
OLDEST = 35 * DAY
AHEAD = 5 * 60
SEND: Fields = {
    "event_name": text(required=True, most=100),
    "identifier": text(clearable=False, most=100),
    "payload": words_map(),
    "timestamp": moment(words=()),
}
ADJUST: Fields = {
    "cancel": record({"identifier": text(required=True, most=100)}),
    "event_name": text(required=True, most=100),
    "type": enum("cancel", required=True),
}


def send(world: World, call: Call) -> Json:
    """Takes one event: a time of at most 35 days ago and 5 minutes ahead, an identifier that is
    not in use. Nothing of it is counted twice."""
    params = call.params
    meter = meter_for(world, params["event_name"])
    if meter is None:
        raise errors.invalid(
            f"No active meter found for the event name '{params['event_name']}'.", "event_name"
        )
    payload = params.get("payload") or {}
    customer = _customer(world, meter, payload)
    now = world.now({"customer": customer})
    moment = params["timestamp"] if params.get("timestamp") is not None else now
    _check_time(moment, now)
    identifier = params.get("identifier") or token(world.seed, EVENT, world.store.count(EVENT), 32)
    _check_identifier(world, identifier, now)
    event = {
        "id": world.identify("mtrevt"),
        "object": EVENT,
        "created": now,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": payload,
        "timestamp": moment,
        "_canceled": False,
        "_customer": customer,
        "_value": _value(meter, payload),
    }
    world.add(EVENT, event)
    return {name: value for name, value in world.render(event).items() if name != "id"}


def _customer(world: World, meter: Json, payload: dict[str, str]) -> str | None:
    key = meter["customer_mapping"]["event_payload_key"]
    identifier = payload.get(key)
    if not identifier:
        raise errors.invalid(f"The payload must contain the key '{key}'.", f"payload[{key}]")
    customer = world.store.peek("customer", identifier)
    if customer is None or customer.get("_deleted"):
        if world.switches.unknown_usage_customer == "400":
            raise errors.no_such("customer", identifier, f"payload[{key}]")
        return None
    return identifier


def _value(meter: Json, payload: dict[str, str]) -> str:
    """The value as it was sent, a decimal number in a string; counting needs none."""
    key = meter["value_settings"]["event_payload_key"]
    if meter["default_aggregation"]["formula"] == "count" and key not in payload:
        return "1"
    try:
        value = Decimal(payload[key])
    except KeyError:
        raise errors.invalid(
            f"The payload must contain the key '{key}'.", f"payload[{key}]"
        ) from None
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or -int(value.as_tuple().exponent) > 12:
        raise errors.invalid(
            f"The value '{payload[key]}' is not a number of at most 12 decimal places.",
            f"payload[{key}]",
        )
    return payload[key]


def _check_time(moment: int, now: int) -> None:
    if moment < now - OLDEST:
        raise errors.invalid(
            "The timestamp must be within the past 35 calendar days.",
            "timestamp",
            "timestamp_too_far_in_past",
        )
    if moment > now + AHEAD:
        raise errors.invalid(
            "The timestamp must be at most 5 minutes in the future.",
            "timestamp",
            "timestamp_in_future",
        )


def _check_identifier(world: World, identifier: str, now: int) -> None:
    taken = world.switches.meter_identifier_seconds
    for event in world.store.where(EVENT, "identifier", identifier):
        if now - event["created"] < taken:
            raise errors.invalid(
                f"An event already exists with identifier {identifier}.",
                "identifier",
                "duplicate_meter_event",
            )


def adjust(world: World, call: Call) -> Json:
    """Takes an event back, within 24 hours of its receipt (SDK docstring of `cancel`)."""
    params = call.params
    identifier = (params.get("cancel") or {}).get("identifier")
    if not identifier:
        raise errors.missing_parameter("cancel[identifier]")
    found = [
        event
        for event in world.store.where(EVENT, "identifier", identifier)
        if event["event_name"] == params["event_name"] and not event["_canceled"]
    ]
    if not found:
        raise errors.no_such("meter event", identifier, "cancel[identifier]")
    event = found[-1]
    if world.now({"customer": event["_customer"]}) - event["created"] > DAY:
        raise errors.invalid(
            "You can only cancel events within 24 hours of Stripe receiving them.",
            "cancel[identifier]",
        )
    event["_canceled"] = True
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": params["event_name"],
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }


def shapes(known: Shapes) -> None:
    """Nothing of an event is expandable."""


ROUTES = [
    Route("POST", "/v1/billing/meter_events", send, SEND),
    Route("POST", "/v1/billing/meter_event_adjustments", adjust, ADJUST),
]
