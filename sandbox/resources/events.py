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


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("event", call.id))


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("type") and params.get("types"):
        raise errors.invalid("You cannot provide both `type` and `types`.", "types")
    oldest = world.now() - KEPT

    def wanted(body: Json) -> bool:
        return bool(
            body["created"] >= oldest
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
    """False while a delivery waits or after one has failed for good."""
    return bool(event["pending_webhooks"] == 0 and not event["_failed"])


def shapes(known: Shapes) -> None:
    """Events hold snapshots; nothing in them is expandable."""


ROUTES = [
    Route("GET", "/v1/events", index, LIST),
    Route("GET", "/v1/events/<id>", retrieve, {}),
]
