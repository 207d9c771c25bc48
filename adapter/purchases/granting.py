"""Booking what was bought as allowance: to which plan, and until when."""

from __future__ import annotations

import calendar
from datetime import datetime

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..allowances import grant_pack
from ..holdings import Holding, holdings_of
from ..tables import PurchaseRow


def book(tx: Session, catalogue: Catalogue, purchase: PurchaseRow, at: datetime) -> None:
    """Grant the purchase's units; ``at`` is billing time.

    They go to the plan the account is on now, which may not be the one they were ordered on, and
    last as long as its present allowance does: to the end of its period, or to the next monthly
    reset where it resets monthly.
    """
    held = next(
        (
            held
            for held in holdings_of(tx, purchase.account)
            if held.in_force and held.offer and held.offer.family == purchase.family
        ),
        None,
    )
    grant_pack(
        tx,
        purchase.account,
        purchase.family,
        held.subscription.id if held else purchase.subscription_id,
        purchase.units,
        source=f"purchase:{purchase.id}",
        at=at,
        expires_at=pack_end(catalogue, held, at) if held else month_later(at, 1),
    )


def pack_end(catalogue: Catalogue, held: Holding, at: datetime) -> datetime:
    """When units that are bought at ``at`` lapse."""
    line = held.line
    allowance = catalogue.allowance_of(held.offer) if held.offer else None
    if allowance is None or allowance.reset == "period":
        return line.period_end
    months = 1
    while (reset := month_later(line.period_start, months)) <= at:
        months += 1
    return min(reset, line.period_end)


def month_later(start: datetime, months: int) -> datetime:
    """As Stripe counts months: the same day, or the month's last (stripe-facts §3.2)."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
