"""Comparing what a meter has counted with what was sent to it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..clock import Clock
from ..database import Database
from ..errors import Unavailable
from ..gateway.read import Reader
from ..tables import AccountRow, MeterEventRow

# Stripe counts what it has taken some time after; by then it surely has.
SETTLED = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class Ambiguous(Exception):
    """Others count on this meter too, so that its sum does not tell whether an event is in it."""


class Counting:
    """Asks meters what they have counted for one account."""

    def __init__(self, database: Database, reader: Reader, clock: Clock) -> None:
        self._database = database
        self._reader = reader
        self._clock = clock

    def has(self, account: AccountRow, event: MeterEventRow) -> bool:
        """Whether the meter has counted an event that was sent and never answered.

        Raises:
            Unavailable: too early to tell.
            Ambiguous: the minute holds more than was sent from here, and not just this event.
        """
        assert event.timestamp is not None
        since, until = minutes(event.timestamp, event.timestamp)
        with self._database.read() as tx:
            told, last = _told(tx, account, event.meter_id, since, until)
        tried = [moment for moment in (event.tried_at, last) if moment is not None]
        if any(self._clock.now() - moment < SETTLED for moment in tried):
            raise Unavailable.stripe("the meter may not have counted yet what was sent to it")
        more = self._counted(account, event.meter_id, since, until) - told
        if more not in (0, event.units) and more > 0:
            raise Ambiguous(
                f"between {since:%Y-%m-%d %H:%M} and {until:%H:%M} UTC the meter holds {more} "
                "more than was sent from here"
            )
        return more == event.units

    def is_behind(self, account: AccountRow, meter: str, since: datetime, until: datetime) -> bool:
        """Whether the meter has yet to count some of what was sent to it for a stretch of time.

        False once it has had long enough, whatever it says.
        """
        since, until = minutes(since, until)
        with self._database.read() as tx:
            told, last = _told(tx, account, meter, since, until)
        if last is None or self._clock.now() - last >= SETTLED:
            return False
        return self._counted(account, meter, since, until) < told

    def _counted(self, account: AccountRow, meter: str, since: datetime, until: datetime) -> int:
        assert account.customer_id is not None
        return self._reader.counted(meter, account.customer_id, since, until)


def minutes(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The full minutes around two moments: meters are asked for nothing smaller."""
    begin = since.replace(second=0, microsecond=0)
    return begin, until.replace(second=0, microsecond=0) + MINUTE


def _told(
    tx: Session, account: AccountRow, meter: str, since: datetime, until: datetime
) -> tuple[int, datetime | None]:
    """The units that Stripe has from here, by their moments, and when the last were sent."""
    sums = select(func.coalesce(func.sum(MeterEventRow.units), 0), func.max(MeterEventRow.sent_at))
    units, last = tx.execute(
        sums.where(
            MeterEventRow.account_seq == account.seq,
            MeterEventRow.meter_id == meter,
            MeterEventRow.state == "sent",
            MeterEventRow.timestamp >= since,
            MeterEventRow.timestamp < until,
        )
    ).one()
    return int(units), last
