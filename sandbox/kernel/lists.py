"""List pages: newest first, cursors by id, limit 1 to 100 (Stripe docs: pagination)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .errors import Json, invalid, no_such
from .fields import Fields, any_of, integer, moment, record, text

if TYPE_CHECKING:
    from .world import World

PAGE: Fields = {
    "limit": integer(least=1, most=100),
    "starting_after": text(),
    "ending_before": text(),
}
RANGE = any_of(
    integer(),
    record({name: moment(words=()) for name in ("gt", "gte", "lt", "lte")}),
)


def page(world: World, params: Json, entries: Iterable[Json], url: str) -> Json:
    """One page of `entries` (given oldest first) as a list object."""
    ordered = sorted(entries, key=lambda body: -int(body["_seq"]))
    window, more = cut(params, ordered)
    return {
        "object": "list",
        "data": [world.render(body) for body in window],
        "has_more": more,
        "url": url,
    }


def cut(params: Json, ordered: list[Json]) -> tuple[list[Json], bool]:
    limit = params.get("limit") or 10
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("You cannot use both starting_after and ending_before.", "ending_before")
    if before:
        stop = _position(ordered, before, "ending_before")
        start = max(0, stop - limit)
        return ordered[start:stop], start > 0
    start = _position(ordered, after, "starting_after") + 1 if after else 0
    return ordered[start : start + limit], len(ordered) > start + limit


def _position(ordered: list[Json], identifier: str, param: str) -> int:
    for index, body in enumerate(ordered):
        if body["id"] == identifier:
            return index
    raise no_such("object", identifier, param)


def within(params: Json, name: str, value: int | None) -> bool:
    """Whether a value passes a range filter such as `created[gte]`."""
    wanted = params.get(name)
    if wanted is None:
        return True
    if value is None:
        return False
    if isinstance(wanted, int):
        return value == wanted
    checks = {
        "gt": lambda edge: value > edge,
        "gte": lambda edge: value >= edge,
        "lt": lambda edge: value < edge,
        "lte": lambda edge: value <= edge,
    }
    return all(checks[key](edge) for key, edge in wanted.items())
