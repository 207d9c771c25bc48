"""How allowances stand at an instant: one function for any of them, past, present or to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..changes.open_lines import open_lines
from ..tables import AccountRow, AllowanceEntryRow, AllowanceLotRow, UsageRow
from .accrual import Accrual
from .ledger import Kind, Ledger, Lot, Move
from .unused import not_yet_granted


@dataclass(frozen=True)
class LotStanding:
    """An open lot at the instant asked about. ``suspended``: its subscription is not in force, so
    its units wait.
    """

    row: AllowanceLotRow
    granted: int
    used: int
    left: int
    suspended: bool


@dataclass(frozen=True)
class Standing:
    """One family at an instant, in units. ``over`` was used since ``since`` without an allowance
    to cover it; ``next_expiry`` is when the first units that are left lapse.
    """

    family: str
    left: int
    granted: int
    used: int
    over: int
    not_yet_granted: int
    since: datetime | None
    next_expiry: datetime | None
    lots: Sequence[LotStanding]


def standings(
    tx: Session, catalogue: Catalogue, account: AccountRow, now: datetime, at: datetime
) -> list[Standing]:
    """Every family with an allowance, as it stands at ``at``. Writes nothing.

    ``now`` is the present; an instant after it shows what is left now of what is still open then,
    with the grants that are due until then by what is known now.
    """
    ledger = Ledger.load(tx, account, now, lock=False)
    accrual = Accrual(tx, catalogue, account, ledger, open_lines(tx, account), max(now, at))
    accrual.run()
    suspended = accrual.suspended() if at >= now else set()
    sums = _sums(tx, ledger, at)
    return [
        _standing(tx, account, family.id, ledger, sums, suspended, at)
        for family in catalogue.families.values()
        if family.size_is == "allowance"
    ]


def _standing(
    tx: Session,
    account: AccountRow,
    family: str,
    ledger: Ledger,
    sums: dict[tuple[str, str], int],
    suspended: set[str],
    at: datetime,
) -> Standing:
    open_lots = [lot for lot in ledger.lots if lot.row.family == family and lot.open_at(at)]
    lots = [_lot(lot, sums, suspended) for lot in open_lots if lot.row.units > 0]
    usable = [lot for lot in lots if not lot.suspended]
    since = current_since(open_lots)
    return Standing(
        family=family,
        left=sum(lot.left for lot in usable),
        granted=sum(lot.granted for lot in usable),
        used=sum(lot.used for lot in usable),
        over=_over(tx, account, family, since, at) if since else 0,
        not_yet_granted=_coming(open_lots, suspended, at),
        since=since,
        next_expiry=min((lot.row.expires_at for lot in usable if lot.left), default=None),
        lots=lots,
    )


def current_since(lots: Sequence[Lot]) -> datetime | None:
    """When the present stretch of the plans that hold these open ``lots`` began."""
    plans = [lot for lot in lots if lot.row.kind in (Kind.GRANT, Kind.BRIDGE, Kind.FREE)]
    return min((lot.row.starts_at for lot in plans), default=None)


def _coming(lots: Sequence[Lot], suspended: set[str], at: datetime) -> int:
    by_subscription = defaultdict(list)
    for lot in lots:
        by_subscription[lot.row.subscription_id].append(lot)
    return sum(
        not_yet_granted(mine, at)
        for subscription, mine in by_subscription.items()
        if subscription not in suspended
    )


def _lot(lot: Lot, sums: dict[tuple[str, str], int], suspended: set[str]) -> LotStanding:
    source, came = lot.row.source, (Move.GRANT, Move.TRANSFER)
    moved = {move: sums.get((source, move), 0) for move in Move}
    return LotStanding(
        lot.row,
        granted=sum(moved[move] for move in came),
        used=-moved[Move.CONSUME],
        left=sum(moved.values()),
        suspended=lot.row.subscription_id in suspended,
    )


def _sums(tx: Session, ledger: Ledger, at: datetime) -> dict[tuple[str, str], int]:
    """What was moved up to ``at``, by lot and kind of entry, saved or not."""
    lot, entry = AllowanceLotRow, AllowanceEntryRow
    booked = (
        select(lot.source, entry.kind, func.sum(entry.units))
        .join(entry.lot)
        .where(lot.account_seq == ledger.account_seq)
        .where(lot.starts_at <= at, lot.expires_at > at, entry.at <= at)
        .group_by(lot.source, entry.kind)
    )
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for source, kind, units in tx.execute(booked):
        sums[source, kind] += int(units)
    for new in ledger.new_entries():
        if new.at <= at:
            sums[new.lot.source, new.kind] += new.units
    return sums


def _over(tx: Session, account: AccountRow, family: str, since: datetime, at: datetime) -> int:
    over = select(func.coalesce(func.sum(UsageRow.over), 0)).where(
        UsageRow.account_seq == account.seq,
        UsageRow.family == family,
        UsageRow.at >= since,
        UsageRow.at <= at,
    )
    return int(tx.execute(over).scalar_one())
