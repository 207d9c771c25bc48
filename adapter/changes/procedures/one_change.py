"""One change being carried out: its steps, and the ways its line leaves ``executing``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ...billing import Bill, bill_to_json
from ...clock import Moment
from ...due import Work, arm, disarm
from ...gateway.snapshots import (
    CHANGE_KEY,
    INVOICE_KEY,
    InvoiceSnapshot,
    SubscriptionSnapshot,
)
from ...gateway.write import Operation
from ...holdings import ENDED, period_invoice
from ...locks import lock
from ...metering.outbox import Outbox
from ...mirror import Fetched
from ...notices.owed import tell_payment_failed
from ...steps import StepDone, StepRefused
from ...tables import ChangeLineRow, ChangeRow, InvoiceRow, LineRow, SubscriptionRow
from ...tools import Tools
from ..looking import Looking
from ..settling import finish
from ..states import State, is_executing

Note = Callable[[ChangeLineRow, SubscriptionSnapshot], None]


class OneChange:
    """A change with its remembered steps. Everything that writes goes through here.

    ``now`` are its lines that are due together at once, ``later`` those that wait for the end of
    their period.
    """

    def __init__(self, tools: Tools, change: ChangeRow) -> None:
        assert change.account.customer_id is not None
        self.change = change
        self.now = [line for line in change.lines if line.timing == "now"]
        self.later = [line for line in change.lines if line.timing == "period_end"]
        self.look = Looking(tools.reader, change.account.customer_id, change.id)
        self.steps = tools.steps(f"change:{change.id}")
        self.scheduling = tools.scheduling
        self.checkouts = tools.checkouts
        self._tools = tools

    def seen(self, done: StepDone, note: Note) -> SubscriptionSnapshot:
        """Store the subscription a write answered with, and ``note`` on the lines what it shows.

        It is fetched where the answer is not to be trusted: replayed, recorded by an earlier run,
        or overtaken by a younger read.
        """
        if isinstance(done.snapshot, SubscriptionSnapshot) and self._store(
            Fetched(done.snapshot, done.ticket), note
        ):
            return done.snapshot
        return self.fetched(done.object_id, note)

    def fetched(self, subscription: str, note: Note) -> SubscriptionSnapshot:
        """Fetch and store the subscription, and ``note`` on the lines what it shows."""
        fetched = self._tools.mirror.fetch_subscription(subscription)
        self._store(fetched, note)
        assert isinstance(fetched.snapshot, SubscriptionSnapshot)
        return fetched.snapshot

    def refresh(self, subscription: str) -> SubscriptionSnapshot:
        """Fetch and store the subscription."""
        return self._tools.mirror.refresh_subscription(subscription)

    def refresh_invoice(self, invoice: str) -> InvoiceSnapshot:
        """Fetch and store an invoice; it comes with the state of its payment."""
        return self._tools.mirror.refresh_invoice(invoice)

    def standing(self, subscription: str) -> tuple[list[LineRow], InvoiceRow | None]:
        """What a subscription holds (nothing once it has ended), and the invoice of its present
        period, as mirrored.
        """
        with self._tools.database.read() as tx:
            sub = tx.get_one(SubscriptionRow, subscription)
            live = sub.status not in ENDED
            held = [line for line in sub.lines if live and not line.removed]
            return held, period_invoice(tx, sub)

    def items_of(self, items: Sequence[str]) -> list[LineRow]:
        """Items as mirrored, those too that were taken off."""
        with self._tools.database.read() as tx:
            return [tx.get_one(LineRow, item) for item in items]

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
        """Void an invoice all of whose lines are given up; a pending update goes with it, and what
        it had taken from the balance goes back there.
        """
        self.steps.do(
            step,
            Operation.INVOICE_VOID,
            {},
            target=invoice,
            look=lambda: self.look.voided(invoice),
        )
        self._give_back(invoice)

    def _give_back(self, invoice: str) -> None:
        """Whether voiding alone gives the balance back is not proven, so it is looked up."""
        with self._tools.database.read() as tx:
            row = tx.get(InvoiceRow, invoice)
        if row is None or row.balance_used == 0 or self.look.given_back(invoice):
            return
        self.steps.do(
            f"give_back_{invoice}",
            Operation.BALANCE_CREDIT,
            {
                "amount": -row.balance_used,
                "currency": row.currency,
                "description": f"Balance that the void invoice {invoice} had used",
                "metadata": {CHANGE_KEY: self.change.id, INVOICE_KEY: invoice},
            },
            target=self.change.account.customer_id,
            look=lambda: self.look.balance_credit(invoice),
        )

    def awaits_payment(self, invoice: InvoiceSnapshot) -> None:
        """The customer has to act; the order waits, with the link."""
        self._wait(invoice.hosted_invoice_url, invoice.id, "the payment needs the customer")

    def awaits_page(self, url: str | None) -> None:
        """The customer is sent to a page first; the order waits, with the link."""
        self._wait(url, None, "the customer is sent to a page")

    def leaves(self, state: State, cause: str) -> None:
        """The order ends without anything having been asked of Stripe."""
        with self._written(self.change.lines) as (tx, rows):
            self._leave(tx, rows, state, cause)

    def period_end(self) -> datetime | None:
        """When the first period of the lines that are due now ends; None for a first purchase."""
        with self._tools.database.read() as tx:
            held = [tx.get(LineRow, line.item_id or "") for line in self.now]
            return min((line.period_end for line in held if line is not None), default=None)

    def billing_now(self) -> datetime:
        """Billing time of the customer."""
        return self._tools.reader.billing_now(self.change.account.test_clock)

    def is_applied(self, cause: str, *, owed: str | None = None) -> None:
        """What is due now is made and paid; but for the invoice ``owed``, of which the billing
        contact is told.
        """
        with self._written(self.now) as (tx, rows):
            invoice = tx.get(InvoiceRow, owed or "")
            if invoice is not None and invoice.status == "open":
                for row in rows:
                    row.payment_url = invoice.hosted_invoice_url
                tell_payment_failed(tx, self.change.account, invoice, self._tools.clock.now())
                tx.flush()
            self._leave(tx, rows, State.APPLIED, cause)

    def waits(self, until: datetime) -> None:
        """Go on ``until`` then (wall time), and not in this request."""
        with self._tools.database.write() as tx:
            owner = self.change.account.customer_id or self.change.account.id
            arm(tx, Work.CARRY_OUT, self.change.id, owner, until)

    def usage(self) -> Outbox:
        """What was reported of the account's usage and is on its way to meters."""
        tools = self._tools
        return Outbox(tools.database, tools.reader, tools.clock, self.change.account)

    def is_scheduled(self, lines: Sequence[ChangeLineRow]) -> None:
        """The schedule says it now; what was scheduled for the same plans is replaced."""
        with self._written(lines) as (tx, rows):
            self._leave(tx, rows, State.SCHEDULED, "it comes about at the period's end")

    def fails(self, refused: StepRefused, lines: Sequence[ChangeLineRow] | None = None) -> None:
        """Stripe refused, for good; the old plans are in force. The whole order fails, unless it
        is said which lines do.
        """
        with self._written(self.change.lines if lines is None else lines) as (tx, rows):
            members: dict[str, Any] = refused.record
            for row in rows:
                if State(row.state) is State.EXECUTING:
                    names = ("code", "message", "declined")
                    row.failure = {name: members.get(name) for name in names}
            tx.flush()
            self._leave(tx, rows, State.FAILED, refused.message)

    def agree(self, bill: Bill) -> None:
        """From here on ``bill`` is what is carried out, in this and any later run."""
        with self._tools.database.write() as tx:
            tx.get_one(ChangeRow, self.change.seq).bill = bill_to_json(bill)

    def _wait(self, url: str | None, invoice: str | None, cause: str) -> None:
        """What is scheduled by the same order waits with what is due now: all of it or nothing."""
        with self._written(self.change.lines) as (tx, rows):
            for row in rows:
                if row.timing == "now":
                    row.payment_url = url
                    row.invoice_id = invoice or row.invoice_id
            tx.flush()
            self._leave(tx, rows, State.AWAITING_PAYMENT, cause)

    def _store(self, fetched: Fetched, note: Note) -> bool:
        assert isinstance(fetched.snapshot, SubscriptionSnapshot)
        with self._written(self.now) as (tx, rows):
            for row in rows:
                note(row, fetched.snapshot)
            return self._tools.mirror.store(tx, fetched)

    @contextmanager
    def _written(
        self, lines: Sequence[ChangeLineRow]
    ) -> Iterator[tuple[Session, list[ChangeLineRow]]]:
        """A transaction that writes the lines, with their account locked first."""
        with self._tools.database.write() as tx:
            lock(tx, self.change.account_seq)
            yield tx, [tx.get_one(ChangeLineRow, line.seq) for line in lines]

    def _leave(self, tx: Session, rows: Sequence[ChangeLineRow], state: State, cause: str) -> None:
        tools = self._tools
        at = Moment(tools.clock.now(), tools.reader.time.now())
        for row in rows:
            if State(row.state) is State.EXECUTING:
                finish(tx, tools.catalogue, self.change.account, row, state, cause, at)
        if not is_executing(tx, self.change.seq):
            disarm(tx, Work.CARRY_OUT, self.change.id)


def note_invoice(line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    """Remember which invoice the write made."""
    line.invoice_id = found.latest_invoice


def note_nothing(_line: ChangeLineRow, _found: SubscriptionSnapshot) -> None:
    """The write made no invoice of its own."""


def item_of(line: ChangeLineRow, found: SubscriptionSnapshot) -> str | None:
    """The item on which the subscription has what the line wants."""
    return next((item.id for item in found.items if item.price.id == line.price_id), None)
