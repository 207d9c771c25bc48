"""The lists: what each kind of object shows in a row, searched and cut into pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..kernel.errors import Json
from ..kernel.store import Store
from ..kernel.world import NOTIFICATION, World
from .words import items_name, moment, money, name_of

ROWS = 50
Column = Callable[[World, Json], Any]


@dataclass(frozen=True)
class Link:
    """A cell that leads to another object."""

    to: str
    text: str


@dataclass(frozen=True)
class Status:
    """A cell that shows how an object is."""

    word: str


@dataclass(frozen=True)
class Page:
    """A page of a list: `rows` are pairs of an object and its cells."""

    kind: str
    heads: tuple[str, ...]
    rows: list[tuple[Json, list[Any]]]
    found: int
    number: int
    query: str
    status: str
    statuses: list[str]

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // ROWS))

    @property
    def first(self) -> int:
        return (self.number - 1) * ROWS + 1 if self.found else 0

    @property
    def last(self) -> int:
        return min(self.number * ROWS, self.found)


def cut(world: World, kind: str, *, number: int = 1, query: str = "", status: str = "") -> Page:
    """One page of a kind, newest first; a page past the end is the last one."""
    stored = world.events() if kind == "event" else world.store.scan(kind)
    entries = [body for body in reversed(stored) if not body.get("_deleted")]
    statuses = sorted({str(body["status"]) for body in entries if body.get("status")})
    if status:
        entries = [body for body in entries if body.get("status") == status]
    if query:
        entries = [body for body in entries if matches(world.store, body, query)]
    page = Page(kind, (), [], len(entries), 1, query, status, statuses)
    number = min(max(number, 1), page.pages)
    chosen = entries[(number - 1) * ROWS : number * ROWS]
    columns = COLUMNS.get(kind, OTHER)
    rows = [(body, [column(world, body) for column in columns.values()]) for body in chosen]
    return Page(kind, tuple(columns), rows, len(entries), number, query, status, statuses)


def rows(world: World, kind: str, entries: list[Json]) -> Page:
    """These objects as a table, oldest first as they are given, on one page."""
    columns = COLUMNS.get(kind, OTHER)
    filled = [(body, [column(world, body) for column in columns.values()]) for body in entries]
    return Page(kind, tuple(columns), filled, len(entries), 1, "", "", [])


def matches(store: Store, body: Json, query: str) -> bool:
    """Whether every word of the query is in what a row says or in the ids it goes by."""
    owner = store.peek("customer", str(body.get("customer") or "")) or {}
    told = [body.get(field) for field in SEARCHED]
    told += [owner.get("id"), owner.get("name"), owner.get("email"), name_of(store, body)]
    told += concerned(body) if is_event(body) else ()
    text = " ".join(str(one) for one in told if one).lower()
    return all(word in text for word in query.lower().split())


def is_event(body: Json) -> bool:
    """Whether it is an event, of whichever form."""
    return body["object"] in ("event", NOTIFICATION)


def about(event: Json) -> Json:
    """The object that an event tells of; a notification names it only, and need not do so."""
    if event["object"] == NOTIFICATION:
        return event["related_object"] or {}
    told: Json = event["data"]["object"]
    return told


def concerned(event: Json) -> set[Any]:
    """The ids of what an event is about: its object, and what that belongs to."""
    told = about(event)
    parent = (told.get("parent") or {}).get("subscription_details") or {}
    ids = [told.get(name) for name in OWNERS] + [parent.get("subscription")]
    return {one for one in ids if isinstance(one, str)}


OWNERS = ("id", "customer", "subscription", "invoice", "payment_intent", "schedule", "charge")
SEARCHED = (
    "id",
    "name",
    "email",
    "number",
    "status",
    "type",
    "description",
    "lookup_key",
    "billing_reason",
    "url",
    "subscription",
    "invoice",
)


def _itself(world: World, body: Json) -> Link:
    return Link(body["id"], name_of(world.store, body))


def _owner(world: World, body: Json) -> Link | str:
    owner = world.store.peek("customer", str(body.get("customer") or ""))
    return Link(owner["id"], name_of(world.store, owner)) if owner else ""


def _status(_: World, body: Json) -> Status | str:
    return Status(str(body["status"])) if body.get("status") else ""


def _created(_: World, body: Json) -> str:
    return moment(body.get("created"))


def _subscriptions(world: World, customer: Json) -> Any:
    found = world.store.where("subscription", "customer", customer["id"])
    if len(found) == 1:
        return Status(found[0]["status"])
    return len(found) or ""


def _renews(_: World, subscription: Json) -> str:
    if subscription["ended_at"]:
        return f"ended {moment(subscription['ended_at'])}"
    if subscription["cancel_at"]:
        return f"ends {moment(subscription['cancel_at'])}"
    return moment(min(item["current_period_end"] for item in subscription["items"]))


def _plan(world: World, subscription: Json) -> Link:
    return Link(subscription["id"], items_name(world.store, subscription["items"]))


def _next_try(_: World, invoice: Json) -> str:
    if invoice["status"] == "draft":
        return f"finalizes {moment(invoice['automatically_finalizes_at'])}"
    return moment(invoice["next_payment_attempt"])


COLUMNS: dict[str, dict[str, Column]] = {
    "customer": {
        "Customer": _itself,
        "E-mail": lambda _, body: body["email"] or "",
        "Subscription": _subscriptions,
        "Balance": lambda _, body: money(body["balance"], body["currency"]),
        "Created": _created,
    },
    "subscription": {
        "Subscription": _plan,
        "Customer": _owner,
        "Status": _status,
        "Renews": _renews,
        "Created": _created,
    },
    "invoice": {
        "Invoice": lambda _, body: Link(body["id"], body["number"] or "draft"),
        "Customer": _owner,
        "Status": _status,
        "Total": lambda _, body: money(body["total"], body["currency"]),
        "Due": lambda _, body: money(body["amount_remaining"], body["currency"]),
        "Reason": lambda _, body: (body["billing_reason"] or "").replace("_", " "),
        "Next try": _next_try,
        "Created": _created,
    },
    "subscription_schedule": {
        "Schedule": _itself,
        "Customer": _owner,
        "Status": _status,
        "At its end": lambda _, body: body["end_behavior"],
        "Created": _created,
    },
}
OTHER: dict[str, Column] = {
    "Object": _itself,
    "Customer": _owner,
    "Status": _status,
    "Created": _created,
}
