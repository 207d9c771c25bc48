"""List pages: newest first, cursors by id, limit 1 to 100 (Stripe docs: pagination)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from .errors import Json, invalid, no_such
from .fields import Fields, any_of, integer, moment, record, text

if TYPE_CHECKING:
    from .world import World

Keep = Callable[[Json], bool]

PAGE: Fields = {
    "limit": integer(least=1, most=100),
    "starting_after": text(),
    "ending_before": text(),
}
RANGE = any_of(
    integer(),
    record({name: moment(words=()) for name in ("gt", "gte", "lt", "lte")}),
)


def page(
    world: World, params: Json, entries: Sequence[Json], url: str, keep: Keep = lambda _: True
) -> Json:
    """One page of those `entries` (given oldest first) that `keep` accepts, as a list object.

    Only as many are looked at as the page needs, so that walking a long list stays cheap.
    """
    window, more = cut(params, entries[::-1], keep)
    return {
        "object": "list",
        "data": [world.render(body) for body in window],
        "has_more": more,
        "url": url,
    }


def cut(
    params: Json, ordered: Sequence[Json], keep: Keep = lambda _: True
) -> tuple[list[Json], bool]:
    """The page of an already ordered list, and whether more follows in the same direction."""
    limit = params.get("limit") or 10
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("You cannot use both starting_after and ending_before.", "ending_before")
    if before:
        stop = _position(ordered, before, "ending_before")
        found = _take(reversed(ordered[:stop]), keep, limit + 1)
        return found[:limit][::-1], len(found) > limit
    start = _position(ordered, after, "starting_after") + 1 if after else 0
    found = _take((ordered[at] for at in range(start, len(ordered))), keep, limit + 1)
    return found[:limit], len(found) > limit


def _take(entries: Iterable[Json], keep: Keep, most: int) -> list[Json]:
    return list(islice((body for body in entries if keep(body)), most))


def _position(ordered: Sequence[Json], identifier: str, param: str) -> int:
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
