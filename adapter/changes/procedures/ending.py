"""The end of a plan, now: of a whole subscription, or of one line of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...billing import Cancel, RemoveNow
from ...gateway.snapshots import SubscriptionSnapshot
from ...gateway.write import Operation
from ...steps import StepRefused
from .one_change import Note, OneChange, note_invoice, note_nothing
from .period import pay_period_first


class EndNow:
    """Cancel the subscription, then see the credit through to the balance."""

    def __init__(self, one: OneChange, bill: Cancel) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        with failing(self._one):
            self.cancel()
        self._one.is_applied("the subscription was cancelled")

    def cancel(self, note: Note = note_invoice) -> None:
        """Everything but the end of the lines. Raises StepRefused."""
        one, bill = self._one, self._bill
        draft = one.draft_of(bill.subscription)
        cancelled = one.steps.do(
            "cancel",
            Operation.SUBSCRIPTION_CANCEL,
            bill.cancel(one.change.comment),
            target=bill.subscription,
            look=lambda: one.look.ended(bill.subscription),
        )
        sub = one.seen(cancelled, note)
        if bill.credit:
            self._finalize(sub)
        elif draft is not None or one.steps.begun("void_finalize"):
            self._void_draft(sub, draft or one.steps.target_of("void_finalize"))

    def _finalize(self, sub: SubscriptionSnapshot) -> None:
        """The credit reaches the balance only when the final invoice is finalized."""
        one = self._one
        assert sub.latest_invoice is not None, f"{sub.id} was cancelled without a final invoice"
        if sub.invoice is None or sub.invoice.status == "draft":
            one.finalize(sub.latest_invoice, auto_advance=True)
            one.refresh(sub.id)
        one.refresh_balance()

    def _void_draft(self, sub: SubscriptionSnapshot, invoice: str) -> None:
        """A period that has hardly begun is not charged: left alone, its draft would be.

        Only a finalized invoice can be voided; it is finalized so that Stripe does not collect it.
        One that bills an earlier period as well is owed and stays.
        """
        one = self._one
        begins = min(item.period_start for item in sub.items)
        if any(line.period_start < begins for line in one.invoice(invoice).lines):
            return
        one.finalize(invoice, auto_advance=False, step="void_finalize")
        one.void(invoice)
        one.refresh_invoice(invoice)


class EndLineNow:
    """Take lines off a subscription that goes on with its others."""

    def __init__(self, one: OneChange, bill: RemoveNow) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        with failing(self._one):
            self.remove(note_invoice if self._bill.credit else note_nothing)
        self._one.is_applied("taken off the subscription")

    def remove(self, note: Note) -> None:
        """Everything but the end of the lines. Raises StepRefused."""
        one, bill = self._one, self._bill
        if bill.credit:
            pay_period_first(one, bill.subscription, before="remove")
        updated = one.steps.do(
            "remove",
            Operation.SUBSCRIPTION_UPDATE,
            bill.update(one.change.id),
            target=bill.subscription,
            look=lambda: one.look.without_items(bill.subscription, bill.items),
        )
        one.seen(updated, note)
        if bill.credit:
            one.refresh_balance()


@contextmanager
def failing(one: OneChange) -> Iterator[None]:
    """What Stripe refuses meanwhile is the end of the order."""
    try:
        yield
    except StepRefused as refused:
        one.fails(refused)
        raise
