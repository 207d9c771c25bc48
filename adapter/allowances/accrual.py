"""Accrual: bringing a ledger up to what the mirror shows at an instant.

It compares and adds what is missing, so it may run at any time and as often as anybody likes. It
knows nothing of events: a line in force has a lot for every stretch of its period that has begun,
an ended line has no open lots, and a family without a line in force has its free plan's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from mappings import Allowance, Catalogue, Family, Offer

from ..changes.states import OPEN, State
from ..clock import to_unix
from ..holdings import ENDED, Holding, holdings_of
from ..prices import offer_from_dict, offer_to_dict
from ..tables import AccountRow, ChangeLineRow, SubscriptionRow
from .calendar import Slot, month_slot, months_between, slots_of
from .ledger import Kind, Ledger, Lot, Move, Place
from .plans import allowance_of, interval_named, place_of, slots_of_line, source_of

# Free months that are long over are of no interest to anybody.
FREE_MONTHS = 24
PAYING = frozenset({State.EXECUTING, State.AWAITING_PAYMENT})
WAITING = frozenset({State.SCHEDULED, State.ACTIVATING})

_ENDED_OF = select(SubscriptionRow.id, SubscriptionRow.ended_at).where(
    SubscriptionRow.account_seq == bindparam("account"),
    SubscriptionRow.status.in_(ENDED),
    SubscriptionRow.ended_at.is_not(None),
)


class Accrual:
    """One run over one ledger. ``changes`` are the account's open change lines; ``settled`` is the
    one that is just coming to its end, and so waits for nothing any more.
    """

    def __init__(
        self,
        tx: Session,
        catalogue: Catalogue,
        account: AccountRow,
        ledger: Ledger,
        changes: Sequence[ChangeLineRow],
        at: datetime,
        settled: ChangeLineRow | None = None,
    ) -> None:
        self.ledger = ledger
        self.catalogue = catalogue
        self.at = at
        self.holdings = holdings_of(tx, account)
        self._tx = tx
        self._account = account
        self._settled = settled
        self._changes = [
            line
            for line in changes
            if State(line.state) in OPEN and (settled is None or line.seq != settled.seq)
        ]

    def run(self) -> None:
        """Add what is missing."""
        for family in self.catalogue.families.values():
            if family.size_is != "allowance":
                continue
            self._close_what_ended(family)
            held = [one for one in self.holdings if one.in_force and _is_of(one, family)]
            for one in held:
                self._grant_line(one)
            self._free_plan(family, held)
        self._expire()

    def held(self, family: str, subscription_id: str) -> Holding | None:
        """The line of ``family`` in a live subscription."""
        return next(
            (
                held
                for held in self.holdings
                if held.subscription.id == subscription_id and held.line.family == family
            ),
            None,
        )

    def suspended(self) -> set[str]:
        """Live subscriptions that are not in force: their units wait until they are."""
        return {held.subscription.id for held in self.holdings if not held.in_force}

    @cached_property
    def _ended(self) -> dict[str, datetime]:
        """When each subscription that is over ended; few runs want to know."""
        ended = self._tx.execute(_ENDED_OF, {"account": self._account.seq})
        return {known: moment for known, moment in ended if moment is not None}

    def _close_what_ended(self, family: Family) -> None:
        # A price that maps to nothing says nothing of the units that were granted before it.
        there = {(held.subscription.id, held.line.family) for held in self.holdings}
        for lot in self.ledger.lots:
            row = lot.row
            if row.family != family.id or not row.subscription_id or lot.closed_at:
                continue
            if (row.subscription_id, family.id) in there or (row.subscription_id, None) in there:
                continue
            ended = self._ended.get(row.subscription_id)
            self.ledger.close(lot, Move.EXPIRE, ended or self.at)

    # -- a paid line --------------------------------------------------------------------------

    def _grant_line(self, held: Holding) -> None:
        assert held.offer is not None
        allowance = allowance_of(self.catalogue, held.offer)
        if allowance is None:
            return
        self.catch_up(held)
        change = self._target_of(held)
        before = self._lots_before(held)
        if change is not None and State(change.state) in PAYING and before:
            return  # `applied` says what becomes of the old units; until then they count
        if change is None:
            for lot in before:
                self._cut_short(lot, held)
        bridges = change is not None and State(change.state) in WAITING
        for slot in slots_of_line(self.catalogue, held):
            if slot.start > self.at:
                break
            self._grant_slot(held, allowance, slot, change if bridges else None)

    def _lots_of(self, held: Holding) -> list[Lot]:
        """The lots of a line. A new phase of a schedule may bring the line as another item, so
        those of items that are gone are its own, too.
        """
        others = {one.line.id for one in self.holdings} - {held.line.id}
        lots = self.ledger.of(str(held.line.family), held.subscription.id)
        return [lot for lot in lots if lot.row.item_id not in others]

    def catch_up(self, held: Holding) -> None:
        """Grant the months of the plan before that were due and that nobody had asked about yet.

        The mirror shows only the new plan; what the old one granted is known from its lots.
        """
        start = held.line.period_start
        lots = [lot for lot in self._lots_of(held) if lot.row.kind == Kind.GRANT]
        last = sorted(lots, key=lambda lot: (lot.row.stretch_start, lot.row.slot))[-1:]
        if not last or last[0].closed_early:
            return
        row, end, quantity = last[0].row, last[0].row.stretch_end, held.line.quantity
        current = held.offer is not None and last[0].granted_for(held.offer, quantity)
        if end is None or (row.stretch_start == start and current):
            return
        until = start if row.stretch_start < start else self.at
        place = Place(row.family, row.subscription_id, row.item_id, row.stretch_start, end)
        offer = Offer(row.family, str(row.plan), str(row.tier), interval_named(row.interval), None)
        for slot in slots_of(row.stretch_start, end, monthly=row.expires_at < end):
            if row.slot < slot.number and slot.start < until:
                source = source_of(place, slot, 0)
                self.ledger.grant(source, Kind.GRANT, place, slot, row.units, offer, row.quantity)

    def _target_of(self, held: Holding) -> ChangeLineRow | None:
        """The open change that wanted what the mirror shows of this line, and was not settled."""
        assert held.offer is not None
        shown = (held.subscription.id, offer_to_dict(held.offer), held.line.quantity)
        for line in self._changes:
            if (line.subscription_id, line.to_offer, line.quantity) == shown:
                return line
        return None

    def _lots_before(self, held: Holding) -> list[Lot]:
        """Open lots of this line that were not granted for what it is now."""
        assert held.offer is not None
        line = held.line
        return [
            lot
            for lot in self._lots_of(held)
            if not lot.closed_at
            and lot.row.expires_at >= line.period_start
            and not (
                lot.row.stretch_start == line.period_start
                and lot.granted_for(held.offer, line.quantity)
            )
        ]

    def _cut_short(self, lot: Lot, held: Holding) -> None:
        """A period that was ended early outside takes its units with it."""
        start = held.line.period_start
        if lot.row.stretch_start < start < lot.row.expires_at:
            self.ledger.close(lot, Move.EXPIRE, start)

    def _grant_slot(
        self, held: Holding, allowance: Allowance, slot: Slot, bridged: ChangeLineRow | None
    ) -> None:
        assert held.offer is not None
        place, quantity = place_of(held), held.line.quantity
        earlier = [
            lot
            for lot in self._lots_of(held)
            if (lot.row.stretch_start, lot.row.slot) == (place.stretch_start, slot.number)
            and lot.row.kind in (Kind.GRANT, Kind.BRIDGE)
        ]
        same = [lot for lot in earlier if lot.granted_for(held.offer, quantity)]
        if any(not lot.closed_early for lot in same):
            return
        if not self._is_settled(held) and any(lot.row.kind == Kind.BRIDGE for lot in same):
            return  # it was given up: nothing more until it is paid after all
        if earlier and slot.end <= self.at:
            return
        units = allowance.units * quantity
        kind = Kind.GRANT
        if bridged is not None:
            units, kind = min(units, self._units_before(held, bridged)), Kind.BRIDGE
        # What replaces something in the middle of a stretch begins there, not at its start.
        starts = Slot(slot.number, max(slot.start, self.at), slot.end) if earlier else slot
        source = source_of(place, slot, len(earlier))
        made = self.ledger.grant(source, kind, place, starts, units, held.offer, quantity)
        self._count_what_was_used(earlier, made)

    def _is_settled(self, held: Holding) -> bool:
        settled = self._settled
        return settled is not None and settled.subscription_id == held.subscription.id

    def _units_before(self, held: Holding, change: ChangeLineRow) -> int:
        """What the plan in effect until the payment grants at a time."""
        old = offer_from_dict(change.from_offer) if change.from_offer else None
        allowance = allowance_of(self.catalogue, old)
        if allowance is None or old is None:
            return 0
        lots = self.ledger.of(old.family, held.subscription.id)
        before = [lot.row.quantity for lot in lots if lot.row.plan == old.plan]
        return allowance.units * (before[-1] if before else change.quantity)

    def _count_what_was_used(self, earlier: list[Lot], made: Lot) -> None:
        """A plan changed outside, or a bridge given up: what was used of the stretch stays used."""
        for lot in earlier:
            given_up = lot.row.kind == Kind.BRIDGE and lot.closed_early
            if lot.closed_at and not given_up:
                continue
            if not lot.closed_at:
                self.ledger.close(lot, Move.EXPIRE, self.at)
            source = f"moved:{lot.row.source}"
            self.ledger.consume([made], lot.used, made.row.starts_at, source)

    # -- the free plan ------------------------------------------------------------------------

    def _free_plan(self, family: Family, held: list[Holding]) -> None:
        lots = [lot for lot in self.ledger.of(family.id, "") if lot.row.kind == Kind.FREE]
        if held:
            started = min(one.subscription.started_at for one in held)
            for lot in lots:
                if lot.open_at(self.at):
                    late = started < lot.row.starts_at
                    self.ledger.close(lot, Move.EXPIRE, self.at if late else started)
            return
        offer = family.free_offer()
        allowance = allowance_of(self.catalogue, offer)
        if allowance is None:
            return
        began = self._free_began(family, lots)
        last = months_between(began, self.at)
        place = Place(family.id, "", "", began, None)
        for number in range(max(0, last - FREE_MONTHS + 1), last + 1):
            source = f"free:{family.id}:{to_unix(began)}:{number}"
            if self.ledger.find(source) is None:
                slot = month_slot(began, number)
                self.ledger.grant(source, Kind.FREE, place, slot, allowance.units, offer)

    def _free_began(self, family: Family, free: list[Lot]) -> datetime:
        """When the account came to be on the free plan: created, or its last paid line ended.

        A customer's test clock may be behind the time at which its account was made here.
        """
        paid = [
            lot
            for lot in self.ledger.lots
            if lot.row.family == family.id and lot.row.subscription_id
        ]
        last = max(free, key=lambda lot: lot.row.starts_at, default=None)
        if last is not None and not last.closed_early:
            began = last.row.stretch_start
            if all(lot.row.starts_at <= began for lot in paid):
                return began
        if last is None and not paid:
            return min(self._account.created_at.replace(microsecond=0), self.at)
        # A lot may have lapsed before anybody heard that its subscription had ended by then.
        ends = [
            min(
                lot.closed_at or lot.row.expires_at,
                self._ended.get(lot.row.subscription_id, self.at),
            )
            for lot in paid
        ]
        return min(max(ends, default=self.at), self.at)

    # -- the end of a lot's time --------------------------------------------------------------

    def _expire(self) -> None:
        """Book what lapsed, unless a change under way may still carry it over."""
        held_back = {(line.family, line.subscription_id) for line in self._changes}
        for lot in self.ledger.lots:
            row = lot.row
            over = lot.closed_at is None and row.expires_at <= self.at
            if over and (row.family, row.subscription_id) not in held_back:
                self.ledger.close(lot, Move.EXPIRE, row.expires_at)


def _is_of(held: Holding, family: Family) -> bool:
    return held.offer is not None and held.offer.family == family.id
