"""One purchase being carried out: its steps, and the ways it leaves the state it is in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..clock import Moment
from ..due import BILLING, Work, arm
from ..gateway.snapshots import TENANT_KEY, InvoiceSnapshot
from ..gateway.write import Operation
from ..mirror import Fetched
from ..steps import StepDone, StepRefused
from ..tables import PurchaseRow
from ..tools import Tools
from .settling import DEBIT_LOOK, ends, invoice_seen
from .states import State, move

# Metadata that names the purchase an invoice or a payment is for.
PURCHASE_KEY = "planshift_purchase"
# As long as Stripe keeps a pending update: a purchase that nobody pays is given up then.
PATIENCE = timedelta(hours=23)
# What of a refusal is kept for the caller.
FAILURE = ("code", "message", "declined", "param")


class OnePurchase:
    """A purchase with its remembered steps. Everything that writes goes through here."""

    def __init__(self, tools: Tools, purchase: PurchaseRow) -> None:
        assert purchase.account.customer_id is not None
        self.row = purchase
        self.customer = purchase.account.customer_id
        self.tools = tools
        self.steps = tools.steps(f"purchase:{purchase.id}")

    def moment(self) -> Moment:
        """The present moment, for the customer and on the wall."""
        at = self.tools.reader.billing_now(self.row.account.test_clock)
        return Moment(self.tools.clock.now(), at)

    def metadata(self) -> dict[str, str]:
        """What marks objects at Stripe as this purchase's."""
        return {PURCHASE_KEY: self.row.id, TENANT_KEY: self.tools.catalogue.tenant}

    def state(self) -> State:
        """Where it stands now."""
        with self.tools.database.read() as tx:
            return State(tx.get_one(PurchaseRow, self.row.seq).state)

    def settle(self, invoice: str, paid: StepDone | None = None) -> InvoiceSnapshot:
        """Grant if the invoice is paid, else wait for that; ``paid`` is the answer of paying it."""
        tools = self.tools
        if paid and isinstance(paid.snapshot, InvoiceSnapshot) and paid.snapshot.status == "paid":
            fetched = Fetched(paid.snapshot, paid.ticket)
        else:
            fetched = tools.mirror.fetch_invoice(invoice)
        found = fetched.snapshot
        assert isinstance(found, InvoiceSnapshot)
        moment = self.moment()
        with tools.database.write() as tx:
            tools.mirror.store(tx, fetched)
            invoice_seen(tx, tools.catalogue, found, moment)
            if found.status == "open":
                fresh = tx.get_one(PurchaseRow, self.row.seq)
                fresh.payment_url = found.hosted_invoice_url
                cause = "the payment needs the customer"
                move(tx, fresh, State.AWAITING_PAYMENT, cause, moment.wall)
                arm(tx, Work.BUY, self.row.id, self.customer, _next_look(found, moment), self.on)
        return found

    def give_up(self, invoice: str, state: State, refused: StepRefused | None) -> bool:
        """Void the invoice, so that it cannot be paid any more.

        False if Stripe does not let go of it: it was paid in the meantime, or the money is under
        way.
        """
        self._note_failure(refused)
        try:
            done = self.steps.do(
                "void",
                Operation.INVOICE_VOID,
                {},
                target=invoice,
                look=lambda: self.in_status(invoice, "void"),
            )
        except StepRefused:
            return False
        if isinstance(done.snapshot, InvoiceSnapshot):
            with self.tools.database.write() as tx:
                self.tools.mirror.store(tx, Fetched(done.snapshot, done.ticket))
        self.over(state, refused.message if refused else "it was not paid in time")
        return True

    def over(self, state: State, cause: str, refused: StepRefused | None = None) -> None:
        """It ends without having been paid, and nothing is left that could be."""
        self._note_failure(refused)
        with self.tools.database.write() as tx:
            row = tx.get_one(PurchaseRow, self.row.seq)
            ends(tx, row, state, cause, self.tools.clock.now())

    def in_status(self, invoice: str, status: str) -> InvoiceSnapshot | None:
        """The invoice if it is in ``status``."""
        found = self.tools.reader.invoice(invoice)
        return found if found.status == status else None

    @property
    def on(self) -> str:
        """The clock by which the customer is billed."""
        return self.row.account.test_clock or BILLING

    def _note_failure(self, refused: StepRefused | None) -> None:
        if refused is None:
            return
        members: dict[str, Any] = refused.record
        with self.tools.database.write() as tx:
            row = tx.get_one(PurchaseRow, self.row.seq)
            row.failure = {key: members.get(key) for key in FAILURE}


def _next_look(invoice: InvoiceSnapshot, moment: Moment) -> datetime:
    if is_under_way(invoice):
        return moment.billing + DEBIT_LOOK
    late = invoice.created_at + PATIENCE
    # Once it is late it is given up at once; should Stripe not let go of it, not over and over.
    return late if late > moment.billing else moment.billing + DEBIT_LOOK


def is_under_way(invoice: InvoiceSnapshot) -> bool:
    """Whether the money is on its way: such a payment is neither repeated nor given up."""
    return invoice.payment is not None and invoice.payment.status == "processing"
