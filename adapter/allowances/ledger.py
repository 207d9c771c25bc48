"""The ledger of one account: lots of units, and the entries that move them.

Read under the lock of the account's row, moved in memory, saved as new rows. A ledger that is not
saved shows what would be booked, which is how balances are read without writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from mappings import Offer

from ..locks import is_locked
from ..tables import AccountRow, AllowanceEntryRow, AllowanceLotRow
from .calendar import Slot

CLOSE = "close"

# Every store of a subscription asks these, so they are made once.
_LOCK = (
    select(AccountRow.seq)
    .where(AccountRow.seq == bindparam("account"))
    .with_for_update(key_share=True)
)
_LOTS = (
    select(AllowanceLotRow, AllowanceEntryRow.at)
    .outerjoin(
        AllowanceEntryRow,
        (AllowanceEntryRow.lot_seq == AllowanceLotRow.seq) & (AllowanceEntryRow.source == CLOSE),
    )
    .where(AllowanceLotRow.account_seq == bindparam("account"))
    .order_by(AllowanceLotRow.seq)
)
_SUMS = (
    select(AllowanceEntryRow.lot_seq, AllowanceEntryRow.kind, func.sum(AllowanceEntryRow.units))
    .where(AllowanceEntryRow.lot_seq.in_(bindparam("lots", expanding=True)))
    .group_by(AllowanceEntryRow.lot_seq, AllowanceEntryRow.kind)
)


class Kind(StrEnum):
    """What a lot is."""

    GRANT = "grant"
    BRIDGE = "bridge"
    FREE = "free"
    PACK = "pack"
    CARRIED = "carried"


class Move(StrEnum):
    """What an entry does."""

    GRANT = "grant"
    CONSUME = "consume"
    EXPIRE = "expire"
    TRANSFER = "transfer"
    CREDIT = "credit"


@dataclass
class Lot:
    """A lot with what is ``left`` and was ``used`` of it, everything booked so far counted."""

    row: AllowanceLotRow
    left: int = 0
    used: int = 0
    closed_at: datetime | None = None

    def open_at(self, at: datetime) -> bool:
        """Whether its units could be used at ``at``."""
        closed = self.closed_at is not None and self.closed_at <= at
        return self.row.starts_at <= at < self.row.expires_at and not closed

    @property
    def closed_early(self) -> bool:
        return self.closed_at is not None and self.closed_at < self.row.expires_at

    def granted_for(self, offer: Offer, quantity: int) -> bool:
        """Whether its units are what so many of ``offer`` are granted."""
        row = self.row
        named = (row.plan, row.tier, row.interval, row.quantity)
        return named == (offer.plan, offer.tier, offer.interval, quantity)


@dataclass(frozen=True)
class Place:
    """Where a lot belongs: the line (empty ids for the free plan) and its stretch of time."""

    family: str
    subscription_id: str
    item_id: str
    stretch_start: datetime
    stretch_end: datetime | None


@dataclass
class Ledger:
    """The lots of one account, in the order in which they came."""

    account_seq: int
    lots: list[Lot]
    _new: list[AllowanceLotRow | AllowanceEntryRow] = field(default_factory=list)

    @classmethod
    def load(cls, tx: Session, account: AccountRow, at: datetime, *, lock: bool) -> Ledger:
        """Everything booked so far; what was used up to ``at`` of lots that are over is left out.

        ``lock`` makes whoever else books for this account wait until this transaction ends.
        """
        mine = {"account": account.seq}
        if lock and not is_locked(tx, account.seq):
            tx.execute(_LOCK, mine)
        lots = [Lot(row, closed_at=closed) for row, closed in tx.execute(_LOTS, mine)]
        live = {lot.row.seq: lot for lot in lots if not lot.closed_at or lot.row.expires_at > at}
        for seq, kind, units in tx.execute(_SUMS, {"lots": list(live)}) if live else ():
            live[seq].left += int(units)
            live[seq].used -= int(units) if kind == Move.CONSUME else 0
        return cls(account.seq, lots)

    def of(self, family: str, subscription_id: str) -> list[Lot]:
        """The lots of one line; of the free plan for an empty id."""
        return [
            lot
            for lot in self.lots
            if lot.row.family == family and lot.row.subscription_id == subscription_id
        ]

    def find(self, source: str) -> Lot | None:
        """The lot that came from ``source``."""
        return next((lot for lot in self.lots if lot.row.source == source), None)

    def open_lot(
        self,
        source: str,
        kind: Kind,
        place: Place,
        slot: Slot,
        units: int,
        offer: Offer | None = None,
        quantity: int = 1,
    ) -> Lot:
        """A new lot without units yet; ``units`` is what will come in."""
        row = AllowanceLotRow(
            account_seq=self.account_seq,
            source=source,
            kind=kind.value,
            units=units,
            plan=offer.plan if offer else None,
            tier=offer.tier if offer else None,
            interval=offer.interval if offer else None,
            quantity=quantity,
            slot=slot.number,
            starts_at=slot.start,
            expires_at=slot.end,
            **place.__dict__,
        )
        self._new.append(row)
        lot = Lot(row)
        self.lots.append(lot)
        return lot

    def grant(
        self,
        source: str,
        kind: Kind,
        place: Place,
        slot: Slot,
        units: int,
        offer: Offer | None = None,
        quantity: int = 1,
    ) -> Lot:
        """A new lot with ``units``, usable in the time of ``slot``."""
        lot = self.open_lot(source, kind, place, slot, units, offer, quantity)
        self.move(lot, "grant", Move.GRANT, units, slot.start)
        return lot

    def close(self, lot: Lot, move: Move, at: datetime) -> int:
        """Take all that is left of ``lot``; gives how much that was. At the end of its time at the
        latest, and never before its beginning.
        """
        taken, row = lot.left, lot.row
        lot.closed_at = min(max(at, row.starts_at), row.expires_at)
        self.move(lot, CLOSE, move, -taken, lot.closed_at)
        return taken

    def consume(self, lots: Iterable[Lot], units: int, at: datetime, source: str) -> int:
        """Use ``units`` of ``lots``, those that expire first first; gives how many there were."""
        wanted = units
        usable = [lot for lot in lots if lot.open_at(at) and lot.left > 0]
        for lot in sorted(usable, key=lambda lot: lot.row.expires_at):
            used = min(lot.left, wanted)
            if used == 0:
                break
            self.move(lot, source, Move.CONSUME, -used, at)
            lot.used += used
            wanted -= used
        return units - wanted

    def move(self, lot: Lot, source: str, move: Move, units: int, at: datetime) -> None:
        """One entry; ``source`` is unique within the lot."""
        lot.left += units
        assert lot.left >= 0, f"lot {lot.row.source} would hold {lot.left}"
        self._new.append(
            AllowanceEntryRow(lot=lot.row, source=source, kind=move.value, units=units, at=at)
        )

    def save(self, tx: Session) -> None:
        """Insert what is new."""
        tx.add_all(self._new)
        tx.flush()
        self._new.clear()

    def new_entries(self) -> Sequence[AllowanceEntryRow]:
        """Entries that are not saved."""
        return [row for row in self._new if isinstance(row, AllowanceEntryRow)]
