"""Booking usage of metered plans: a line of the ledger, and the event that goes to the meter."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..changes.states import State
from ..due import Work, arm
from ..errors import Conflict, Invalid, NotFound
from ..holdings import Holding, holdings_of
from ..ids import new_id
from ..tables import AccountRow, ChangeLineRow, MeterEventRow

# A caller's clock may be ahead by this much; Stripe allows the same (API reference: meter events).
AHEAD = timedelta(minutes=5)
# Stripe's clock may be behind by some seconds: what was reported before a plan ends has to be
# before that end there, too, or no bill has it.
CLOCKS = timedelta(seconds=5)


class Meters:
    """The metered lines of one account, for the usage records of one request.

    Made under the account's lock: a plan that is ended at the same time is ended before or after.
    """

    def __init__(self, tx: Session, account: AccountRow, now: datetime) -> None:
        self._tx = tx
        self._account = account
        self._now = now
        self._held = [
            held
            for held in holdings_of(tx, account)
            if held.line.meter_id and held.offer and held.in_force
        ]
        self._events: dict[tuple[str, datetime], MeterEventRow] = {}

    def line(self, family: str, subscription: str | None) -> Holding | None:
        """The line that is billed for usage of ``family``; None if none is in force.

        Raises:
            NotFound: it is not that of the named subscription.
            Conflict: ``metered_plan_ending``: it is being ended, and its bill made.
        """
        held = next((held for held in self._held if _is_of(held, family)), None)
        if held is None:
            return None
        if subscription not in (None, held.subscription.id):
            raise NotFound.subscription(str(subscription))
        if is_ending(self._tx, held.line.id):
            raise Conflict(
                "metered_plan_ending",
                "The plan that is billed by usage is being ended, and its last bill made; no more "
                "usage is taken for it.",
                family=family,
            )
        return held

    def instant(self, held: Holding, asked: datetime | None, path: str) -> datetime:
        """When the units were used, to the second.

        Raises Invalid: ``usage_out_of_period``: before the plan began, or still to come.
        """
        began = held.subscription.started_at
        if asked is not None and not began <= asked <= self._now + AHEAD:
            raise Invalid(
                "usage_out_of_period",
                "Usage is billed from the moment the plan began, and not in advance.",
                path=path,
                since=began.isoformat(),
                now=self._now.isoformat(),
            )
        latest = max(self._now - CLOCKS, began)
        return min(asked or latest, latest).replace(microsecond=0)

    def event(self, held: Holding, at: datetime, units: int) -> MeterEventRow:
        """The event that ``units`` used ``at`` an instant go with; those of one second go together,
        since they are billed together whatever comes.
        """
        key = (held.line.id, at)
        if key not in self._events:
            self._events[key] = self._new_event(held, at)
        self._events[key].units += units
        return self._events[key]

    def save(self, wall: datetime) -> None:
        """Insert the events, and have them sent at once (``wall`` is wall time)."""
        if not self._events:
            return
        self._tx.add_all(self._events.values())
        self._tx.flush()
        owner = self._account.customer_id or self._account.id
        arm(self._tx, Work.METER, self._account.id, owner, wall)

    def _new_event(self, held: Holding, at: datetime) -> MeterEventRow:
        assert held.offer is not None
        return MeterEventRow(
            id=new_id("mev"),
            account_seq=self._account.seq,
            family=held.offer.family,
            subscription_id=held.subscription.id,
            item_id=held.line.id,
            meter_id=held.line.meter_id,
            units=0,
            at=at,
            state="pending",
            round=1,
        )


def is_ending(tx: Session, item: str) -> bool:
    """Whether a change of ours is ending a line at this moment."""
    found = tx.scalars(
        select(ChangeLineRow.seq)
        .where(ChangeLineRow.item_id == item, ChangeLineRow.price_id.is_(None))
        .where(ChangeLineRow.state == State.EXECUTING.value)
        .where(ChangeLineRow.change.has(timing="now"))
        .limit(1)
    )
    return found.first() is not None


def _is_of(held: Holding, family: str) -> bool:
    return held.offer is not None and held.offer.family == family
