"""Whether all of an account's usage is at Stripe: what an end has to wait for."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..clock import Clock
from ..database import Database
from ..due import Work, arm
from ..gateway.read import Reader
from ..tables import AccountRow, DueWorkRow, LineRow, MeterEventRow, SubscriptionRow
from .counting import Counting
from .planning import metered_line

# Meters count within minutes; asking more often does not make them faster.
ASK_AGAIN = timedelta(seconds=30)


class Outbox:
    """The usage of one account, seen by who waits for it. Only the worker sends."""

    def __init__(
        self, database: Database, reader: Reader, clock: Clock, account: AccountRow
    ) -> None:
        self._database = database
        self._reader = reader
        self._clock = clock
        self._account = account

    def empty_at(self) -> datetime | None:
        """None if everything was sent; else when (wall time) to look again: once the worker has
        tried, which it is asked to.
        """
        now = self._clock.now()
        with self._database.write() as tx:
            if not self._anything_waits(tx):
                return None
            work = tx.scalars(
                select(DueWorkRow).where(
                    DueWorkRow.kind == Work.METER.value, DueWorkRow.subject == self._account.id
                )
            ).first()
            if work is not None and work.state == "pending":
                return max(work.next_at, now)
            owner = self._account.customer_id or self._account.id
            arm(tx, Work.METER, self._account.id, owner, now)
        # Where it had failed for good it is tried again, but not without a pause.
        return now + ASK_AGAIN

    def counted_at(self, subscription: str, meter: str) -> datetime | None:
        """None if the meter has counted what was sent for a subscription that is not billed yet,
        or has had long enough to; else when (wall time) to ask again.

        What was used in this very second, by Stripe's clock, or after it, would be on no bill.
        """
        with self._database.read() as tx:
            sub = tx.get_one(SubscriptionRow, subscription)
            line, last = metered_line(sub), self._last_told(tx, subscription)
        if line is None or last is None:
            return None
        counting = Counting(self._database, self._reader, self._clock)
        behind = counting.is_behind(self._account, meter, self._unbilled_since(sub, line), last)
        too_soon = self._reader.billing_now(self._account.test_clock) <= last
        return self._clock.now() + ASK_AGAIN if behind or too_soon else None

    def _last_told(self, tx: Session, subscription: str) -> datetime | None:
        """The latest moment that Stripe was told of for a subscription."""
        told = select(func.max(MeterEventRow.timestamp))
        found: datetime | None = tx.execute(
            told.where(MeterEventRow.subscription_id == subscription, MeterEventRow.state == "sent")
        ).scalar_one()
        return found

    def _unbilled_since(self, sub: SubscriptionRow, line: LineRow) -> datetime:
        """In the hour after a period its invoice still counts, so its usage has to be there too."""
        length = line.period_end - line.period_start
        return max(line.period_start - length, sub.started_at)

    def _anything_waits(self, tx: Session) -> bool:
        found = tx.scalars(
            select(MeterEventRow.seq)
            .where(MeterEventRow.account_seq == self._account.seq)
            .where(MeterEventRow.state == "pending")
            .limit(1)
        )
        return found.first() is not None
