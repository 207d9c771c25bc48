"""A first purchase: a new subscription, active only once its first invoice is paid."""

from __future__ import annotations

from ...billing import Purchase
from ...gateway.snapshots import SubscriptionSnapshot
from ...gateway.write import Operation
from ...steps import StepRefused
from ...tables import ChangeLineRow
from .one_change import OneChange, item_of

RUNNING = frozenset({"active", "trialing"})


class FirstPurchase:
    """Create incomplete, pay the first invoice; give the subscription up if that is refused."""

    def __init__(self, one: OneChange, bill: Purchase) -> None:
        self._one = one
        self._bill = bill
        self._method = one.change.payment_method

    def run(self) -> None:
        one = self._one
        try:
            created = one.steps.do(
                "create",
                Operation.SUBSCRIPTION_CREATE,
                self._bill.create(one.change.id, self._method),
                look=one.look.created_subscription,
            )
        except StepRefused as refused:
            one.fails(refused)
            raise
        sub = one.seen(created, _adopt)
        # Paid or refused in an earlier run, it is so still, whatever became of the subscription.
        if (sub.status == "incomplete" or one.steps.begun("give_up")) and not self._pay(sub):
            return
        if sub.status not in RUNNING:
            sub = one.refresh(sub.id)
        if sub.status in RUNNING:
            billed = "the first payment succeeded"
            one.is_applied("it began, and is billed by usage" if self._bill.metered else billed)
        else:
            # A payment that is still processing: the mirror settles the line when it is known.
            assert sub.latest_invoice is not None
            one.awaits_payment(one.invoice(sub.latest_invoice))

    def _pay(self, sub: SubscriptionSnapshot) -> bool:
        """Pay the open first invoice; False if the customer has to act first."""
        one = self._one
        assert sub.latest_invoice is not None, f"{sub.id} is incomplete without an invoice"
        invoice = sub.latest_invoice
        try:
            one.steps.do(
                "pay",
                Operation.INVOICE_PAY,
                {"payment_method": self._method} if self._method else {},
                target=invoice,
                look=lambda: one.look.paid(invoice),
            )
        except StepRefused as refused:
            if refused.needs_action:
                one.awaits_payment(one.invoice(invoice))
                return False
            give_up(one, sub.id)
            one.fails(refused)
            raise
        return True


def give_up(one: OneChange, subscription: str) -> None:
    """Cancel the incomplete subscription, and see to it that its invoice cannot be paid."""
    one.steps.do(
        "give_up",
        Operation.SUBSCRIPTION_CANCEL,
        {},
        target=subscription,
        look=lambda: one.look.ended(subscription),
    )
    sub = one.refresh(subscription)
    if sub.invoice is not None and sub.invoice.status == "open":
        one.void(sub.invoice.id)
        one.refresh(subscription)


def _adopt(line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    line.subscription_id = found.id
    line.item_id = item_of(line, found)
    line.invoice_id = found.latest_invoice
