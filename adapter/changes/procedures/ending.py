"""The end of a subscription: now, with or without credit, or when its period ends."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import object_session

from ...billing import Cancel
from ...gateway.snapshots import SubscriptionSnapshot
from ...gateway.write import Operation
from ...steps import StepRefused
from ...tables import ChangeLineRow
from ..states import State, move
from .one_change import OneChange


class EndNow:
    """Cancel, then see the credit through to the balance."""

    def __init__(self, one: OneChange, bill: Cancel) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        one, bill = self._one, self._bill
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
        sub = one.seen(cancelled, self._supersede_scheduled)
        if bill.credit:
            sub = self._finalize(sub)
        one.ends(State.APPLIED, "the subscription was cancelled", sub)

    def _finalize(self, sub: SubscriptionSnapshot) -> SubscriptionSnapshot:
        """The credit reaches the balance only when the final invoice is finalized."""
        one = self._one
        assert sub.latest_invoice is not None, f"{sub.id} was cancelled without a final invoice"
        invoice = sub.latest_invoice
        if sub.invoice is None or sub.invoice.status == "draft":
            one.steps.do(
                "finalize",
                Operation.INVOICE_FINALIZE,
                {},
                target=invoice,
                look=lambda: one.look.finalized(invoice),
            )
            sub = one.refresh(sub.id)
        one.refresh_balance()
        return sub

    def _supersede_scheduled(self, line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
        """An end that was scheduled does not come any more: this one came first."""
        line.invoice_id = found.latest_invoice
        tx = object_session(line)
        assert tx is not None
        scheduled = tx.scalars(
            select(ChangeLineRow).where(
                ChangeLineRow.subscription_id == found.id,
                ChangeLineRow.state == State.SCHEDULED.value,
            )
        )
        for earlier in scheduled.all():
            cause = f"cancelled now by {line.change.id}"
            move(tx, earlier, State.SUPERSEDED, cause, self._one.now())


class EndLater:
    """Set the subscription to end with its period; nothing is billed."""

    def __init__(self, one: OneChange, bill: Cancel) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        one, bill = self._one, self._bill
        try:
            updated = one.steps.do(
                "set_end",
                Operation.SUBSCRIPTION_UPDATE,
                bill.set_end(one.change.id, one.change.comment),
                target=bill.subscription,
                look=lambda: one.look.set_to_end(bill.subscription),
            )
        except StepRefused as refused:
            one.fails(refused)
            raise
        sub = one.seen(updated, _note_end)
        one.ends(State.SCHEDULED, "the subscription ends with its period", sub)


def _note_end(line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    line.effective_at = found.cancel_at
