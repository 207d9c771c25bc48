"""A scheduled change whose first payment failed: other methods, grace, giving up.

Stripe enters a phase before it is paid. Until its invoice is, the old plan counts; here is what is
done when the first attempt has failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select

from ..clock import Moment
from ..due import BILLING, Work, arm, disarm
from ..gateway.snapshots import CHANGE_KEY, INVOICE_KEY, InvoiceSnapshot
from ..gateway.write import Operation
from ..locks import lock
from ..steps import StepRefused
from ..tables import ChangeLineRow, ChangeRow, SubscriptionRow
from ..tools import Tools
from .procedures import OneChange
from .procedures.unbilling import unbill
from .settling import finish
from .states import State, place_of
from .telling import billed_together, tell_activation_failed

log = structlog.get_logger(__name__)


class Activating:
    """Sees a scheduled change through whose payment failed; every call is the worker's.

    ``subject`` names one line: see ``states.subject_of``.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._database = tools.database

    def try_other_methods(self, subject: str) -> None:
        """Charge each other saved method once; if none works, say so, and wait or give up.

        Whether a payment succeeded is read from the mirror, which settles the line by itself.
        """
        line = self._line(subject)
        if line.invoice_id is None:
            self._find_invoice(line)
        elif self._is_open(line):
            invoice = self._charge(line.change, line)
            if self._is_open(line):
                self._wait_or_give_up(subject, line, invoice)
        with self._database.write() as tx:
            disarm(tx, Work.ACTIVATE, subject)

    def give_up(self, subject: str) -> None:
        """The grace is over: take the line off Stripe, then what was billed for it, then fail.

        In this order, so that no unpaid price stays on the subscription whatever happens between.
        Also called for a line that has failed by itself (Stripe gave up first): what was billed
        for it is taken back then; and for one that is paid after all: too late, so it is credited.
        """
        line = self._line(subject)
        if line.invoice_id is not None:
            one = OneChange(self._tools, line.change)
            paid = one.refresh_invoice(line.invoice_id).status == "paid"
            state = self._state(line)
            if paid and state is State.FAILED:
                self._credit_late(one, line, line.invoice_id)
            elif not paid and state in (State.ACTIVATING, State.FAILED):
                self._note_why(line)
                self._take_off(one, line)
                self._unbill(one, line, line.invoice_id)
                # It may have been paid at any moment until here.
                if self._fail(one, line).status == "paid":
                    self._credit_late(one, line, line.invoice_id)
        with self._database.write() as tx:
            disarm(tx, Work.GIVE_UP, subject)

    def _line(self, subject: str) -> ChangeLineRow:
        change_id, family = subject.split("/", 1)
        with self._database.read() as tx:
            change = tx.scalars(select(ChangeRow).where(ChangeRow.id == change_id)).one()
        return next(line for line in change.lines if line.family == family)

    def _credit_late(self, one: OneChange, line: ChangeLineRow, invoice: str) -> None:
        """A payment for what was given up goes to the balance: nothing is owed for it.

        Where a credit note took the given-up lines off the invoice, what is paid is the others'.
        """
        found = one.invoice(invoice)
        if found.amount_paid <= 0 or one.steps.begun(_step("credit_note", line)):
            return
        log.error("paid_after_giving_up", change=one.change.id, invoice=invoice)
        customer = one.change.account.customer_id
        assert customer is not None
        # Of all lines of the order that this one invoice billed, once.
        one.steps.do(
            f"credit_late_{invoice}",
            Operation.BALANCE_CREDIT,
            {
                "amount": -found.amount_paid,
                "currency": found.currency,
                "description": f"Paid after the plan change was given up: {invoice}",
                "metadata": {CHANGE_KEY: one.change.id, INVOICE_KEY: invoice},
            },
            target=customer,
            look=lambda: one.look.balance_credit(invoice),
        )
        one.refresh_balance()

    def _find_invoice(self, line: ChangeLineRow) -> None:
        """The subscription has ended and nobody has told of the first period's invoice: it is
        looked for, and the mirror settles the line by it. Without one nothing was ever billed.
        """
        customer, effective = line.change.account.customer_id, line.effective_at
        assert customer is not None
        assert effective is not None
        for invoice in self._tools.reader.invoices_of(customer, line.subscription_id):
            billed = {entry.price for entry in invoice.lines if entry.period_start >= effective}
            if line.price_id in billed:
                self._tools.mirror.refresh_invoice(invoice.id)
        self._fail_open(line, "the subscription ended before it was billed")

    def _is_open(self, line: ChangeLineRow) -> bool:
        return self._state(line) is State.ACTIVATING

    def _state(self, line: ChangeLineRow) -> State:
        with self._database.read() as tx:
            return State(tx.get_one(ChangeLineRow, line.seq).state)

    def _charge(self, change: ChangeRow, line: ChangeLineRow) -> InvoiceSnapshot:
        """Try the methods that Stripe's own attempt did not use; gives the invoice after that."""
        one = OneChange(self._tools, change)
        assert line.invoice_id is not None
        assert change.account.customer_id is not None
        invoice = line.invoice_id
        # One try of each method, however many lines of the order the invoice bills.
        place = min(place_of(one) for one in billed_together(line))
        tried = self._default_method(change, line)
        methods = self._tools.reader.payment_methods_of(change.account.customer_id)
        for method in [found.id for found in methods]:
            if method == tried:
                continue
            try:
                one.steps.do(
                    f"pay{place}_with_{method}",
                    Operation.INVOICE_PAY,
                    {"payment_method": method},
                    target=invoice,
                    look=lambda: one.look.paid(invoice),
                )
            except StepRefused:
                continue
            break
        found = one.refresh_invoice(invoice)
        assert line.subscription_id is not None
        one.refresh(line.subscription_id)
        return found

    def _default_method(self, change: ChangeRow, line: ChangeLineRow) -> str | None:
        with self._database.read() as tx:
            sub = tx.get_one(SubscriptionRow, line.subscription_id)
            return sub.default_payment_method or change.account.default_payment_method

    def _wait_or_give_up(self, subject: str, line: ChangeLineRow, invoice: InvoiceSnapshot) -> None:
        until, change = _grace_until(line), line.change
        with self._database.write() as tx:
            lock(tx, change.account_seq)
            row = tx.get_one(ChangeLineRow, line.seq)
            row.grace_until = until
            row.payment_url = invoice.hosted_invoice_url
            account, now = change.account, self._tools.clock.now()
            tell_activation_failed(tx, self._tools.catalogue, account, row, invoice, now)
            if until is not None:
                clock = account.test_clock or BILLING
                owner = account.customer_id or account.id
                arm(tx, Work.GIVE_UP, subject, owner, until, clock)
        if until is None:
            self.give_up(subject)

    def _note_why(self, line: ChangeLineRow) -> None:
        """First of all, because the mirror may fail the line as soon as it is off."""
        with self._database.write() as tx:
            lock(tx, line.account_seq)
            row = tx.get_one(ChangeLineRow, line.seq)
            if row.failure is None:
                row.failure = {"code": "not_paid", "message": "Its payment was not made in time."}

    def _take_off(self, one: OneChange, line: ChangeLineRow) -> None:
        """Cancel the subscription, or take the one line off it, without any credit."""
        assert line.subscription_id is not None
        subscription = line.subscription_id
        with self._database.read() as tx:
            sub = tx.get_one(SubscriptionRow, subscription)
            ended = sub.ended_at is not None
            items = {item.price_id: item.id for item in sub.lines if not item.removed}
        item = items.pop(line.price_id or "", None)
        if items and item is not None:
            one.steps.do(
                _step("take_off", line),
                Operation.SUBSCRIPTION_UPDATE,
                {"items": [{"id": item, "deleted": True}], "proration_behavior": "none"},
                target=subscription,
                look=lambda: one.look.without_items(subscription, [item]),
            )
        elif not items and not ended:
            one.steps.do(
                _step("take_off_all", line),
                Operation.SUBSCRIPTION_CANCEL,
                {},
                target=subscription,
                look=lambda: one.look.ended(subscription),
            )
        # The mirror fails the line of what has ended, before anything else follows from it.
        one.refresh(subscription)

    def _unbill(self, one: OneChange, line: ChangeLineRow, invoice: str) -> None:
        """Void the invoice if all of it is given up, else credit the given-up line on it."""
        try:
            unbill(one, invoice, [line.price_id or ""], f"_{place_of(line)}")
        except StepRefused:
            if one.refresh_invoice(invoice).status != "paid":
                raise

    def _fail(self, one: OneChange, line: ChangeLineRow) -> InvoiceSnapshot:
        """The line has failed; gives the invoice as it is then."""
        self._fail_open(line, "the payment was not made in time")
        assert line.invoice_id is not None
        one.refresh_balance()
        return one.refresh_invoice(line.invoice_id)

    def _fail_open(self, line: ChangeLineRow, cause: str) -> None:
        at = Moment(self._tools.clock.now(), self._tools.reader.time.now())
        with self._database.write() as tx:
            lock(tx, line.account_seq)
            row = tx.get_one(ChangeLineRow, line.seq)
            if State(row.state) is State.ACTIVATING:
                finish(tx, self._tools.catalogue, row.change.account, row, State.FAILED, cause, at)


def _step(name: str, line: ChangeLineRow) -> str:
    """Steps are remembered by name: each line of an order has names of its own."""
    return f"{name}_{place_of(line)}"


def _grace_until(line: ChangeLineRow) -> datetime | None:
    """Until when, on the customer's clock, the payment may be made up for; None: not at all.

    Stripe may cancel earlier, by its own settings; then the subscription's end decides.
    """
    decision: Mapping[str, Any] = line.decision
    days = int(decision.get("grace_days") or 0)
    if decision.get("on_failed_payment") == "free" or days == 0 or line.effective_at is None:
        return None
    return line.effective_at + timedelta(days=days)
