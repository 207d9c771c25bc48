"""Units that are bought once, on top of a plan."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..holdings import LIVE, Holding
from ..tables import AccountRow, LineRow, SubscriptionRow
from .calendar import Slot
from .ledger import Kind, Ledger, Place
from .plans import slots_of_line


def grant_pack(
    tx: Session,
    account: AccountRow,
    family: str,
    subscription_id: str,
    units: int,
    source: str,
    at: datetime,
    expires_at: datetime,
) -> None:
    """Book bought units, usable in [``at``, ``expires_at``); once per ``source``, whoever calls.

    They share the fate of the line they are booked on. If that ended before they were paid, they
    stand by themselves, and last until ``expires_at`` whatever else happens.
    """
    ledger = Ledger.load(tx, account, at, lock=True)
    if ledger.find(source) is not None:
        return
    line = tx.scalars(
        select(LineRow)
        .join(SubscriptionRow, SubscriptionRow.id == LineRow.subscription_id)
        .where(SubscriptionRow.id == subscription_id, SubscriptionRow.status.in_(LIVE))
        .where(LineRow.family == family, LineRow.removed.is_(False))
    ).first()
    if line is None:
        place = Place(family, "", "", at, expires_at)
    else:
        place = Place(family, subscription_id, line.id, line.period_start, line.period_end)
    ledger.grant(source, Kind.PACK, place, Slot(0, at, expires_at), units)
    ledger.save(tx)


def pack_end(catalogue: Catalogue, held: Holding, at: datetime) -> datetime:
    """When units that are bought at ``at`` lapse: with the paid period, or at the next monthly
    reset where the plan resets monthly.
    """
    for slot in slots_of_line(catalogue, held):
        if at < slot.end:
            return slot.end
    return held.line.period_end
