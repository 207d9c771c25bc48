"""Asking Stripe what a bill would come to, and comparing two answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..billing import Billed
from ..changes.schedules import live_schedule, picture_of
from ..changes.schedules.compiling import Wish, schedule_params
from ..clock import to_unix
from ..errors import Misconfigured
from ..gateway.failures import Refused
from ..gateway.read import Reader
from ..gateway.snapshots import InvoiceSnapshot
from ..tables import AccountRow
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


def first_period(tx: Session, catalogue: Catalogue, target: Target) -> dict[str, Any] | None:
    """Preview parameters for the invoice of the first period after a change at the period's end.

    None if the plan ends. Over a schedule the preview is of that schedule with the change in it;
    without one, of the renewal on the new price. Another interval is previewed as if it began now,
    since a renewal would be cut on the old anchor; that of a trial is its end.
    """
    held, price = target.held, target.price
    if held is None or price is None or held.offer is None:
        return None
    sub = held.subscription
    schedule = live_schedule(tx, sub)
    if schedule is not None and schedule.phase_start is not None:
        wish = Wish(
            item_price=held.line.price_id,
            price=price.id,
            quantity=target.quantity,
            interval=target.offer.interval if target.offer else None,
            reanchors=target.reanchors,
            change="preview",
        )
        goal = picture_of(tx, sub.id, wish, family=held.offer.family).goal
        start = to_unix(schedule.phase_start)
        details = schedule_params(goal, schedule.phases, start, catalogue.tenant)
        del details["metadata"]
        return {"schedule": schedule.id, "schedule_details": details}
    item = {"id": held.line.id, "price": price.id, "quantity": target.quantity}
    changed: dict[str, Any] = {"items": [item], "proration_behavior": "none"}
    if target.reanchors and not target.trialing:
        changed["billing_cycle_anchor"] = {"type": "now"}
    if sub.cancel_at is not None:
        changed |= (
            {"cancel_at_period_end": False} if sub.cancel_at_period_end else {"cancel_at": ""}
        )
    return {"subscription": sub.id, "subscription_details": changed}


def same_money(target: Target, quoted: dict[str, Any], preview: InvoiceSnapshot) -> bool:
    """Whether a second preview says what the quote said."""
    if target.price is not None:
        return bool(preview.total == quoted["total"]["amount"])
    return only_melted(target, quoted["total"]["amount"], preview.total)


def only_melted(target: Target, quoted: int, total: int) -> bool:
    """Whether the total of an ending is as ``quoted``, but for the time since.

    An ending has no proration date (Stripe prorates at the second it happens), so its credit melts
    while the quote is read; it may have melted by what the quote's lifetime explains.
    """
    held = target.held
    assert held is not None
    period = (held.line.period_end - held.line.period_start).total_seconds()
    worth = (held.line.unit_amount or 0) * held.line.quantity
    return 0 <= total - quoted <= worth * LIFETIME.total_seconds() / period + 1
