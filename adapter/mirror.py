"""The mirror: local rows that say what Stripe says. The only place that writes them.

A *ticket* is a number from one global counter, taken before a call to Stripe. What the call
brings is stored only if its ticket is higher than the row's, so an older read that lands last
changes nothing, and a change that beat it at Stripe sends an event of its own, on which we fetch
again. Payloads of events are never applied.

What follows from a movement (notices, settled plan changes) is decided here too, from the
difference between the row before and after, in the same transaction: the same effects come about
whether a webhook, our own write or a repair brought the news.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from mappings import Catalogue

from .changes.schedules import follow
from .clock import Clock
from .copying import (
    copy_customer,
    copy_invoice,
    copy_line,
    copy_reversal,
    copy_schedule,
    copy_subscription,
)
from .database import Database
from .effects import Effects, InvoiceState
from .endings import SubscriptionState
from .gateway.failures import Gone
from .gateway.gone import Kind
from .gateway.read import Reader
from .gateway.snapshots import (
    LIVE_SCHEDULE,
    TENANT_KEY,
    CustomerSnapshot,
    InvoiceSnapshot,
    ReversalSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
)
from .locks import locked_account
from .prices import are_offers, offer_of
from .tables import (
    AccountRow,
    InvoiceRow,
    LineRow,
    ReversalRow,
    ScheduleRow,
    SubscriptionRow,
)
from .tombstones import Absent, bury

Snapshot = (
    CustomerSnapshot | SubscriptionSnapshot | InvoiceSnapshot | ScheduleSnapshot | ReversalSnapshot
)


@dataclass(frozen=True)
class Fetched:
    """An object as Stripe had it, with the ticket taken before asking."""

    snapshot: Snapshot
    ticket: int

    @property
    def customer(self) -> str:
        """Whose it is."""
        snapshot = self.snapshot
        return snapshot.id if isinstance(snapshot, CustomerSnapshot) else snapshot.customer


class Mirror:
    """Fetches objects and stores them under the ticket rule."""

    def __init__(
        self, database: Database, reader: Reader, catalogue: Catalogue, clock: Clock
    ) -> None:
        self._database = database
        self._reader = reader
        self._catalogue = catalogue
        self._effects = Effects(catalogue, clock, reader.time)
        self._read: Mapping[Kind, Callable[[str], Snapshot]] = {
            "customer": reader.customer,
            "subscription": reader.subscription,
            "invoice": reader.invoice,
            "schedule": reader.schedule,
            "refund": reader.refund,
            "dispute": reader.dispute,
        }

    def seek(self, kind: Kind, object_id: str) -> Fetched | Absent:
        """Ask Stripe for an object that may be gone (outside any transaction)."""
        ticket = self._database.next_ticket()
        try:
            return Fetched(self._read[kind](object_id), ticket)
        except Gone:
            return Absent(kind, object_id, ticket)

    def fetch_subscription(self, subscription_id: str) -> Fetched:
        """Ask Stripe for a subscription (outside any transaction)."""
        ticket = self._database.next_ticket()
        return Fetched(self._reader.subscription(subscription_id), ticket)

    def fetch_invoice(self, invoice_id: str) -> Fetched:
        """Ask Stripe for an invoice (outside any transaction)."""
        ticket = self._database.next_ticket()
        return Fetched(self._reader.invoice(invoice_id), ticket)

    def fetch_customer(self, customer_id: str) -> Fetched:
        """Ask Stripe for a customer (outside any transaction)."""
        ticket = self._database.next_ticket()
        return Fetched(self._reader.customer(customer_id), ticket)

    def fetch_schedule(self, schedule_id: str) -> Fetched:
        """Ask Stripe for a subscription schedule (outside any transaction)."""
        ticket = self._database.next_ticket()
        return Fetched(self._reader.schedule(schedule_id), ticket)

    def refresh_subscription(self, subscription_id: str) -> SubscriptionSnapshot:
        """Fetch a subscription and store it; gives what Stripe said."""
        fetched = self.fetch_subscription(subscription_id)
        with self._database.write() as tx:
            self.store(tx, fetched)
        assert isinstance(fetched.snapshot, SubscriptionSnapshot)
        return fetched.snapshot

    def refresh_schedule(self, schedule_id: str) -> ScheduleSnapshot:
        """Fetch a schedule and store it; gives what Stripe said."""
        fetched = self.fetch_schedule(schedule_id)
        with self._database.write() as tx:
            self.store(tx, fetched)
        assert isinstance(fetched.snapshot, ScheduleSnapshot)
        return fetched.snapshot

    def refresh_invoice(self, invoice_id: str) -> InvoiceSnapshot:
        """Fetch an invoice and store it; gives what Stripe said."""
        fetched = self.fetch_invoice(invoice_id)
        with self._database.write() as tx:
            self.store(tx, fetched)
        assert isinstance(fetched.snapshot, InvoiceSnapshot)
        return fetched.snapshot

    def refresh_customer(self, customer_id: str) -> CustomerSnapshot:
        """Fetch a customer and store it; gives what Stripe said."""
        fetched = self.fetch_customer(customer_id)
        with self._database.write() as tx:
            self.store(tx, fetched)
        assert isinstance(fetched.snapshot, CustomerSnapshot)
        return fetched.snapshot

    def bury(self, tx: Session, absent: Absent, told_at: datetime) -> bool:
        """Mark what Stripe does not have any more, with all that follows from that; False if it is
        not known here, or a younger read has it.

        ``told_at``: when that was told of, on the customer's clock.
        """
        return bury(tx, self._effects, absent, told_at)

    def store(self, tx: Session, fetched: Fetched, told_at: datetime | None = None) -> bool:
        """Store what was fetched; False if a younger read was there already, or nobody owns it.

        The account's row is locked first, so two stores for one account never interleave.
        ``told_at``: when the last event about it happened, on the customer's clock, if one did.
        """
        snapshot, ticket = fetched.snapshot, fetched.ticket
        account = locked_account(tx, fetched.customer)
        if account is None:
            return False
        if isinstance(snapshot, CustomerSnapshot):
            return self._store_customer(tx, account, snapshot, ticket)
        if isinstance(snapshot, InvoiceSnapshot):
            return self._store_invoice(tx, account, snapshot, ticket)
        if isinstance(snapshot, ScheduleSnapshot):
            return self._store_schedule(tx, account, snapshot, ticket)
        if isinstance(snapshot, ReversalSnapshot):
            return self._store_reversal(tx, account, snapshot, ticket)
        return self._store_subscription(tx, account, snapshot, ticket, told_at)

    def _store_customer(
        self, tx: Session, account: AccountRow, snapshot: CustomerSnapshot, ticket: int
    ) -> bool:
        if account.ticket >= ticket:
            return False
        copy_customer(account, snapshot, ticket)
        tx.flush()
        self._effects.customer_moved(tx, account)
        return True

    def _store_subscription(
        self,
        tx: Session,
        account: AccountRow,
        snapshot: SubscriptionSnapshot,
        ticket: int,
        told_at: datetime | None,
    ) -> bool:
        # Looked up first: what looks it up again on behalf of the invoice finds it at hand.
        row = tx.get(SubscriptionRow, snapshot.id)
        if snapshot.invoice is not None:
            self._store_invoice(tx, account, snapshot.invoice, ticket)
        if row is not None and row.ticket >= ticket:
            return False
        before = SubscriptionState.of(row) if row is not None else None
        if row is None:
            row = SubscriptionRow(id=snapshot.id, account_seq=account.seq)
            tx.add(row)
        copy_subscription(row, snapshot, ticket)
        # A customer's first subscription fixes its currency; no event need tell of that.
        account.currency = account.currency or snapshot.currency
        self._copy_lines(row, snapshot)
        tx.flush()
        self._effects.subscription_moved(tx, account, before, row, told_at)
        return True

    def _copy_lines(self, row: SubscriptionRow, snapshot: SubscriptionSnapshot) -> None:
        known = {line.id: line for line in row.lines}
        for gone in known.keys() - {item.id for item in snapshot.items}:
            known[gone].removed = True
        for item in snapshot.items:
            if item.id not in known:
                known[item.id] = LineRow(id=item.id, subscription_id=row.id)
                row.lines.append(known[item.id])
            offer = offer_of(self._catalogue, item.price)
            copy_line(known[item.id], item, offer, snapshot.currency)

    def _store_invoice(
        self, tx: Session, account: AccountRow, snapshot: InvoiceSnapshot, ticket: int
    ) -> bool:
        row = tx.get(InvoiceRow, snapshot.id)
        if row is not None and row.ticket >= ticket:
            return False
        before = InvoiceState.of(row)
        if row is None:
            row = InvoiceRow(id=snapshot.id, account_seq=account.seq)
            tx.add(row)
        copy_invoice(row, snapshot, ticket)
        tx.flush()
        self._effects.invoice_moved(tx, account, before, row)
        return True

    def _store_reversal(
        self, tx: Session, account: AccountRow, snapshot: ReversalSnapshot, ticket: int
    ) -> bool:
        row = tx.get(ReversalRow, snapshot.id)
        if row is not None and row.ticket >= ticket:
            return False
        before = row.status if row is not None else None
        if row is None:
            row = ReversalRow(id=snapshot.id, account_seq=account.seq)
            tx.add(row)
        copy_reversal(row, snapshot, ticket)
        tx.flush()
        self._effects.reversal_moved(account, before, row)
        return True

    def _store_schedule(
        self, tx: Session, account: AccountRow, snapshot: ScheduleSnapshot, ticket: int
    ) -> bool:
        row = tx.get(ScheduleRow, snapshot.id)
        if row is not None and row.ticket >= ticket:
            return False
        mapped = are_offers(tx, _prices_of(snapshot))
        if row is None:
            row = ScheduleRow(id=snapshot.id, account_seq=account.seq)
            tx.add(row)
        copy_schedule(row, snapshot, ticket)
        row.tagged = snapshot.metadata.get(TENANT_KEY) == self._catalogue.tenant
        row.mapped = mapped
        _attach(tx, row)
        tx.flush()
        follow(tx, row)
        return True


def _prices_of(snapshot: ScheduleSnapshot) -> set[str]:
    return {item["price"] for phase in snapshot.phases for item in phase["items"]}


def _attach(tx: Session, row: ScheduleRow) -> None:
    """What a schedule says of its subscription is as true as if it had been fetched itself.

    The subscription's ticket rises with it, so that a read from before the schedule was attached
    or released, landing after, does not undo it; Stripe sends an event for that movement.
    """
    sub = tx.get(SubscriptionRow, row.subscription_id or "")
    live = row.status in LIVE_SCHEDULE
    if sub is None or sub.ticket >= row.ticket:
        return
    if live and sub.schedule_id != row.id:
        sub.schedule_id, sub.ticket = row.id, row.ticket
    elif not live and sub.schedule_id == row.id:
        sub.schedule_id, sub.ticket = None, row.ticket
