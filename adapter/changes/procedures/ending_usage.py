"""The end of a plan that is billed by usage, now: everything used is counted, billed and paid.

From the moment the change is committed the account is on its free plan and no more usage is taken
(``entitlements``, ``metering.booking``); here that is made true at Stripe.
"""

from __future__ import annotations

from contextlib import suppress

from ...billing import EndUsage
from ...gateway.snapshots import SubscriptionSnapshot
from ...gateway.write import Operation
from ...steps import StepRefused
from .one_change import OneChange, note_invoice
from .period import pay_period_first


class EndUsageNow:
    """Wait until the meter has everything, cancel with a last invoice, and have that paid."""

    def __init__(self, one: OneChange, bill: EndUsage) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        """Comes back without having ended anything while usage is on its way: then it is resumed.

        An invoice that cannot be paid stays open, and the plan has ended all the same.
        """
        if not self._everything_is_counted():
            return
        sub = self._cancel()
        owed = self._collect(sub)
        self._one.refresh_balance()
        self._one.is_applied("the subscription was cancelled and its usage billed", owed=owed)

    def _everything_is_counted(self) -> bool:
        one, bill = self._one, self._bill
        if one.steps.begun("cancel"):
            return True
        usage = one.usage()
        again = usage.empty_at() or usage.counted_at(bill.subscription, bill.meter)
        if again is not None:
            one.waits(again)
        return again is None

    def _cancel(self) -> SubscriptionSnapshot:
        one, bill = self._one, self._bill
        # What was used in a period that is over is owed, whether or not it can be paid now.
        with suppress(StepRefused):
            pay_period_first(one, bill.subscription, before="cancel")
        try:
            cancelled = one.steps.do(
                "cancel",
                Operation.SUBSCRIPTION_CANCEL,
                bill.cancel(one.change.comment),
                target=bill.subscription,
                look=lambda: one.look.ended(bill.subscription),
            )
        except StepRefused as refused:
            one.fails(refused)
            raise
        return one.seen(cancelled, note_invoice)

    def _collect(self, sub: SubscriptionSnapshot) -> str | None:
        """Finalize the last invoice and have it paid; gives it if it is still owed."""
        one, invoice = self._one, sub.latest_invoice
        if invoice is None or not self._bills_the_end(sub, invoice):
            return None
        if one.invoice(invoice).status == "draft":
            one.finalize(invoice, auto_advance=True)
        if sub.collection_method != "charge_automatically":
            one.refresh_invoice(invoice)
            return None  # Stripe sends it, and it is due some day
        refused = one.invoice(invoice).status == "open" and not self._pay(invoice)
        # Refused because finalizing had it paid already is as good as paid.
        return invoice if one.refresh_invoice(invoice).status == "open" and refused else None

    def _pay(self, invoice: str) -> bool:
        """False if the payment was refused. One of some days is none yet."""
        one = self._one
        try:
            one.steps.do(
                "pay",
                Operation.INVOICE_PAY,
                {},
                target=invoice,
                look=lambda: one.look.paid(invoice),
            )
        except StepRefused:
            return False
        return True

    def _bills_the_end(self, sub: SubscriptionSnapshot, invoice: str) -> bool:
        """Whether the newest invoice is that of the end: without usage there is none."""
        begun = min(item.period_start for item in sub.items)
        return any(line.period_start >= begun for line in self._one.invoice(invoice).lines)
