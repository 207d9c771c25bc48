"""Sending meter events, each exactly once. One at a time per account: Stripe allows one call per
customer and meter (Stripe docs: recording usage), and the worker claims by the customer.

Whether Stripe has an event that it never answered is told by its idempotency key and, under a new
key, by its identifier, which Stripe keeps for a day at least; after that by what the meter counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import select

from ..clock import to_unix
from ..deployment import Deployment
from ..due import Work, arm, disarm, generation_of
from ..gateway.snapshots import METER_CUSTOMER, METER_VALUE, InvoiceSnapshot
from ..gateway.write import Operation
from ..steps import KEY_LIFETIME, StepRefused, Steps
from ..tables import AccountRow, LineRow, MeterEventRow, SubscriptionRow
from .billable import billed_at
from .counting import Ambiguous, Counting
from .reports import identifier

log = structlog.get_logger(__name__)

# So many at a time, then others' turn.
BATCH = 50
NEVER_BILLED = "the subscription ended and its last invoice is made; bill these units by hand"


@dataclass(frozen=True)
class _Line:
    """What is billed for an event, as Stripe has it, and the time there."""

    sub: SubscriptionRow
    line: LineRow
    now: datetime


class Sending:
    """Sends what is booked."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._database = deployment.database
        self._reader = deployment.reader
        self._mirror = deployment.mirror
        self._clock = deployment.clock
        self._counting = Counting(deployment.database, deployment.reader, deployment.clock)
        self._names: dict[str, str] = {}

    def resume(self, account_id: str) -> None:
        """Send some of what an account has waiting; called by the worker.

        Raises Unavailable: Stripe did not answer; what is left is sent later, in the same order.
        """
        with self._database.read() as tx:
            account = tx.scalars(select(AccountRow).where(AccountRow.id == account_id)).one()
            generation = generation_of(tx, Work.METER, account_id)
        more = self._send(account, BATCH)
        with self._database.write() as tx:
            if more:
                owner = account.customer_id or account.id
                arm(tx, Work.METER, account_id, owner, self._clock.now())
            else:
                disarm(tx, Work.METER, account_id, generation)

    def all_of(self, account: AccountRow) -> None:
        """Send all that an account has waiting. Raises Unavailable, as ``resume``."""
        while self._send(account, BATCH):
            pass

    def _send(self, account: AccountRow, limit: int) -> bool:
        """Send up to ``limit`` events, oldest first; says whether there are more."""
        with self._database.read() as tx:
            events = tx.scalars(
                select(MeterEventRow)
                .where(MeterEventRow.account_seq == account.seq)
                .where(MeterEventRow.state == "pending")
                .order_by(MeterEventRow.seq)
                .limit(limit + 1)
            ).all()
        # Invoices of periods that are over, each asked for once in a batch.
        seen: dict[str, InvoiceSnapshot] = {}
        for event in events[:limit]:
            self._send_one(account, event, seen)
        return len(events) > limit

    def _send_one(
        self, account: AccountRow, event: MeterEventRow, seen: dict[str, InvoiceSnapshot]
    ) -> None:
        if self._steps(event).is_done(_step(event)):
            self._sent(event, self._clock.now())
            return
        at = self._moment(account, event, seen)
        if event.timestamp is not None and self._is_settled(account, event, at):
            return
        if at is None:
            self._refused(event, NEVER_BILLED)
            return
        if event.timestamp is None:
            self._begins(event, at)
        try:
            self._steps(event).do(
                _step(event),
                Operation.METER_EVENT_CREATE,
                self._params(account, event),
                # Its identifier tells for longer than its key is remembered.
                look=lambda: None,
            )
        except StepRefused as refused:
            if not _is_known(refused):
                self._refused(event, refused.message)
                return
        self._sent(event, self._clock.now())

    def _is_settled(self, account: AccountRow, event: MeterEventRow, at: datetime | None) -> bool:
        """See what became of an event that was tried before. While Stripe remembers it, and bills
        the moment it was sent with, it is simply sent again; else the meter is asked, and what it
        has not counted is sent anew.
        """
        assert event.tried_at is not None
        remembered = self._clock.now() - event.tried_at < KEY_LIFETIME
        if remembered and event.timestamp == at:
            return False
        try:
            counted = self._counting.has(account, event)
        except Ambiguous as ambiguous:
            self._refused(event, str(ambiguous))
            return True
        self._steps(event).abandon(_step(event))
        if counted:
            # By now it was sent long ago: others of its minute may be compared at once.
            self._sent(event, event.tried_at)
            return True
        with self._database.write() as tx:
            row = tx.get_one(MeterEventRow, event.seq)
            row.round, row.timestamp, row.tried_at = row.round + 1, None, None
        event.round, event.timestamp, event.tried_at = row.round, None, None
        return False

    def _moment(
        self, account: AccountRow, event: MeterEventRow, seen: dict[str, InvoiceSnapshot]
    ) -> datetime | None:
        """The moment that the event is billed at, if it is sent now."""
        held = self._line(account, event)
        at = billed_at(event, held.sub, held.line, held.now, partial(self._invoice, seen))
        begun, tried = held.line.period_start, event.timestamp
        # Late as it is, it was tried with a moment of the running period: that is still good.
        late = at is not None and event.at < begun <= at
        return tried if late and tried is not None and tried >= begun else at

    def _invoice(self, seen: dict[str, InvoiceSnapshot], invoice: str) -> InvoiceSnapshot:
        if invoice not in seen:
            seen[invoice] = self._reader.invoice(invoice)
        return seen[invoice]

    def _line(self, account: AccountRow, event: MeterEventRow) -> _Line:
        """The line of an event; asked of Stripe where the mirror must be behind by now."""
        now = self._reader.billing_now(account.test_clock)
        sub, line = self._mirrored(event)
        if sub.ended_at is None and line.period_end <= now:
            self._mirror.refresh_subscription(event.subscription_id)
            sub, line = self._mirrored(event)
        return _Line(sub, line, now)

    def _mirrored(self, event: MeterEventRow) -> tuple[SubscriptionRow, LineRow]:
        with self._database.read() as tx:
            sub = tx.get_one(SubscriptionRow, event.subscription_id)
            return sub, tx.get_one(LineRow, event.item_id)

    def _params(self, account: AccountRow, event: MeterEventRow) -> dict[str, Any]:
        assert event.timestamp is not None
        return {
            "event_name": self._name(event.meter_id),
            "identifier": identifier(event),
            "timestamp": to_unix(event.timestamp),
            "payload": {METER_CUSTOMER: account.customer_id, METER_VALUE: str(event.units)},
        }

    def _name(self, meter: str) -> str:
        """A meter's event name, which never changes."""
        if meter not in self._names:
            self._names[meter] = self._reader.meter(meter).event_name
        return self._names[meter]

    def _begins(self, event: MeterEventRow, at: datetime) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            row = tx.get_one(MeterEventRow, event.seq)
            row.timestamp, row.tried_at = at, now
        event.timestamp, event.tried_at = at, now

    def _sent(self, event: MeterEventRow, at: datetime) -> None:
        with self._database.write() as tx:
            row = tx.get_one(MeterEventRow, event.seq, with_for_update=True)
            # A report may have come first: then it was taken and is lost.
            if row.state == "pending":
                row.state, row.sent_at, row.error = "sent", at, None

    def _refused(self, event: MeterEventRow, why: str) -> None:
        """Nothing is lost: the units stay in the ledger, and are shown as refused."""
        log.error("usage_refused", meter_event=event.id, units=event.units, why=why)
        with self._database.write() as tx:
            row = tx.get_one(MeterEventRow, event.seq)
            row.state, row.error = "refused", why

    def _steps(self, event: MeterEventRow) -> Steps:
        return self._deployment.steps(f"meter:{event.id}")


def _step(event: MeterEventRow) -> str:
    return f"send-{event.round}"


def _is_known(refused: StepRefused) -> bool:
    """Stripe has taken an event of this identifier before; its answer may come without a code."""
    said = refused.message.lower()
    return refused.code == "duplicate_meter_event" or "already exists with identifier" in said
