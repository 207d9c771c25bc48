"""What the mirror has of a subscription, and what its scheduled lines come to together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...clock import to_unix
from ...errors import Conflict
from ...gateway.snapshots import LIVE_SCHEDULE
from ...prices import offer_from_dict
from ...tables import ChangeLineRow, LineRow, ScheduleRow, SubscriptionRow
from ..states import State
from .compiling import Goal, Item, Wish, compile_goal, current_phase


@dataclass(frozen=True)
class Picture:
    """A subscription as the mirror has it, with what is scheduled on it."""

    subscription: str
    cancel_at: datetime | None
    at_period_end: bool
    schedule: ScheduleRow | None
    goal: Goal


def picture_of(
    tx: Session,
    subscription: str,
    wanted: Mapping[str, Wish] | None = None,
    *,
    adding: Sequence[ChangeLineRow] = (),
    without: Sequence[ChangeLineRow] = (),
) -> Picture:
    """The picture with ``adding`` in the place of what is scheduled for their families, and without
    the lines that are being taken back. ``wanted`` are mere wishes, by family.
    """
    sub = tx.get_one(SubscriptionRow, subscription)
    lines = [line for line in sub.lines if not line.removed]
    new = dict(wanted or {}) | {line.family: _wish(line, lines) for line in adding}
    back = {line.seq for line in without}
    scheduled = [
        _wish(line, lines)
        for line in scheduled_on(tx, subscription)
        if line.seq not in back and line.family not in new
    ]
    wishes = [wish for wish in (*scheduled, *new.values()) if wish is not None]
    items = [
        Item(line.price_id, None if line.meter_id else line.quantity, line.tags) for line in lines
    ]
    interval = next((line.interval for line in lines), None)
    return Picture(
        subscription,
        sub.cancel_at,
        sub.cancel_at_period_end,
        live_schedule(tx, sub),
        compile_goal(items, wishes, interval),
    )


def scheduled_on(tx: Session, subscription: str) -> list[ChangeLineRow]:
    """The scheduled lines of a subscription."""
    return list(
        tx.scalars(
            select(ChangeLineRow)
            .where(ChangeLineRow.subscription_id == subscription)
            .where(ChangeLineRow.state == State.SCHEDULED.value)
            .order_by(ChangeLineRow.seq)
        )
    )


def is_scheduled(line: ChangeLineRow, sub: SubscriptionRow) -> bool:
    """Whether a line is scheduled on ``sub``."""
    return line.subscription_id == sub.id and State(line.state) is State.SCHEDULED


def our_end(tx: Session, sub: SubscriptionRow) -> bool:
    """Whether the end a subscription is set to was set from here, by a change replaced since.

    An end that the customer or an operator set elsewhere is theirs to take back.
    """
    if sub.cancel_at is None:
        return False
    replaced = tx.scalars(
        select(ChangeLineRow.seq)
        .where(ChangeLineRow.subscription_id == sub.id, ChangeLineRow.price_id.is_(None))
        .where(ChangeLineRow.state == State.SUPERSEDED.value)
        .where(ChangeLineRow.effective_at == sub.cancel_at)
        .limit(1)
    )
    return replaced.first() is not None


def live_schedule(tx: Session, sub: SubscriptionRow) -> ScheduleRow | None:
    """The schedule that carries a subscription, as mirrored."""
    row = tx.get(ScheduleRow, sub.schedule_id or "")
    return row if row is not None and row.status in LIVE_SCHEDULE else None


def _wish(line: ChangeLineRow, held: Sequence[LineRow]) -> Wish | None:
    """None if the item it is about is gone: then there is nothing left to change."""
    item = next((item for item in held if item.id == line.item_id), None)
    if item is None:
        return None
    offer = offer_from_dict(line.to_offer) if line.to_offer else None
    interval = offer.interval if offer and line.price_id else None
    return Wish(
        item_price=item.price_id,
        price=line.price_id,
        quantity=line.quantity,
        interval=interval,
        reanchors=interval is not None and interval != item.interval,
        change=line.change.id,
    )


def follow(tx: Session, schedule: ScheduleRow) -> None:
    """A phase whose end was moved at Stripe moves what is scheduled for it."""
    moment = _next_phase_at(schedule)
    if moment is None or schedule.subscription_id is None:
        return
    for line in scheduled_on(tx, schedule.subscription_id):
        line.effective_at = moment
    tx.flush()


def follow_end(tx: Session, sub: SubscriptionRow, lines: Sequence[ChangeLineRow]) -> None:
    """An end that Stripe dates otherwise than was expected here moves what is scheduled for it:
    the mirror may not have heard of the present period when it was ordered.
    """
    if sub.cancel_at is None or sub.schedule_id is not None:
        return
    for line in lines:
        if is_scheduled(line, sub) and line.price_id is None:
            line.effective_at = sub.cancel_at
    tx.flush()


def _next_phase_at(schedule: ScheduleRow) -> datetime | None:
    """When the present phase of a live schedule ends, if something comes after it."""
    if schedule.status not in LIVE_SCHEDULE or schedule.phase_start is None:
        return None
    start = to_unix(schedule.phase_start)
    later = [phase for phase in schedule.phases if phase["start_date"] > start]
    if not later and schedule.end_behavior != "cancel":
        return None
    return datetime.fromtimestamp(current_phase(schedule.phases, start)["end_date"], UTC)


def refuse_foreign(schedule: ScheduleRow | None) -> None:
    """A schedule that somebody else made, of things we do not sell, is never written over.

    Raises: Conflict ``foreign_schedule``.
    """
    if schedule is None or schedule.tagged or schedule.mapped:
        return
    raise Conflict(
        "foreign_schedule",
        f"Subscription {schedule.subscription_id} follows schedule {schedule.id}, which was made "
        "elsewhere and holds prices that are not in the catalogue. Release it at Stripe first.",
        subscription=schedule.subscription_id,
        schedule=schedule.id,
    )
