"""Test clocks: a time of their own for the customers attached to them (stripe-facts §3.9)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.calendar import boundary
from ..kernel.errors import Json
from ..kernel.fields import Fields, moment, text
from ..kernel.lists import PAGE, page
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import deleted

FAMILY = "test_helpers.test_clock"
FROZEN = moment(words=(), required=True)
CREATE: Fields = {"frozen_time": FROZEN, "name": text()}
KEPT = 30 * 86_400  # a clock is deleted a month after its creation


def create(world: World, call: Call) -> Json:
    now = world.now()
    clock = world.add(
        FAMILY,
        {
            "id": world.identify("clock"),
            "object": FAMILY,
            "created": now,
            "deletes_after": now + KEPT,
            "frozen_time": call.params["frozen_time"],
            "livemode": False,
            "name": call.params.get("name"),
            "status": "ready",
            "status_details": {},
        },
    )
    world.emit("test_helpers.test_clock.created", clock)
    return world.render(clock)


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require(FAMILY, call.id))


def advance(world: World, call: Call) -> Json:
    """Answers `advancing`; what is due is played right after the answer is made."""
    clock = world.require(FAMILY, call.id)
    target = call.params["frozen_time"]
    if target <= clock["frozen_time"]:
        raise errors.invalid(
            "The frozen time of a test clock can only be advanced forward.", "frozen_time"
        )
    _check_reach(world, clock, target)
    clock["status"] = "advancing"
    clock["status_details"] = {"advancing": {"target_frozen_time": target}}
    world.emit("test_helpers.test_clock.advancing", clock)
    world.after_commit.append(lambda: _arrive(world, clock["id"], target))
    return world.render(clock)


def _check_reach(world: World, clock: Json, target: int) -> None:
    """At most two intervals of the shortest subscription (stripe-facts §3.9)."""
    ends = []
    for customer in world.store.where("customer", "test_clock", clock["id"]):
        for subscription in world.store.where("subscription", "customer", customer["id"]):
            if subscription["ended_at"] is None:
                for item in subscription["items"]:
                    price = world.store.peek("price", item["price"]) or {}
                    interval = price["recurring"]["interval"]
                    count = price["recurring"]["interval_count"]
                    ends.append(boundary(clock["frozen_time"], interval, count, 2))
    if ends and target > min(ends):
        raise errors.invalid(
            "Cannot advance a test clock more than two intervals of its shortest subscription.",
            "frozen_time",
        )


def _arrive(world: World, identifier: str, target: int) -> None:
    world.request = {"id": None, "idempotency_key": None}
    world.play(identifier, target)
    with world.store.transaction():
        clock = world.store.get(FAMILY, identifier)
        clock |= {"frozen_time": target, "status": "ready", "status_details": {}}
        world.emit("test_helpers.test_clock.ready", clock)


def delete(world: World, call: Call) -> Json:
    """Takes its customers, and so their subscriptions, with it."""
    clock = world.require(FAMILY, call.id)
    for customer in world.store.where("customer", "test_clock", clock["id"]):
        for subscription in world.store.where("subscription", "customer", customer["id"]):
            if subscription["ended_at"] is None:
                subscription |= {"status": "canceled", "ended_at": clock["frozen_time"]}
        customer["_deleted"] = True
    world.emit("test_helpers.test_clock.deleted", clock)
    world.store.remove(FAMILY, clock["id"])
    return deleted(clock)


def index(world: World, call: Call) -> Json:
    return page(world, call.params, world.store.scan(FAMILY), call.url)


def shapes(known: Shapes) -> None:
    """Nothing in a clock is expandable."""


ROUTES = [
    Route("POST", "/v1/test_helpers/test_clocks", create, CREATE),
    Route("GET", "/v1/test_helpers/test_clocks", index, PAGE),
    Route("GET", "/v1/test_helpers/test_clocks/<id>", retrieve, {}),
    Route("DELETE", "/v1/test_helpers/test_clocks/<id>", delete, {}),
    Route("POST", "/v1/test_helpers/test_clocks/<id>/advance", advance, {"frozen_time": FROZEN}),
]
