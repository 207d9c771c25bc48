"""How each decision is carried out at Stripe, one procedure per kind of change.

A procedure reads straight down and may be run again from the top at any time: ``steps`` remembers
what was written already. It ends by moving the line out of ``executing``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..billing import Cancel, Purchase, UpdateNow, bill_from_json
from ..clock import Clock
from ..database import Database
from ..due import Work, disarm
from ..gateway.read import Reader
from ..gateway.snapshots import InvoiceSnapshot, SubscriptionSnapshot
from ..gateway.write import Operation, Writer
from ..mirror import Fetched, Mirror
from ..steps import StepDone, StepRefused, Steps
from ..tables import ChangeLineRow, ChangeRow
from .looking import Looking
from .settling import finish
from .states import State, move

ENDED = frozenset({"canceled", "incomplete_expired"})
RUNNING = frozenset({"active", "trialing"})


class Procedures:
    """Carries plan changes out; built once, used by requests and by the worker alike."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        writer: Writer,
        catalogue: Catalogue,
        mirror: Mirror,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reader = reader
        self._writer = writer
        self._catalogue = catalogue
        self._mirror = mirror
        self._clock = clock

    def carry_out(self, change: ChangeRow) -> None:
        """Bring ``change`` from executing to its next state.

        Raises:
            StepRefused: Stripe refused; the line has failed, and everything begun is undone.
            Unavailable: Stripe did not answer; the change stays executing and can be resumed.
        """
        line = change.lines[0]
        if State(line.state) is not State.EXECUTING:
            return
        bill = bill_from_json(change.bill)
        if isinstance(bill, Purchase):
            self._purchase(change, line, bill)
        elif isinstance(bill, UpdateNow):
            self._update(change, line, bill)
        elif change.timing == "now":
            self._cancel_now(change, line, bill)
        else:
            self._cancel_later(change, line, bill)

    # -- a first purchase ---------------------------------------------------------------------

    def _purchase(self, change: ChangeRow, line: ChangeLineRow, bill: Purchase) -> None:
        steps, look = self._steps(change), self._looking(change, line)
        try:
            created = steps.do(
                "create",
                Operation.SUBSCRIPTION_CREATE,
                bill.create(change.id, change.payment_method),
                look=look.created_subscription,
            )
        except StepRefused as refused:
            self._fail(change, line, refused)
            raise
        sub = self._seen(created, lambda tx, found: _adopt(tx, line, found))
        if sub.status == "incomplete":
            sub = self._pay_first_invoice(change, line, sub)
        if sub.status in RUNNING:
            self._end(change, line, State.APPLIED, "the first payment succeeded")

    def _pay_first_invoice(
        self, change: ChangeRow, line: ChangeLineRow, sub: SubscriptionSnapshot
    ) -> SubscriptionSnapshot:
        """Pay the open first invoice; a refusal gives up the subscription that was begun."""
        assert sub.latest_invoice is not None, f"{sub.id} is incomplete without an invoice"
        invoice = sub.latest_invoice
        method = {"payment_method": change.payment_method} if change.payment_method else {}
        try:
            self._steps(change).do(
                "pay",
                Operation.INVOICE_PAY,
                method,
                target=invoice,
                look=lambda: self._looking(change, line).paid(invoice),
            )
        except StepRefused as refused:
            if refused.needs_action:
                self._await_payment(change, line, self._reader.invoice(invoice))
                return sub
            self.give_up_purchase(change, line, sub.id)
            self._fail(change, line, refused)
            raise
        return self._mirror.refresh_subscription(sub.id)

    def give_up_purchase(self, change: ChangeRow, line: ChangeLineRow, sub_id: str) -> None:
        """Cancel the incomplete subscription and see to it that its invoice cannot be paid."""
        steps, look = self._steps(change), self._looking(change, line)
        steps.do(
            "give_up",
            Operation.SUBSCRIPTION_CANCEL,
            {},
            target=sub_id,
            look=lambda: look.ended(sub_id),
        )
        sub = self._mirror.refresh_subscription(sub_id)
        if sub.invoice is not None and sub.invoice.status == "open":
            self.void(change, line, sub.invoice.id)

    # -- a change now -------------------------------------------------------------------------

    def _update(self, change: ChangeRow, line: ChangeLineRow, bill: UpdateNow) -> None:
        steps, look = self._steps(change), self._looking(change, line)
        try:
            self._use_method(change, line, bill.subscription)
            updated = steps.do(
                "update",
                Operation.SUBSCRIPTION_UPDATE,
                bill.update(change.id),
                target=bill.subscription,
                look=lambda: look.updated(bill),
            )
        except StepRefused as refused:
            self._restore_method(change, line, bill.subscription)
            self._fail(change, line, refused)
            raise
        sub = self._seen(updated, lambda tx, found: _note_invoice(tx, line, found))
        if sub.pending_update_expires_at is not None:
            self._resolve_pending(change, line, sub)
        else:
            self._end(change, line, State.APPLIED, "the payment succeeded", sub)

    def _resolve_pending(
        self, change: ChangeRow, line: ChangeLineRow, sub: SubscriptionSnapshot
    ) -> None:
        """The old plan is still in force: wait for the customer's action, or give the change up."""
        assert sub.latest_invoice is not None, f"{sub.id} has a pending update without an invoice"
        invoice = self._reader.invoice(sub.latest_invoice)
        payment = invoice.payment
        if payment is not None and payment.status in ("requires_action", "processing"):
            self._await_payment(change, line, invoice)
            return
        self.void(change, line, invoice.id)
        self._restore_method(change, line, sub.id)
        self._mirror.refresh_subscription(sub.id)
        refused = StepRefused.decline(
            payment.code if payment else None, payment.message if payment else None
        )
        self._fail(change, line, refused)
        raise refused

    def void(self, change: ChangeRow, line: ChangeLineRow, invoice: str) -> None:
        """Void an invoice all of whose lines are given up; a pending update goes with it."""
        self._steps(change).do(
            "void",
            Operation.INVOICE_VOID,
            {},
            target=invoice,
            look=lambda: self._looking(change, line).voided(invoice),
        )

    def _use_method(self, change: ChangeRow, line: ChangeLineRow, sub_id: str) -> None:
        """Charge the named method: set by an update of its own, which pending updates allow."""
        if change.payment_method is None:
            return
        self._set_method(change, line, sub_id, "use_method", change.payment_method)

    def _restore_method(self, change: ChangeRow, line: ChangeLineRow, sub_id: str) -> None:
        if change.payment_method is None or self._steps(change).refused("use_method"):
            return
        before = change.method_before or ""
        self._set_method(change, line, sub_id, "restore_method", before)

    def _set_method(
        self, change: ChangeRow, line: ChangeLineRow, sub_id: str, step: str, method: str
    ) -> None:
        self._steps(change).do(
            step,
            Operation.SUBSCRIPTION_UPDATE,
            {"default_payment_method": method},
            target=sub_id,
            look=lambda: self._looking(change, line).on_method(sub_id, method),
        )

    # -- an end -------------------------------------------------------------------------------

    def _cancel_now(self, change: ChangeRow, line: ChangeLineRow, bill: Cancel) -> None:
        look = self._looking(change, line)
        try:
            cancelled = self._steps(change).do(
                "cancel",
                Operation.SUBSCRIPTION_CANCEL,
                bill.cancel(change.comment),
                target=bill.subscription,
                look=lambda: look.ended(bill.subscription),
            )
        except StepRefused as refused:
            self._fail(change, line, refused)
            raise
        sub = self._seen(cancelled, lambda tx, found: _note_invoice(tx, line, found))
        if bill.credit:
            sub = self._finalize(change, line, sub)
        self._end(change, line, State.APPLIED, "the subscription was cancelled", sub)

    def _finalize(
        self, change: ChangeRow, line: ChangeLineRow, sub: SubscriptionSnapshot
    ) -> SubscriptionSnapshot:
        """The credit reaches the balance only when the final invoice is finalized."""
        assert sub.latest_invoice is not None
        invoice = sub.latest_invoice
        if sub.invoice is None or sub.invoice.status == "draft":
            self._steps(change).do(
                "finalize",
                Operation.INVOICE_FINALIZE,
                {},
                target=invoice,
                look=lambda: self._looking(change, line).finalized(invoice),
            )
            sub = self._mirror.refresh_subscription(sub.id)
        self._mirror.refresh_customer(sub.customer)
        return sub

    def _cancel_later(self, change: ChangeRow, line: ChangeLineRow, bill: Cancel) -> None:
        look = self._looking(change, line)
        try:
            updated = self._steps(change).do(
                "set_end",
                Operation.SUBSCRIPTION_UPDATE,
                bill.set_end(change.id, change.comment),
                target=bill.subscription,
                look=lambda: look.set_to_end(bill.subscription),
            )
        except StepRefused as refused:
            self._fail(change, line, refused)
            raise
        self._seen(updated, lambda tx, found: _note_end(tx, line, found))
        self._end(change, line, State.SCHEDULED, "the subscription ends with its period")

    # -- shared -------------------------------------------------------------------------------

    def _steps(self, change: ChangeRow) -> Steps:
        return Steps(self._database, self._writer, self._clock, f"change:{change.id}")

    def _looking(self, change: ChangeRow, line: ChangeLineRow) -> Looking:
        assert change.account.customer_id is not None
        return Looking(self._reader, change.account.customer_id, change.id)

    def _seen(
        self, done: StepDone, note: Callable[[Session, SubscriptionSnapshot], None]
    ) -> SubscriptionSnapshot:
        """Store the subscription a write answered with; fetch it where the answer is not to be
        trusted (replayed, recorded by an earlier run, or overtaken by a younger read).
        """
        if isinstance(done.snapshot, SubscriptionSnapshot):
            with self._database.write() as tx:
                note(tx, done.snapshot)
                stored = self._mirror.store(tx, Fetched(done.snapshot, done.ticket))
            if stored:
                return done.snapshot
        fetched = self._mirror.fetch_subscription(done.object_id)
        assert isinstance(fetched.snapshot, SubscriptionSnapshot)
        with self._database.write() as tx:
            note(tx, fetched.snapshot)
            self._mirror.store(tx, fetched)
        return fetched.snapshot

    def _await_payment(
        self, change: ChangeRow, line: ChangeLineRow, invoice: InvoiceSnapshot
    ) -> None:
        with self._database.write() as tx:
            row = tx.get_one(ChangeLineRow, line.seq)
            row.payment_url = invoice.hosted_invoice_url
            row.invoice_id = invoice.id
            tx.flush()
            self._finish(tx, row, State.AWAITING_PAYMENT, "the payment needs the customer")
            disarm(tx, Work.CARRY_OUT, change.id)

    def _end(
        self,
        change: ChangeRow,
        line: ChangeLineRow,
        state: State,
        cause: str,
        sub: SubscriptionSnapshot | None = None,
    ) -> None:
        with self._database.write() as tx:
            row = tx.get_one(ChangeLineRow, line.seq)
            if sub is not None:
                row.drift = _drift(change, row, sub)
                tx.flush()
            self._finish(tx, row, state, cause)
            disarm(tx, Work.CARRY_OUT, change.id)

    def _fail(self, change: ChangeRow, line: ChangeLineRow, refused: StepRefused) -> None:
        with self._database.write() as tx:
            row = tx.get_one(ChangeLineRow, line.seq)
            row.failure = {key: refused.record.get(key) for key in ("code", "message", "declined")}
            tx.flush()
            if State(row.state) is State.EXECUTING:
                move(tx, row, State.FAILED, refused.record["message"], self._clock.now())
            disarm(tx, Work.CARRY_OUT, change.id)

    def _finish(self, tx: Session, row: ChangeLineRow, state: State, cause: str) -> None:
        if State(row.state) is State.EXECUTING:
            now = self._clock.now()
            finish(tx, self._catalogue, row.change.account, row, state, cause, now)


