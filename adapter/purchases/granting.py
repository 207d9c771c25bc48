"""Booking what was bought as allowance: to which plan, and until when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..allowances import grant_pack, pack_end
from ..allowances.calendar import months_after
from ..holdings import holdings_of
from ..tables import PurchaseRow


def book(tx: Session, catalogue: Catalogue, purchase: PurchaseRow, at: datetime) -> None:
    """Grant the purchase's units; ``at`` is billing time.

    They go to the plan the account is on now, which may not be the one they were ordered on. If it
    has none any more, what was paid for is still granted, for a month.
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
        expires_at=pack_end(catalogue, held, at) if held else months_after(at, 1),
    )
