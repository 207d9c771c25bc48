"""Subscription items: the same changes as an update of the subscription, one item at a time."""

from __future__ import annotations

from ..billing.changing import change_subscription
from ..billing.items import show_item
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, text
from ..kernel.lists import PAGE, cut
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import ITEM, PAYMENT_BEHAVIOR, PRORATION, TIMESTAMP

CHANGE: Fields = {
    "payment_behavior": PAYMENT_BEHAVIOR,
    "proration_behavior": PRORATION,
    "proration_date": TIMESTAMP,
}
CREATE: Fields = {**ITEM, **CHANGE, "subscription": text(required=True)}
UPDATE: Fields = {**ITEM, **CHANGE, "off_session": boolean()}
DELETE: Fields = CHANGE
LIST: Fields = {**PAGE, "subscription": text(required=True)}


def _owner(world: World, identifier: str) -> tuple[Json, Json]:
    owner = world.store.peek("_item_owner", identifier)
    subscription = world.store.find("subscription", owner["subscription"]) if owner else None
    for item in subscription["items"] if subscription else ():
        if subscription is not None and item["id"] == identifier:
            return subscription, item
    raise errors.no_such("subscription_item", identifier)


def _change(world: World, subscription: Json, params: Json, entry: Json) -> None:
    asked = {name: params[name] for name in (*CHANGE, "off_session") if name in params}
    change_subscription(world, subscription, {**asked, "items": [entry]})


def create(world: World, call: Call) -> Json:
    subscription = world.require("subscription", call.params["subscription"], "subscription")
    known = {item["id"] for item in subscription["items"]}
    _change(world, subscription, call.params, _entry(call.params))
    waiting = (subscription["pending_update"] or {}).get("subscription_items") or []
    made = [item for item in [*subscription["items"], *waiting] if item["id"] not in known]
    return show_item(world, made[-1])


def retrieve(world: World, call: Call) -> Json:
    return show_item(world, _owner(world, call.id)[1])


def update(world: World, call: Call) -> Json:
    subscription, _ = _owner(world, call.id)
    _change(world, subscription, call.params, {**_entry(call.params), "id": call.id})
    return show_item(world, _owner(world, call.id)[1])


def delete(world: World, call: Call) -> Json:
    subscription, _ = _owner(world, call.id)
    _change(world, subscription, call.params, {"id": call.id, "deleted": True})
    return {"id": call.id, "object": "subscription_item", "deleted": True}


def _entry(params: Json) -> Json:
    return {name: params[name] for name in ITEM if name in params}


def index(world: World, call: Call) -> Json:
    subscription = world.require("subscription", call.params["subscription"], "subscription")
    window, more = cut(call.params, subscription["items"])
    data = [show_item(world, item) for item in window]
    return {"object": "list", "data": data, "has_more": more, "url": call.url}


def shapes(known: Shapes) -> None:
    known.refer("subscription_item", discounts="discount", price__product="product")


ROUTES = [
    Route("POST", "/v1/subscription_items", create, CREATE),
    Route("GET", "/v1/subscription_items", index, LIST),
    Route("GET", "/v1/subscription_items/<id>", retrieve, {}),
    Route("POST", "/v1/subscription_items/<id>", update, UPDATE),
    Route("DELETE", "/v1/subscription_items/<id>", delete, DELETE),
]
