"""Cursors: the number of the last row of a page, opaque to callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from adapter.errors import Invalid


class Numbered(Protocol):
    """A row that has a place among all of its kind."""

    @property
    def seq(self) -> int: ...


Row = TypeVar("Row")
NumberedRow = TypeVar("NumberedRow", bound=Numbered)


def _cursor(after: str | None) -> int:
    """The row number a cursor stands for; 0 for the beginning. Raises Invalid."""
    if after is None:
        return 0
    # Longer numbers than a row can have would not fit the database's integers.
    if not after.isdecimal() or len(after) > 18:
        raise Invalid("invalid_cursor", "Use the 'next' of the page before.", path="after")
    return int(after)


def listed(
    query: Mapping[str, Any],
    rows: Callable[[int, int], Sequence[NumberedRow]],
    show: Callable[[NumberedRow], Any],
) -> dict[str, Any]:
    """The page of numbered rows that ``query`` asks for; ``rows`` finds them, given the number of
    the row before and how many to take. Raises Invalid.
    """
    limit: int = query["limit"]
    return page(rows(_cursor(query["after"]), limit + 1), limit, lambda row: row.seq, show)


def page(
    rows: Sequence[Row], limit: int, key: Callable[[Row], object], show: Callable[[Row], Any]
) -> dict[str, Any]:
    """A page made of one row more than ``limit``, by which it knows whether there is more."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {
        "data": [show(row) for row in shown],
        "next": str(key(shown[-1])) if more and shown else None,
    }
