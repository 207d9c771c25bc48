"""Usage: what internal services report of units used, booked once per record.

What a plan grants is used up; what a metered plan bills goes to its meter (``adapter.metering``).
The catalogue sells no overage, and the work a record tells of is done already. So a record is never
refused for want of units: what is left is used up, the rest is noted as ``over``, and the next
grant is not lowered by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue, UnknownOffer

from ..changes.open_lines import open_lines
from ..database import Database
from ..errors import Conflict, Invalid, NotFound
from ..holdings import Holding
from ..metering.booking import Meters
from ..tables import AccountRow, UsageRow
from .accrual import Accrual
from .ledger import Ledger, Lot
from .standing import current_since


@dataclass(frozen=True)
class UsageRecord:
    """``units`` of a family used ``at`` an instant (None: now), by one subscription if named.

    ``id`` is the caller's own, and unique within the account.
    """

    id: str
    family: str
    units: int
    at: datetime | None = None
    subscription: str | None = None


@dataclass(frozen=True)
class Recorded:
    """What became of a record; for one that was known already, what became of it then.

    ``over`` is the part that no allowance covered, ``balance`` what was left afterwards in the
    family, or in the subscription if one was named; both are None of what is ``metered``, that is,
    billed.
    """

    id: str
    repeated: bool
    metered: bool
    at: datetime
    units: int
    over: int | None
    balance: int | None


def record_usage(
    database: Database,
    catalogue: Catalogue,
    account: AccountRow,
    records: Sequence[UsageRecord],
    now: datetime,
    wall: datetime,
) -> list[Recorded]:
    """Book all of ``records``, in their order, or none of them. ``now`` is billing time, ``wall``
    wall time.

    Raises:
        Invalid: ``unknown_family``, ``family_without_allowance``, or ``usage_out_of_period`` if an
            instant is not in the present period, or before a metered plan began; with the path of
            the record's member.
        NotFound: the account holds no such subscription of the family.
        Conflict: ``usage_conflict``: a known id with another content; ``no_allowance_held``,
            ``no_metered_plan_held``, ``metered_plan_ending``.
    """
    for number, record in enumerate(records):
        _check_family(catalogue, record, number)
    with database.write() as tx:
        booking = _Booking(tx, catalogue, account, now)
        booking.recall(records)
        answers = [booking.book(record, number) for number, record in enumerate(records)]
        booking.save(wall)
    return answers


def _check_family(catalogue: Catalogue, record: UsageRecord, number: int) -> None:
    path = f"records[{number}].family"
    try:
        family = catalogue.family(record.family)
    except UnknownOffer as unknown:
        raise Invalid(
            "unknown_family", str(unknown), path=path, known=list(unknown.known)
        ) from unknown
    if family.size_is != "allowance" and not family.is_metered:
        raise Invalid(
            "family_without_allowance",
            f"The sizes of {family.name} are limits; nothing of them is used up.",
            path=path,
        )


class _Booking:
    """The records of one request, booked on the account's ledger under its lock."""

    def __init__(
        self, tx: Session, catalogue: Catalogue, account: AccountRow, now: datetime
    ) -> None:
        self._tx = tx
        self._catalogue = catalogue
        self._account = account
        self._now = now
        self._ledger = Ledger.load(tx, account, now, lock=True)
        changes = open_lines(tx, account)
        self._accrual = Accrual(tx, catalogue, account, self._ledger, changes, now)
        self._accrual.run()
        self._suspended = self._accrual.suspended()
        self._meters = Meters(tx, account, now)
        self._known: dict[str, UsageRow] = {}
        self._new: list[UsageRow] = []

    def recall(self, records: Sequence[UsageRecord]) -> None:
        """Find those that were booked before."""
        rows = self._tx.scalars(
            select(UsageRow).where(
                UsageRow.account_seq == self._account.seq,
                UsageRow.record_id.in_({record.id for record in records}),
            )
        )
        self._known = {row.record_id: row for row in rows}

    def book(self, record: UsageRecord, number: int) -> Recorded:
        """Book one record, unless it is known."""
        known = self._known.get(record.id)
        if known is not None:
            _refuse_other_content(known, record, number)
            return _answer(known, repeated=True)
        billed = self._meters.line(record.family, record.subscription)
        row = self._use_up(record, number) if billed is None else self._bill(billed, record, number)
        self._known[record.id] = row
        self._new.append(row)
        return _answer(row, repeated=False)

    def save(self, wall: datetime) -> None:
        """Insert what was booked."""
        self._meters.save(wall)
        self._tx.add_all(self._new)
        self._ledger.save(self._tx)

    def _use_up(self, record: UsageRecord, number: int) -> UsageRow:
        """Book on the allowances of the family."""
        if self._catalogue.family(record.family).size_is != "allowance":
            raise Conflict(
                "no_metered_plan_held",
                f"The account holds no plan of family {record.family!r} that is billed by usage "
                "and in force.",
                family=record.family,
            )
        lots = self._usable(record)
        at = self._instant(record, number, lots)
        covered = self._ledger.consume(lots, record.units, at, f"usage:{record.id}")
        left = sum(lot.left for lot in lots if lot.open_at(self._now))
        return self._row(record, at, over=record.units - covered, balance=left)

    def _bill(self, held: Holding, record: UsageRecord, number: int) -> UsageRow:
        """Book on the meter of a line that is billed by usage."""
        at = self._meters.instant(held, record.at, f"records[{number}].at")
        event = self._meters.event(held, at, record.units)
        row = self._row(record, at, over=0, balance=0)
        row.meter_event = event.id
        return row

    def _row(self, record: UsageRecord, at: datetime, *, over: int, balance: int) -> UsageRow:
        return UsageRow(
            account_seq=self._account.seq,
            record_id=record.id,
            family=record.family,
            asked_subscription=record.subscription,
            asked_at=record.at,
            at=at,
            units=record.units,
            over=over,
            balance=balance,
        )

    def _usable(self, record: UsageRecord) -> list[Lot]:
        wanted = record.subscription
        if wanted is not None and self._accrual.held(record.family, wanted) is None:
            raise NotFound.subscription(wanted)
        lots = [
            lot
            for lot in self._ledger.lots
            if lot.row.family == record.family
            and lot.row.subscription_id not in self._suspended
            and wanted in (None, lot.row.subscription_id)
        ]
        if not any(lot.open_at(self._now) for lot in lots):
            raise Conflict(
                "no_allowance_held",
                f"The account holds no plan of family {record.family!r} that is in force, so there "
                "is no allowance to use.",
                family=record.family,
                subscription=wanted,
            )
        return lots

    def _instant(self, record: UsageRecord, number: int, lots: Sequence[Lot]) -> datetime:
        if record.at is None:
            return self._now
        since = current_since([lot for lot in lots if lot.open_at(self._now)])
        if record.at > self._now or (since is not None and record.at < since):
            raise Invalid(
                "usage_out_of_period",
                "Usage is booked in the present period only, and not in advance.",
                path=f"records[{number}].at",
                since=since.isoformat() if since else None,
                now=self._now.isoformat(),
            )
        return record.at


def _refuse_other_content(known: UsageRow, record: UsageRecord, number: int) -> None:
    told = (record.family, record.subscription, record.at, record.units)
    if (known.family, known.asked_subscription, known.asked_at, known.units) != told:
        raise Conflict(
            "usage_conflict",
            f"Usage record {record.id!r} was booked with another content; nothing of this request "
            "was booked.",
            id=record.id,
            path=f"records[{number}].id",
        )


def _answer(row: UsageRow, *, repeated: bool) -> Recorded:
    if row.meter_event is not None:
        return Recorded(row.record_id, repeated, True, row.at, row.units, None, None)
    return Recorded(row.record_id, repeated, False, row.at, row.units, row.over, row.balance)
