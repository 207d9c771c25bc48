"""Events: the log of everything that happened, kept for 30 days (stripe-facts §4)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, text
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World

KEPT = 30 * 86_400
LIST: Fields = {
    **PAGE,
    "created": RANGE,
    "delivery_success": boolean(),
    "type": text(),
    "types": array(text(), most=20),
}

RETRY: Fields = {"account": text(), "for_stripecli": boolean(), "webhook_endpoint": text()}


def retrieve(world: World, call: Call) -> Json:
    """An event of the last 30 days; older ones are gone (§4)."""
    event = world.require("event", call.id)
    if event["_written"] < world.now() - KEPT:
        raise errors.no_such("event", call.id)
    return world.render(event)


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("type") and params.get("types"):
        raise errors.invalid("You cannot provide both `type` and `types`.", "types")
    oldest = world.now() - KEPT

    def wanted(body: Json) -> bool:
        return bool(
            body["_written"] >= oldest
            and _named(params, body["type"])
            and within(params, "created", body["created"])
            and params.get("delivery_success") in (None, _delivered(body))
        )

    return page(world, params, world.store.scan("event"), call.url, wanted)


def _named(params: Json, kind: str) -> bool:
    """`type` may end in a wildcard: `invoice.*` (Stripe docs: list all events)."""
    if params.get("types"):
        return kind in params["types"]
    wanted = params.get("type")
    if not wanted or wanted == "*":
        return True
    return kind.startswith(wanted[:-1]) if wanted.endswith("*") else bool(kind == wanted)


def _delivered(event: Json) -> bool:
    """False while there is an endpoint that it has not reached, for now or for good."""
    return bool(event["pending_webhooks"] == 0)


def retry(world: World, call: Call) -> Json:
    """Sends an event again: what `stripe events resend` asks for, undocumented (tried out).

    `for_stripecli` means those who listen, and nobody else.
    """
    event = world.require("event", call.id)
    if call.params.get("for_stripecli"):
        for listener in world.store.scan("_listener"):
            world.resend(event["id"], listener["id"])
    else:
        endpoint = call.params.get("webhook_endpoint")
        if endpoint:
            world.require("webhook_endpoint", endpoint, "webhook_endpoint")
        world.resend(event["id"], endpoint)
    return world.render(event)


def shapes(known: Shapes) -> None:
    """Events hold snapshots; nothing in them is expandable."""


ROUTES = [
    Route("GET", "/v1/events", index, LIST),
    Route("GET", "/v1/events/<id>", retrieve, {}),
    Route("POST", "/v1/events/<id>/retry", retry, RETRY),
]
