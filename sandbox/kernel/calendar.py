"""Billing dates on an anchor: UTC; month anchors clamp to the month's end (stripe-facts §3.2)."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from functools import lru_cache

DAY = 86_400
FIXED = {"day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, interval: str, count: int, k: int) -> int:
    """The k-th period boundary after the anchor (k may be negative).

    Each is computed from the anchor and not from its neighbour: 31 Jan, 28 Feb, 31 Mar.
    """
    if interval in FIXED:
        return anchor + k * count * FIXED[interval]
    base = datetime.fromtimestamp(anchor, UTC)
    month_index = base.year * 12 + base.month - 1 + k * count * MONTHS[interval]
    year, month = divmod(month_index, 12)
    day = min(base.day, monthrange(year, month + 1)[1])
    return int(base.replace(year=year, month=month + 1, day=day).timestamp())


@lru_cache(maxsize=65_536)
def period_at(anchor: int, interval: str, count: int, t: int) -> tuple[int, int]:
    """The period [start, end) that holds the moment t, cut on the anchor."""
    k = _guess(anchor, interval, count, t)
    while boundary(anchor, interval, count, k) > t:
        k -= 1
    while boundary(anchor, interval, count, k + 1) <= t:
        k += 1
    return boundary(anchor, interval, count, k), boundary(anchor, interval, count, k + 1)


def _guess(anchor: int, interval: str, count: int, t: int) -> int:
    if interval in FIXED:
        return (t - anchor) // (FIXED[interval] * count)
    a, b = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(t, UTC)
    months = (b.year - a.year) * 12 + b.month - a.month
    return months // (MONTHS[interval] * count)


def human_date(moment: int) -> str:
    """`10 Nov 2025`, as in Stripe's proration descriptions."""
    value = datetime.fromtimestamp(moment, UTC)
    return f"{value.day:02d} {value.strftime('%b %Y')}"


def rfc3339(moment: int) -> str:
    """How the v2 API writes a moment: `2026-11-10T18:29:11.000Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
