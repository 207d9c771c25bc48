"""Usage in bulk: a session's token opens the stream, which takes events unchecked and reports later
what it could not use (Stripe docs: meter event streams). At Stripe the stream has a host of its
own, meter-events.stripe.com; here it is at the same address as everything else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..kernel import errors
from ..kernel.calendar import rfc3339
from ..kernel.errors import Json, StripeError
from ..kernel.fields import Field, array, record, text, words_map
from ..kernel.ids import token
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .meter_events import Unusable, new_identifier, take, tell

SESSION = "v2.billing.meter_event_session"
STREAM = "/v2/billing/meter_event_stream"
LIFE_S = 15 * 60


def _moment() -> Field:
    """Unix seconds of an RFC 3339 date and time."""

    def read(value: Any, name: str) -> int:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            raise errors.invalid(f"Invalid timestamp: {value}; must be an RFC 3339 date-time", name)
        return int(moment.timestamp())

    return Field(read)


EVENTS = array(
    record(
        {
            "event_name": text(required=True, most=100),
            "identifier": text(clearable=False, most=100),
            "payload": Field(words_map().read, required=True),
            "timestamp": _moment(),
        }
    ),
    required=True,
    most=100,
)


def open_session(world: World, _: Call) -> Json:
    """A token that is good for 15 minutes."""
    identifier, now = world.identify("mes_test"), world.now()
    session = world.add(
        SESSION,
        {
            "id": identifier,
            "object": SESSION,
            "authentication_token": "token_" + token(world.seed, identifier, 0, 40),
            "livemode": False,
            "_opened": now,
        },
    )
    moments = {"created": rfc3339(now), "expires_at": rfc3339(now + LIFE_S)}
    return world.render(session) | moments


def admit(world: World, credential: str) -> None:
    """Lets in those who bring a session's token; an API key is none. Raises StripeError."""
    for session in world.store.scan(SESSION):
        if session["authentication_token"] == credential:
            if world.now() >= session["_opened"] + LIFE_S:
                raise StripeError(
                    401,
                    "This meter event session has expired: open a new one.",
                    kind="temporary_session_expired",
                    code="billing_meter_event_session_expired",
                )
            return
    raise errors.bad_api_key(credential)


def stream(world: World, call: Call) -> Json:
    """Takes them all; what is wrong with one of them is told by its meter's report."""
    for sent in call.params["events"]:
        event = {"identifier": new_identifier(world), **sent}
        try:
            take(world, event)
        except Unusable as unusable:
            tell(world, event, unusable)
    return {}


def shapes(known: Shapes) -> None:
    """Nothing of a session is expandable."""


ROUTES = [
    Route("POST", "/v2/billing/meter_event_session", open_session, {}),
    Route("POST", STREAM, stream, {"events": EVENTS}),
]
