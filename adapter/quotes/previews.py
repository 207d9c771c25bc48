"""Asking Stripe what a bill would come to, and comparing two answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..billing import Billed, Cancel, RemoveNow
from ..changes.schedules import live_schedule, picture_of
from ..changes.schedules.compiling import Wish, schedule_params
from ..clock import to_unix
from ..errors import Misconfigured
from ..gateway.failures import Refused
from ..gateway.read import Reader
from ..gateway.snapshots import InvoiceSnapshot
from ..holdings import Holding
from ..tables import AccountRow, SubscriptionRow
from .targets import Target

LIFETIME = timedelta(minutes=15)
# A difference this large means that the clock we went by was wrong, not slow.
CLOCK_TRUST = timedelta(seconds=60)


class Previews:
    """Previews by Stripe: money never comes from our own arithmetic."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def of(
        self, account: AccountRow, bill_at: Callable[[datetime], Billed], now: datetime
    ) -> tuple[InvoiceSnapshot, datetime]:
        """The preview, and the billing time it was made at.

        Asks once more if Stripe's answer shows that our clock was wrong.
        """
        refused: Refused | None = None
        preview: InvoiceSnapshot | None = None
        try:
            preview = self._reader.preview(bill_at(now).preview())
        except Refused as failure:
            refused = failure
        seen = self._reader.billing_now(account.test_clock)
        if abs(seen - now) > CLOCK_TRUST:
            return self._reader.preview(bill_at(seen).preview()), seen
        if preview is None:
            assert refused is not None
            raise refused
        return preview, now

    def with_credit(self, bill: Billed) -> InvoiceSnapshot:
        """The preview of a bill that pays back allowance.

        Raises:
            Misconfigured: what the credit's line is about was not brought to Stripe yet.
        """
        try:
            return self._reader.preview(bill.preview())
        except Refused as refused:
            if refused.code != "resource_missing" or "product" not in (refused.param or ""):
                raise
            raise Misconfigured(
                "catalogue_not_synced",
                "What pays back unused allowance is not at Stripe yet: run 'planshift catalogue "
                "sync'.",
            ) from refused


def first_period(
    tx: Session, catalogue: Catalogue, later: Sequence[Target], now: Sequence[Target] = ()
) -> dict[str, Any] | None:
    """Preview parameters for the first invoice after ``later``, changes at the end of one period.

    None if all of it ends. ``now`` is what the same order changes at once. Over a schedule the
    preview is of that schedule with the changes in it; without one, of the renewal on the new
    prices. Another interval is previewed as if it began now, since a renewal would be cut on the
    old anchor; that of a trial is its end.
    """
    sub = _subscription(later)
    if all(one.price is None for one in later):
        return None
    wanted = {
        one.family: _wish(one) for one in (*now, *later) if one.held and one.subscription == sub.id
    }
    schedule = live_schedule(tx, sub)
    if schedule is not None and schedule.phase_start is not None:
        goal = picture_of(tx, sub.id, wanted).goal
        start = to_unix(schedule.phase_start)
        details = schedule_params(goal, schedule.phases, start, catalogue.tenant)
        del details["metadata"]
        return {"schedule": schedule.id, "schedule_details": details}
    items = [_item(one) for one in (*now, *later) if one.subscription == sub.id]
    changed: dict[str, Any] = {"items": items, "proration_behavior": "none"}
    if any(one.reanchors and not one.trialing for one in later):
        changed["billing_cycle_anchor"] = {"type": "now"}
    if sub.cancel_at is not None:
        changed |= (
            {"cancel_at_period_end": False} if sub.cancel_at_period_end else {"cancel_at": ""}
        )
    return {"subscription": sub.id, "subscription_details": changed}


def _subscription(later: Sequence[Target]) -> SubscriptionRow:
    held = later[0].held
    assert held is not None, "only something held can be changed at its period's end"
    return held.subscription


def _goes_on(target: Target) -> bool:
    """Whether there is a line for it on its subscription when the period ends."""
    moves = target.at_a_page and target.decision.timing == "now"
    return target.price is not None and not moves


def _wish(target: Target) -> Wish:
    assert target.held is not None
    price = target.price if _goes_on(target) else None
    return Wish(
        item_price=target.held.line.price_id,
        price=price.id if price else None,
        quantity=target.quantity,
        interval=target.offer.interval if target.offer and price else None,
        reanchors=target.reanchors and price is not None,
        change="preview",
    )


def _item(target: Target) -> dict[str, Any]:
    item = {"id": target.held.line.id} if target.held else {}
    if not _goes_on(target) or target.price is None:
        return {**item, "deleted": True}
    return {**item, "price": target.price.id, "quantity": target.quantity}


def same_money(
    bill: Billed, now: Sequence[Target], quoted: Mapping[str, Any], preview: InvoiceSnapshot
) -> bool:
    """Whether a second preview says what the quote said."""
    total: int = quoted["total"]["amount"]
    if isinstance(bill, Cancel | RemoveNow):
        return only_melted(now, total, preview.total)
    return preview.total == total


def only_melted(ending: Sequence[Target], quoted: int, total: int) -> bool:
    """Whether the total of an ending is as ``quoted``, but for the time since.

    An ending has no proration date (Stripe prorates at the second it happens), so its credit melts
    while the quote is read; it may have melted by what the quote's lifetime explains.
    """
    worth = sum(_worth_of_a_lifetime(one.held) for one in ending if one.held is not None)
    return 0 <= total - quoted <= worth + 1


def _worth_of_a_lifetime(held: Holding) -> float:
    """What of a line a quote's lifetime uses up, in minor units."""
    period = (held.line.period_end - held.line.period_start).total_seconds()
    worth = (held.line.unit_amount or 0) * held.line.quantity
    return worth * LIFETIME.total_seconds() / period
