"""Drift: what differs between what was agreed and what Stripe did. Recorded, never silence."""

from __future__ import annotations

from typing import Any

from ..gateway.snapshots import SubscriptionSnapshot
from ..holdings import ENDED
from ..tables import ChangeLineRow, ChangeRow


def drift_of(
    change: ChangeRow, line: ChangeLineRow, sub: SubscriptionSnapshot
) -> dict[str, Any] | None:
    """What differs between what was agreed and what Stripe did; None if nothing does."""
    wrong: dict[str, Any] = {}
    item = next((item for item in sub.items if item.id == line.item_id), None)
    if line.price_id is not None:
        actual = (item.price.id, item.quantity) if item else None
        if actual != (line.price_id, line.quantity):
            wrong["item"] = {"expected": [line.price_id, line.quantity], "actual": actual}
    elif sub.status not in ENDED:
        wrong["status"] = {"expected": "canceled", "actual": sub.status}
    total = sub.invoice.total if sub.invoice else None
    if change.quoted_total is not None and not _as_quoted(change, total):
        wrong["total"] = {"expected": change.quoted_total, "actual": total}
    return wrong or None


def _as_quoted(change: ChangeRow, total: int | None) -> bool:
    """A cancellation is prorated at the second it happens, so its credit may be a little less."""
    assert change.quoted_total is not None
    if total is None or change.kind != "cancel":
        return total == change.quoted_total
    return abs(total - change.quoted_total) <= 1 + abs(change.quoted_total) // 1000
