"""Cursors: the number of the last row of a page, opaque to callers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from adapter.errors import Invalid

Row = TypeVar("Row")


def cursor(after: str | None) -> int:
    """The row number a cursor stands for; 0 for the beginning. Raises Invalid."""
    if after is None:
        return 0
    # Longer numbers than a row can have would not fit the database's integers.
    if not after.isdecimal() or len(after) > 18:
        raise Invalid("invalid_cursor", "Use the 'next' of the page before.", path="after")
    return int(after)


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
