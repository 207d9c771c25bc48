"""What can be looked at: the overview, lists, single objects, events, knobs and switches."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from ..billing.cards import CARDS
from ..billing.hosted_payment import waiting_intent
from ..box import Sandbox
from ..kernel.delivery import Delivery
from ..kernel.errors import Json
from ..kernel.faults import KINDS
from ..kernel.habits import Habits
from ..switchboard import show, switchboard
from .screen import MENU, Screen, find
from .tables import ROWS, Page, about, concerned, cut, is_event, rows
from .timeline import of_schedule, of_subscription
from .words import price_name

NEWEST, LATEST = 8, 20


@dataclass(frozen=True)
class Heard:
    """An event with its way to every endpoint."""

    event: Json
    deliveries: list[Delivery]

    @property
    def about(self) -> Json:
        return about(self.event)


def views(room: Blueprint, box: Sandbox, screen: Screen) -> None:
    """The routes that only read."""
    _overview(room, box, screen)
    _objects(room, box, screen)
    _knobs(room, box, screen)


def _overview(room: Blueprint, box: Sandbox, screen: Screen) -> None:
    world = box.world

    @room.get("/")
    def home() -> ResponseReturnValue:
        with box.lock:
            recent = {kind: _newest(box, kind) for kind in MENU}
            return screen.show(
                "home.html",
                counts=world.store.families(),
                recent=recent,
                schedules=[
                    (body, of_schedule(world, body))
                    for body, _ in recent["subscription_schedule"].rows
                ],
                heard=_heard(box, world.events()[: -NEWEST - 1 : -1]),
                endpoints=world.store.scan("webhook_endpoint"),
                cards=CARDS,
            )

    @room.get("/dashboard/search")
    def search() -> ResponseReturnValue:
        query = request.args.get("q", "").strip()
        with box.lock:
            if find(box, query) is not None:
                return redirect(f"/dashboard/objects/{query}", 303)
            kinds = [kind for kind in world.store.families() if kind != "event"] + ["event"]
            found = [cut(world, kind, query=query) for kind in kinds] if query else []
            return screen.show("search.html", query=query, found=[one for one in found if one.rows])

    @room.get("/dashboard/events")
    def events() -> ResponseReturnValue:
        with box.lock:
            page = _cut(box, "event")
            heard = _heard(box, [body for body, _ in page.rows])
            return screen.show("events.html", page=page, heard=heard)

    @room.get("/dashboard/everything")
    def everything() -> ResponseReturnValue:
        return screen.show("everything.html", counts=world.store.families())


def _objects(room: Blueprint, box: Sandbox, screen: Screen) -> None:
    world = box.world

    @room.get("/dashboard/lists/<kind>")
    def listing(kind: str) -> ResponseReturnValue:
        with box.lock:
            if kind.startswith("_") or (kind not in MENU and kind not in world.store.families()):
                return screen.missing(f"kind of object called {kind}")
            page = _cut(box, kind)
            lines = {}
            if kind == "subscription_schedule":
                lines = {body["id"]: of_schedule(world, body) for body, _ in page.rows}
            return screen.show("list.html", page=page, lines=lines, cards=CARDS)

    @room.get("/dashboard/objects/<identifier>")
    def one(identifier: str) -> ResponseReturnValue:
        with box.lock:
            body = find(box, identifier)
            if body is None:
                return screen.missing(f"object {identifier}")
            return screen.show("object.html", body=body, **_around(box, body))


def _knobs(room: Blueprint, box: Sandbox, screen: Screen) -> None:
    @room.get("/dashboard/knobs")
    def knobs() -> ResponseReturnValue:
        with box.lock:
            endpoints = box.world.store.scan("webhook_endpoint")
            owners: list[Json | None] = [None, *endpoints]
            return screen.show(
                "knobs.html",
                kinds=KINDS,
                faults=box.faults.planned,
                slow=box.latency.planned,
                habits=[
                    (owner, asdict(box.delivery.habits(owner["id"] if owner else None)))
                    for owner in owners
                ],
                usual=asdict(Habits()),
            )

    @room.get("/dashboard/switches")
    def switches() -> ResponseReturnValue:
        held = asdict(box.switches)
        board = [(one, show(held[one.name]), show(one.default)) for one in switchboard().values()]
        return screen.show("switches.html", board=board)


def _cut(box: Sandbox, kind: str) -> Page:
    asked = request.args
    return cut(
        box.world,
        kind,
        number=asked.get("page", 1, type=int),
        query=asked.get("q", "").strip(),
        status=asked.get("status", ""),
    )


def _newest(box: Sandbox, kind: str) -> Page:
    found = [one for one in box.world.store.scan(kind)[-NEWEST:] if not one.get("_deleted")]
    return rows(box.world, kind, found[::-1])


def _heard(box: Sandbox, events: list[Json]) -> list[Heard]:
    ways: dict[str, list[Delivery]] = {event["id"]: [] for event in events}
    for delivery in box.delivery.log:
        if delivery.event in ways:
            ways[delivery.event].append(delivery)
    return [Heard(event, ways[event["id"]]) for event in events]


def _around(box: Sandbox, body: Json) -> dict[str, Any]:
    """What is shown beside an object: what belongs to it, its events, what can be done."""
    world, store = box.world, box.world.store
    identifier, kind = body["id"], body["object"]
    owned = {
        family: rows(world, family, found[: -ROWS - 1 : -1])
        for family, field in OWNED.get(kind, ())
        if (found := store.where(family, field, identifier))
    }
    telling = [one for one in reversed(world.events()) if identifier in concerned(one)]
    line = None
    if kind == "subscription":
        line = of_subscription(world, body)
    elif kind == "subscription_schedule" and body["phases"]:
        line = of_schedule(world, body)
    return {
        "kind": "event" if is_event(body) else kind,
        "shown": world.render(body),
        "owned": owned,
        "line": line,
        "heard": _heard(box, [body] if is_event(body) else telling[:LATEST]),
        "heard_of": len(telling),
        "cards": CARDS,
        "prices": _prices(box) if kind == "customer" else [],
        "challenged": waiting_intent(world, body) if kind == "invoice" else None,
    }


OWNED = {
    "customer": (
        ("subscription", "customer"),
        ("subscription_schedule", "customer"),
        ("invoice", "customer"),
        ("payment_method", "customer"),
        ("checkout.session", "customer"),
        ("customer_balance_transaction", "customer"),
    ),
    "subscription": (("invoice", "_subscription"), ("subscription_schedule", "subscription")),
    "invoice": (("invoice_payment", "invoice"), ("credit_note", "invoice")),
    "payment_intent": (("charge", "payment_intent"),),
    "test_helpers.test_clock": (("customer", "test_clock"),),
}


def _prices(box: Sandbox) -> list[tuple[str, str]]:
    """What a subscription may be started with: licensed prices that are for sale."""
    store = box.world.store
    return [
        (price["id"], price_name(store, price["id"]))
        for price in store.scan("price")
        if price["active"] and (price["recurring"] or {}).get("usage_type") == "licensed"
    ]
