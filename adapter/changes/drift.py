"""Drift: what differs between what was agreed and what Stripe did. Recorded, never silence."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ..holdings import ENDED
from ..tables import ChangeLineRow, InvoiceRow, LineRow, SubscriptionRow


def drift_of(tx: Session, line: ChangeLineRow) -> dict[str, Any] | None:
    """What the mirror shows of an applied line that was not agreed; None if nothing does."""
    if line.price_id is None and line.subscription_id is None:
        return None  # by agreement: nothing of it is at Stripe
    sub = tx.get(SubscriptionRow, line.subscription_id or "")
    if sub is None:
        return {"subscription": {"expected": line.subscription_id, "actual": None}}
    wrong: dict[str, Any] = {}
    held = [item for item in sub.lines if not item.removed]
    if line.price_id is not None:
        actual = [[item.price_id, item.quantity] for item in held if _is_meant(line, item.family)]
        if actual != [[line.price_id, line.quantity]] or sub.status in ENDED:
            expected = [[line.price_id, line.quantity]]
            wrong["items"] = {"expected": expected, "actual": actual, "status": sub.status}
    elif sub.status not in ENDED and any(item.id == line.item_id for item in held):
        wrong["status"] = {"expected": "canceled", "actual": sub.status}
    invoice = tx.get(InvoiceRow, line.invoice_id or "")
    total = invoice.total if invoice else None
    if line.timing == "period_end":
        return wrong or None
    if line.change.quoted_total is not None and not _as_quoted(line, total):
        wrong["total"] = {"expected": line.change.quoted_total, "actual": total}
    left = tx.get(SubscriptionRow, line.moved_from or "")
    if left is not None and left.status not in ENDED:
        kept = [item.price_id for item in left.lines if _is_kept(line, item)]
        if kept:
            wrong["moved_from"] = {"expected": [], "actual": kept, "subscription": left.id}
    due = line.change.bill.get("due")
    if due is not None and not _as_due(invoice, due):
        wrong["due"] = {"expected": due, "actual": invoice.amount_due if invoice else None}
    return wrong or None


def _is_kept(line: ChangeLineRow, item: LineRow) -> bool:
    return not item.removed and item.family == line.family


def _is_meant(line: ChangeLineRow, family: str | None) -> bool:
    """An unknown price counts as well: it is not what was agreed."""
    return family in (line.family, None)


def _as_due(invoice: InvoiceRow | None, due: int) -> bool:
    """Where a plan ends and another begins in one request, the credit of the end pays first, and
    it may be a little less than quoted.
    """
    return invoice is not None and 0 <= invoice.amount_due - due <= 1 + invoice.total // 1000


def _as_quoted(line: ChangeLineRow, total: int | None) -> bool:
    """A cancellation is prorated at the second it happens, so its credit may be a little less."""
    quoted = line.change.quoted_total
    assert quoted is not None
    if total is None or line.price_id is not None:
        return total == quoted
    return abs(total - quoted) <= 1 + abs(quoted) // 1000
