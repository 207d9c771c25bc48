"""One change being carried out: its steps, and the ways its line leaves ``executing``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue

from ...checkouts.sessions import Checkouts
from ...clock import Clock
from ...database import Database
from ...due import Work, arm, disarm
from ...gateway.read import Reader
from ...gateway.snapshots import InvoiceSnapshot, SubscriptionSnapshot
from ...gateway.write import Operation, Writer
from ...metering.outbox import Outbox
from ...metering.sending import Sending
from ...mirror import Fetched, Mirror
from ...notices.owed import tell_payment_failed
from ...steps import StepDone, StepRefused, Steps
from ...tables import ChangeLineRow, ChangeRow, InvoiceRow, LineRow, SubscriptionRow
from ..looking import Looking
from ..schedules.bringing import Scheduling
from ..settling import Moment, finish, hold
from ..states import State

Note = Callable[[ChangeLineRow, SubscriptionSnapshot], None]


@dataclass(frozen=True)
class Tools:
    """What carrying out needs of the deployment."""

    database: Database
    reader: Reader
    writer: Writer
    catalogue: Catalogue
    mirror: Mirror
    scheduling: Scheduling
    checkouts: Checkouts
    sending: Sending
    clock: Clock


class OneChange:
    """A change with its remembered steps. Everything that writes goes through here."""

    def __init__(self, tools: Tools, change: ChangeRow) -> None:
        assert change.account.customer_id is not None
        self.change = change
        self.line = change.lines[0]
        self.look = Looking(tools.reader, change.account.customer_id, change.id)
        self.steps = Steps(tools.database, tools.writer, tools.clock, f"change:{change.id}")
        self.scheduling = tools.scheduling
        self.checkouts = tools.checkouts
        self._tools = tools

    def seen(self, done: StepDone, note: Note) -> SubscriptionSnapshot:
        """Store the subscription a write answered with, and ``note`` on the line what it shows.

        It is fetched where the answer is not to be trusted: replayed, recorded by an earlier run,
        or overtaken by a younger read.
        """
        mirror = self._tools.mirror
        if isinstance(done.snapshot, SubscriptionSnapshot) and self._store(
            Fetched(done.snapshot, done.ticket), note
        ):
            return done.snapshot
        fetched = mirror.fetch_subscription(done.object_id)
        self._store(fetched, note)
        assert isinstance(fetched.snapshot, SubscriptionSnapshot)
        return fetched.snapshot

    def refresh(self, subscription: str) -> SubscriptionSnapshot:
        """Fetch and store the subscription."""
        return self._tools.mirror.refresh_subscription(subscription)

    def refresh_invoice(self, invoice: str) -> InvoiceSnapshot:
        """Fetch and store an invoice; it comes with the state of its payment."""
        return self._tools.mirror.refresh_invoice(invoice)

    def now(self) -> datetime:
        """Wall time."""
        return self._tools.clock.now()

    def refresh_balance(self) -> None:
        """Fetch and store the customer, whose balance a finalized invoice moved."""
        assert self.change.account.customer_id is not None
        self._tools.mirror.refresh_customer(self.change.account.customer_id)

    def invoice(self, invoice: str) -> InvoiceSnapshot:
        """The invoice with the state of its payment, asked of Stripe now."""
        return self._tools.reader.invoice(invoice)

    def draft_of(self, subscription: str) -> str | None:
        """The invoice of the current period if it is still a draft, as mirrored."""
        with self._tools.database.read() as tx:
            sub = tx.get(SubscriptionRow, subscription)
            invoice = tx.get(InvoiceRow, sub.latest_invoice or "") if sub else None
            return invoice.id if invoice is not None and invoice.status == "draft" else None

    def finalize(self, invoice: str, *, auto_advance: bool, step: str = "finalize") -> None:
        """Finalize a draft; without ``auto_advance`` Stripe does not collect it by itself."""
        self.steps.do(
            step,
            Operation.INVOICE_FINALIZE,
            {} if auto_advance else {"auto_advance": False},
            target=invoice,
            look=lambda: self.look.finalized(invoice),
        )

    def void(self, invoice: str, step: str = "void") -> None:
        """Void an invoice all of whose lines are given up; a pending update goes with it."""
        self.steps.do(
            step,
            Operation.INVOICE_VOID,
            {},
            target=invoice,
            look=lambda: self.look.voided(invoice),
        )

    def awaits_payment(self, invoice: InvoiceSnapshot) -> None:
        """The customer has to act; the line waits, with the link."""
        with self._written() as (tx, row):
            row.payment_url = invoice.hosted_invoice_url
            row.invoice_id = invoice.id
            tx.flush()
            self._leave(tx, row, State.AWAITING_PAYMENT, "the payment needs the customer")

    def awaits_page(self, url: str | None) -> None:
        """The customer is sent to a page first; the line waits, with the link."""
        with self._written() as (tx, row):
            row.payment_url = url
            tx.flush()
            self._leave(tx, row, State.AWAITING_PAYMENT, "the customer is sent to a page")

    def leaves(self, state: State, cause: str) -> None:
        """The line ends without anything having been asked of Stripe."""
        with self._written() as (tx, row):
            self._leave(tx, row, state, cause)

    def period_end(self) -> datetime | None:
        """When the period of the line that is changed ends; None for a first purchase."""
        with self._tools.database.read() as tx:
            held = tx.get(LineRow, self.line.item_id or "")
            return held.period_end if held else None

    def billing_now(self) -> datetime:
        """Billing time of the customer."""
        return self._tools.reader.billing_now(self.change.account.test_clock)

    def is_applied(self, cause: str, *, owed: str | None = None) -> None:
        """The change is made and paid; but for the invoice ``owed``, of which the billing contact
        is told.
        """
        with self._written() as (tx, row):
            invoice = tx.get(InvoiceRow, owed or "")
            if invoice is not None and invoice.status == "open":
                row.payment_url = invoice.hosted_invoice_url
                tell_payment_failed(tx, self.change.account, invoice, self.now())
                tx.flush()
            self._leave(tx, row, State.APPLIED, cause)

    def waits(self, until: datetime) -> None:
        """Go on ``until`` then (wall time), and not in this request."""
        with self._tools.database.write() as tx:
            owner = self.change.account.customer_id or self.change.account.id
            arm(tx, Work.CARRY_OUT, self.change.id, owner, until)

    def usage(self) -> Outbox:
        """What was reported of the account's usage and is on its way to meters."""
        tools = self._tools
        return Outbox(tools.database, tools.reader, tools.clock, self.change.account)

    def is_scheduled(self) -> None:
        """The schedule says it now; what was scheduled for the same plan is replaced."""
        with self._written() as (tx, row):
            self._leave(tx, row, State.SCHEDULED, "it comes about at the period's end")

    def fails(self, refused: StepRefused) -> None:
        """Stripe refused, for good; the old plan is in force."""
        with self._written() as (tx, row):
            members: dict[str, Any] = refused.record
            row.failure = {key: members.get(key) for key in ("code", "message", "declined")}
            tx.flush()
            self._leave(tx, row, State.FAILED, refused.message)

    def _store(self, fetched: Fetched, note: Note) -> bool:
        assert isinstance(fetched.snapshot, SubscriptionSnapshot)
        with self._written() as (tx, row):
            note(row, fetched.snapshot)
            return self._tools.mirror.store(tx, fetched)

    @contextmanager
    def _written(self) -> Iterator[tuple[Session, ChangeLineRow]]:
        """A transaction that writes the line, with its account locked first."""
        with self._tools.database.write() as tx:
            hold(tx, self.change.account)
            yield tx, tx.get_one(ChangeLineRow, self.line.seq)

    def _leave(self, tx: Session, row: ChangeLineRow, state: State, cause: str) -> None:
        if State(row.state) is State.EXECUTING:
            tools = self._tools
            at = Moment(self.now(), tools.reader.time.now())
            finish(tx, tools.catalogue, self.change.account, row, state, cause, at)
        disarm(tx, Work.CARRY_OUT, self.change.id)


def note_invoice(line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    """Remember which invoice the write made."""
    line.invoice_id = found.latest_invoice


def note_nothing(_line: ChangeLineRow, _found: SubscriptionSnapshot) -> None:
    """The write made no invoice of its own."""