def _adopt(tx: Session, line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    row = tx.get_one(ChangeLineRow, line.seq)
    row.subscription_id = found.id
    row.item_id = found.items[0].id
    row.invoice_id = found.latest_invoice


def _note_invoice(tx: Session, line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    tx.get_one(ChangeLineRow, line.seq).invoice_id = found.latest_invoice


def _note_end(tx: Session, line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    tx.get_one(ChangeLineRow, line.seq).effective_at = found.cancel_at


def _drift(
    change: ChangeRow, line: ChangeLineRow, sub: SubscriptionSnapshot
) -> dict[str, Any] | None:
    """What differs between what was agreed and what Stripe did; None if nothing does."""
    wrong: dict[str, Any] = {}
    item = next((item for item in sub.items if item.id == line.item_id), None)
    if line.price_id is not None:
        actual = (item.price.id, item.quantity) if item else None
        if actual != (line.price_id, line.quantity):
            wrong["item"] = {"expected": [line.price_id, line.quantity], "actual": actual}
    elif sub.status not in ENDED:
        wrong["status"] = {"expected": "canceled", "actual": sub.status}
    total = sub.invoice.total if sub.invoice else None
    if change.quoted_total is not None and not _as_quoted(change, total):
        wrong["total"] = {"expected": change.quoted_total, "actual": total}
    return wrong or None


def _as_quoted(change: ChangeRow, total: int | None) -> bool:
    """A cancellation is prorated at the second it happens, so its credit may be a little less."""
    assert change.quoted_total is not None
    if total is None or change.kind != "cancel":
        return total == change.quoted_total
    return abs(total - change.quoted_total) <= 1 + abs(change.quoted_total) // 1000
