"""Meter events: usage reported once each, and taken back (Stripe docs: recording usage)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from ..billing.meter_reports import report
from ..kernel import errors
from ..kernel.errors import Json, StripeError
from ..kernel.fields import Fields, enum, moment, record, text, words_map
from ..kernel.ids import token
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .meters import METER, meter_for

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


class Unusable(Exception):
    """Why an event is not counted: `code` is what a report calls it, None where none tells of it
    (Stripe docs: meter error codes), and `error` what a call that checks at once is answered."""

    def __init__(self, code: str | None, error: StripeError) -> None:
        super().__init__(error.message)
        self.code = code
        self.error = error


def send(world: World, call: Call) -> Json:
    """Takes one event, checked at once."""
    try:
        event = take(world, call.params)
    except Unusable as unusable:
        raise unusable.error from None
    return {name: value for name, value in world.render(event).items() if name != "id"}


def take(world: World, params: Json) -> Json:
    """Counts one event: a time of at most 35 days ago and 5 minutes ahead, an identifier that is
    not in use. Nothing of it is counted twice. Raises Unusable."""
    meter = meter_for(world, params["event_name"])
    if meter is None:
        name = params["event_name"]
        message = f"No active meter found for the event name '{name}'."
        known = world.store.where(METER, "event_name", name)
        raise Unusable(
            "archived_meter" if known else "no_meter", errors.invalid(message, "event_name")
        )
    payload = params.get("payload") or {}
    customer = _customer(world, meter, params, payload)
    now = world.now({"customer": customer})
    moment = params["timestamp"] if params.get("timestamp") is not None else now
    _check_time(moment, now)
    identifier = params.get("identifier") or new_identifier(world)
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
    return world.add(EVENT, event)


def new_identifier(world: World) -> str:
    """For an event that was sent without one."""
    return token(world.seed, EVENT, world.store.number(EVENT), 32)


def _customer(world: World, meter: Json, params: Json, payload: dict[str, str]) -> str | None:
    key = meter["customer_mapping"]["event_payload_key"]
    identifier = payload.get(key)
    if not identifier:
        message = f"Customer mapping key {key} not found in payload."
        raise Unusable(
            "meter_event_no_customer_defined", errors.invalid(message, f"payload[{key}]")
        )
    customer = world.store.peek("customer", identifier)
    if customer is None or customer.get("_deleted"):
        unknown = Unusable(
            "meter_event_customer_not_found",
            errors.no_such("customer", identifier, f"payload[{key}]"),
        )
        if world.switches.unknown_usage_customer == "400":
            raise unknown
        tell(world, params, unknown)
        return None
    return identifier


def tell(world: World, params: Json, unusable: Unusable) -> None:
    """Has the report of its meter tell that an event is not counted."""
    known = world.store.where(METER, "event_name", params["event_name"])
    if unusable.code is not None:
        meter, identifier = known[-1] if known else None, params.get("identifier")
        report(world, meter, unusable.code, str(unusable), identifier)


def _value(meter: Json, payload: dict[str, str]) -> str:
    """The value as it was sent, a decimal number in a string; counting needs none."""
    key = meter["value_settings"]["event_payload_key"]
    if meter["default_aggregation"]["formula"] == "count" and key not in payload:
        return "1"
    if key not in payload:
        message = f"Value key {key} not found in payload."
        raise Unusable("meter_event_value_not_found", errors.invalid(message, f"payload[{key}]"))
    try:
        value = Decimal(payload[key])
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or -int(value.as_tuple().exponent) > 12:
        message = f"The value '{payload[key]}' is not a number of at most 12 decimal places."
        raise Unusable("meter_event_invalid_value", errors.invalid(message, f"payload[{key}]"))
    return payload[key]


def _check_time(moment: int, now: int) -> None:
    if moment < now - OLDEST:
        code = "timestamp_too_far_in_past"
        message = "The timestamp must be within the past 35 calendar days."
        raise Unusable(code, errors.invalid(message, "timestamp", code))
    if moment > now + AHEAD:
        code = "timestamp_in_future"
        message = "The timestamp must be at most 5 minutes in the future."
        raise Unusable(code, errors.invalid(message, "timestamp", code))


def _check_identifier(world: World, identifier: str, now: int) -> None:
    taken = world.switches.meter_identifier_seconds
    for event in world.store.where(EVENT, "identifier", identifier):
        if now - event["created"] < taken:
            message = f"An event already exists with identifier {identifier}."
            # it was counted: there is nothing to report
            raise Unusable(None, errors.invalid(message, "identifier", "duplicate_meter_event"))


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
