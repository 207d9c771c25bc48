"""What becomes of the units of the plan before, when a change is applied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..holdings import Holding
from ..tables import AllowanceEntryRow, ChangeLineRow, QuoteRow
from .calendar import Slot
from .ledger import Kind, Ledger, Lot, Move
from .plans import allowance_of, place_of, slots_of_line
from .unused import not_yet_granted


class Settlement:
    """What becomes of the lots of the plan before, when ``line`` is applied at ``at``."""

    def __init__(
        self,
        tx: Session,
        catalogue: Catalogue,
        ledger: Ledger,
        line: ChangeLineRow,
        held: Holding,
        at: datetime,
    ) -> None:
        self._tx = tx
        self._catalogue = catalogue
        self._ledger = ledger
        self._line = line
        self._held = held
        self._at = at
        self._mine = ledger.of(line.family, held.subscription.id)

    def settle(self, effect: str, credited_units: int | None) -> int:
        """Close the old lots; gives how many units were used since they became money."""
        old = self._old()
        alive = [lot for lot in old if self._alive(lot)]
        for lot in old:
            if lot not in alive:
                self._ledger.close(lot, Move.EXPIRE, self._at)
        coming = not_yet_granted(old, self._boundary(alive[-1])) if alive else 0
        if effect == "credited":
            used = self._credit(alive, coming, credited_units)
            # What was credited and is not there was used, or was never booked.
            return min(used, sum(lot.used for lot in old))
        if effect == "carry_over":
            self._carry(alive, coming)
        for lot in alive:
            if not lot.closed_at:
                self._ledger.close(lot, Move.EXPIRE, self._at)
        return 0

    def _old(self) -> list[Lot]:
        """Lots that were there before; none if this line was settled already."""
        held, start = self._held, self._held.line.period_start
        assert held.offer is not None
        here = [lot for lot in self._mine if lot.row.stretch_start == start]
        new = [lot for lot in here if lot.granted_for(held.offer, held.line.quantity)]
        if any(lot.row.kind == Kind.GRANT and not lot.closed_early for lot in new):
            return []
        # The cycle went on: what was granted for the present period is old, too.
        kept = any(lot.row.kind == Kind.GRANT and not lot.closed_at for lot in here)
        return [
            lot
            for lot in self._mine
            if not lot.closed_at and (lot.row.stretch_start < start or (kept and lot not in new))
        ]

    def _boundary(self, lot: Lot) -> datetime:
        """The moment at which the old plan ended for ``lot``."""
        start = self._held.line.period_start
        return start if lot.row.stretch_start < start else self._at

    def _alive(self, lot: Lot) -> bool:
        """Whether its units could be used to the last; a change at the period's end takes over
        what ends with the period.
        """
        end = self._boundary(lot)
        at_the_end = self._line.timing == "period_end" and lot.row.expires_at == end
        return lot.row.expires_at > end or at_the_end

    def _carry(self, lots: Sequence[Lot], coming: int) -> None:
        """Into a lot that lasts as long as the new plan's first grant.

        Months that were paid and are still to come are carried, too: they are as unused as the
        rest, and nothing is lost. Heard of only after that grant has lapsed, they have lapsed, too.
        """
        total = sum(lot.left for lot in lots) + coming
        slots = slots_of_line(self._catalogue, self._held)
        slot = next((slot for slot in slots if self._at < slot.end), None)
        if total == 0 or slot is None:
            return
        slot = Slot(slot.number, self._at, slot.end)
        source = f"carried:{self._line.seq}"
        into = self._ledger.open_lot(source, Kind.CARRIED, place_of(self._held), slot, total)
        for lot in lots:
            taken = self._ledger.close(lot, Move.TRANSFER, self._at)
            self._ledger.move(into, f"from:{lot.row.source}", Move.TRANSFER, taken, self._at)
        if coming:
            self._ledger.move(into, "grant", Move.GRANT, coming, self._at)

    def _credit(self, lots: Sequence[Lot], coming: int, credited: int | None) -> int:
        """Close what became money. Packs that came after the quote did not, and are carried."""
        quoted_at = self._tx.get_one(QuoteRow, self._line.change.quote_id).created_at
        later = [lot for lot in lots if lot.row.kind == Kind.PACK and lot.row.starts_at > quoted_at]
        left = coming + self._lapsed(quoted_at)
        for lot in lots:
            if lot not in later:
                left += self._ledger.close(lot, Move.CREDIT, self._at)
        self._carry(later, 0)
        return max((left if credited is None else credited) - left, 0)

    def top_up(self) -> None:
        """Add to the bridge what the new plan grants beyond it; an empty lot if that is nothing."""
        held, line = self._held, self._line
        allowance = allowance_of(self._catalogue, held.offer)
        source = f"top_up:{line.seq}"
        if allowance is None or held.offer is None or self._ledger.find(source) is not None:
            return
        quantity = held.line.quantity
        for lot in self._mine:
            bridges = lot.row.kind == Kind.BRIDGE and lot.open_at(self._at)
            if bridges and lot.granted_for(held.offer, quantity):
                slot = Slot(lot.row.slot, self._at, lot.row.expires_at)
                more = max(allowance.units * quantity - lot.row.units, 0)
                place = place_of(held)
                self._ledger.grant(source, Kind.GRANT, place, slot, more, held.offer, quantity)

    def _lapsed(self, since: datetime) -> int:
        """Units that lapsed after ``since``, whether that is saved yet or not."""
        entry = AllowanceEntryRow
        booked = select(func.coalesce(func.sum(-entry.units), 0)).where(
            entry.lot_seq.in_([lot.row.seq for lot in self._mine]),
            entry.kind == Move.EXPIRE,
            entry.at > since,
        )
        rows = [lot.row for lot in self._mine]
        new = [one for one in self._ledger.new_entries() if one.lot in rows]
        lapsed = [one for one in new if one.kind == Move.EXPIRE and one.at > since]
        return int(self._tx.execute(booked).scalar_one()) - sum(one.units for one in lapsed)
