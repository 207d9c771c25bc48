"""A change now: one update that Stripe applies only once it is paid."""

from __future__ import annotations

from ...billing import UpdateNow
from ...gateway.snapshots import SubscriptionSnapshot
from ...gateway.write import Operation
from ...steps import StepRefused
from ...tables import ChangeLineRow
from ..states import State
from .one_change import OneChange, item_of
from .period import pay_period_first

# The payment is under way: neither made nor refused.
UNDECIDED = frozenset({"requires_action", "processing", "requires_confirmation"})


class ChangeNow:
    """Update; wait if the payment needs the customer, give up if it is declined."""

    def __init__(self, one: OneChange, bill: UpdateNow) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        one, bill = self._one, self._bill
        try:
            pay_period_first(one, bill.subscription, before="update")
            self._use_method()
            updated = one.steps.do(
                "update",
                Operation.SUBSCRIPTION_UPDATE,
                bill.update(one.change.id),
                target=bill.subscription,
                look=lambda: one.look.updated(bill),
            )
        except StepRefused as refused:
            self.restore_method()
            one.fails(refused)
            raise
        sub = one.seen(updated, _note)
        if one.steps.begun("void"):
            # An earlier run began to give the change up: it is not paid, whatever else it lacks.
            self._give_up(sub, one.steps.target_of("void"))
        elif sub.pending_update_expires_at is not None:
            self._resolve_pending(sub)
        elif sub.change_id == one.change.id or self._is_on_target(sub):
            one.is_applied("the payment succeeded")
        else:
            self.restore_method()
            one.leaves(State.EXPIRED, "the payment was not made in time")

    def _is_on_target(self, sub: SubscriptionSnapshot) -> bool:
        held = {(item.price.id, item.quantity) for item in sub.items}
        return held >= {(entry.price, entry.quantity) for entry in self._bill.entries}

    def _resolve_pending(self, sub: SubscriptionSnapshot) -> None:
        """The old plan is still in force: wait for the customer's action, or give the change up."""
        one = self._one
        assert sub.latest_invoice is not None, f"{sub.id} has a pending update without an invoice"
        invoice = one.invoice(sub.latest_invoice)
        payment = invoice.payment
        if payment is not None and payment.status in UNDECIDED:
            one.awaits_payment(invoice)
            return
        self._give_up(sub, invoice.id)

    def _give_up(self, sub: SubscriptionSnapshot, invoice: str) -> None:
        """Void the invoice, and with it the pending update; the change has failed."""
        one = self._one
        payment = one.invoice(invoice).payment
        one.void(invoice)
        self.restore_method()
        one.refresh(sub.id)
        refused = StepRefused.decline(
            payment.code if payment else None, payment.message if payment else None
        )
        one.fails(refused)
        raise refused

    def _use_method(self) -> None:
        """Charge the named method: set by an update of its own, since pending updates allow only
        a closed list of parameters (stripe-facts §3.5).
        """
        method = self._one.change.payment_method
        if method is not None:
            self._set_method("use_method", method)

    def restore_method(self) -> None:
        """Put back the method that was set before; nothing to do if none was named or accepted."""
        one, change = self._one, self._one.change
        unused = not one.steps.begun("use_method") or one.steps.refused("use_method")
        if change.payment_method is None or unused:
            return
        self._set_method("restore_method", change.method_before or "")

    def _set_method(self, step: str, method: str) -> None:
        one, subscription = self._one, self._bill.subscription
        one.steps.do(
            step,
            Operation.SUBSCRIPTION_UPDATE,
            {"default_payment_method": method},
            target=subscription,
            look=lambda: one.look.on_method(subscription, method),
        )


def _note(line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    """Remember the invoice, and the item where one was added."""
    line.invoice_id = found.latest_invoice
    line.item_id = line.item_id or item_of(line, found)
