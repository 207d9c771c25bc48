"""What the mirror decides about a line that waits: the verdict, before anything is moved by it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ..due import Work, is_pending
from ..holdings import ENDED, IN_FORCE
from ..tables import ChangeLineRow, SubscriptionRow
from .schedules import live_schedule
from .states import State

Verdict = tuple[State, str]


def verdict_of(tx: Session, line: ChangeLineRow, sub: SubscriptionRow) -> Verdict | None:
    """Where the mirrored subscription takes a waiting line, and why; None if it goes on waiting."""
    match State(line.state):
        case State.AWAITING_PAYMENT if line.timing == "period_end" or replaces(line):
            # It goes the way of what was ordered with it, or of the page it waits at.
            return None
        case State.AWAITING_PAYMENT:
            return _taken_back(tx, line, _awaited_payment(line, sub))
        case State.SCHEDULED if line.price_id is None:
            return _scheduled_end(tx, line, sub)
        case State.SCHEDULED:
            return _scheduled_change(line, sub)
        case _:
            return None


def replaces(line: ChangeLineRow) -> bool:
    """Whether the line belongs to an order that a page sells in the place of other lines."""
    return bool(line.change.bill["kind"] == "replace")


def may_be_ours(line: ChangeLineRow, verdict: Verdict) -> bool:
    """Whether a verdict may come from a write of our own that is under way: what is scheduled is
    about to be said anew, or what is made now is what was scheduled.
    """
    if State(line.state) is not State.SCHEDULED:
        return False
    early = line.price_id is not None and verdict[0] is State.APPLIED
    return early or verdict[0] is State.CANCELLED


def _scheduled_end(tx: Session, line: ChangeLineRow, sub: SubscriptionRow) -> Verdict | None:
    item = next((held for held in sub.lines if held.id == line.item_id), None)
    if sub.status in ENDED or item is None or item.removed:
        return State.APPLIED, "the plan ended"
    if sub.cancel_at is None and live_schedule(tx, sub) is None and sub.schedule_id is None:
        return State.CANCELLED, "the plan no longer ends"
    return None


def _scheduled_change(line: ChangeLineRow, sub: SubscriptionRow) -> Verdict | None:
    on_target = _on_target(line, sub)
    if on_target and _began(line, sub):
        return State.ACTIVATING, "the new period began"
    if sub.status in ENDED:
        return State.EXPIRED, "the subscription ended before"
    if on_target:
        return State.APPLIED, "it came about within the period, where nothing is billed for it"
    if sub.schedule_id is None:
        return State.CANCELLED, "the schedule was taken off the subscription"
    return None


def _taken_back(tx: Session, line: ChangeLineRow, verdict: Verdict | None) -> Verdict | None:
    """A payment that is not awaited any more because the caller took the change back."""
    if verdict and verdict[0] is State.EXPIRED and is_pending(tx, Work.UNDO, line.change.id):
        return State.CANCELLED, "cancelled by the caller"
    return verdict


def _awaited_payment(line: ChangeLineRow, sub: SubscriptionRow) -> Verdict | None:
    if sub.status in ENDED:
        return State.EXPIRED, "the subscription ended before the payment was made"
    on_target = _on_target(line, sub)
    if on_target and sub.pending_update_expires_at is None and sub.status in IN_FORCE:
        return State.APPLIED, "the payment succeeded"
    # Without an invoice the line waits for a page, of which the subscription knows nothing.
    if sub.pending_update_expires_at is None and not on_target and line.invoice_id is not None:
        return State.EXPIRED, "the payment was not made in time"
    return None


def _on_target(line: ChangeLineRow, sub: SubscriptionRow) -> bool:
    return any(
        item.price_id == line.price_id and item.quantity == line.quantity
        for item in sub.lines
        if not item.removed
    )


def _began(line: ChangeLineRow, sub: SubscriptionRow) -> bool:
    item = next(item for item in sub.lines if item.price_id == line.price_id and not item.removed)
    return line.effective_at is not None and item.period_start >= line.effective_at
