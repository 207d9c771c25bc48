"""How an open line comes to its end when the mirror shows what it waited for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..holdings import ENDED, IN_FORCE, display_name
from ..notices.outbox import Kind, queue
from ..prices import offer_from_dict
from ..tables import AccountRow, ChangeLineRow, SubscriptionRow
from .states import State, move


def settle(
    tx: Session, catalogue: Catalogue, account: AccountRow, sub: SubscriptionRow, now: datetime
) -> None:
    """Move every waiting line of ``sub`` that the mirrored subscription decides.

    Lines that are still executing belong to whoever executes them and are left alone.
    """
    waiting = tx.scalars(
        select(ChangeLineRow).where(
            ChangeLineRow.subscription_id == sub.id,
            ChangeLineRow.state.in_((State.AWAITING_PAYMENT, State.SCHEDULED)),
        )
    )
    for line in waiting.all():
        ending = line.change.kind == "cancel"
        verdict = _scheduled_end(sub) if ending else _awaited_payment(line, sub)
        if verdict is None or line.state not in (State.AWAITING_PAYMENT, State.SCHEDULED):
            continue
        state, cause = verdict
        finish(tx, catalogue, account, line, state, cause, now)


def finish(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    line: ChangeLineRow,
    state: State,
    cause: str,
    now: datetime,
) -> None:
    """Move ``line`` and queue the notice that goes with where it went."""
    if not move(tx, line, state, cause, now):
        return
    occasion = f"{line.change.id}:{line.family}:{state.value}"
    if state is State.APPLIED and line.change.kind != "cancel":
        queue(tx, account, Kind.PLAN_CHANGED, occasion, notice_facts(catalogue, line), now)
    if state is State.AWAITING_PAYMENT:
        facts = {**notice_facts(catalogue, line), "pay_url": line.payment_url}
        queue(tx, account, Kind.ACTION_REQUIRED, occasion, facts, now)


def notice_facts(catalogue: Catalogue, line: ChangeLineRow) -> dict[str, object]:
    """What a notice about a change says of it."""
    old = offer_from_dict(line.from_offer) if line.from_offer else None
    new = offer_from_dict(line.to_offer) if line.to_offer else None
    return {
        "change": line.change.id,
        "from": display_name(catalogue, old),
        "to": display_name(catalogue, new),
        "effective_at": line.effective_at.isoformat() if line.effective_at else None,
    }


def _scheduled_end(sub: SubscriptionRow) -> tuple[State, str] | None:
    if sub.status in ENDED:
        return State.APPLIED, "the subscription ended"
    if sub.cancel_at is None:
        return State.CANCELLED, "the subscription no longer ends"
    return None


def _awaited_payment(line: ChangeLineRow, sub: SubscriptionRow) -> tuple[State, str] | None:
    if sub.status in ENDED:
        return State.EXPIRED, "the subscription ended before the payment was made"
    item = next((item for item in sub.lines if item.price_id == line.price_id), None)
    on_target = item is not None and not item.removed and item.quantity == line.quantity
    if on_target and sub.pending_update_expires_at is None and sub.status in IN_FORCE:
        return State.APPLIED, "the payment succeeded"
    if sub.pending_update_expires_at is None and not on_target:
        return State.EXPIRED, "the payment was not made in time"
    return None
