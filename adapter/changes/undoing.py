"""Taking changes back: a scheduled one, one that waits for its payment, an end set elsewhere."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from ..billing import Purchase, Resubscribe, bill_from_json
from ..checkouts.mirroring import Purpose
from ..due import Work, arm, disarm, generation_of
from ..errors import Conflict
from ..steps import StepRefused, Steps
from ..tables import AccountRow, ChangeLineRow, ChangeRow, SubscriptionRow
from .keeping import quote_of_keeping, set_to_end
from .procedures import OneChange, Tools
from .procedures.purchase import give_up
from .schedules import our_end, scheduled_on
from .settling import Moment, finish
from .states import State


class Undoing:
    """Undoes open changes; every write is resumable like those of carrying out."""

    def __init__(self, tools: Tools, ownership: timedelta) -> None:
        self._tools = tools
        self._database = tools.database
        self._mirror = tools.mirror
        self._clock = tools.clock
        self._ownership = ownership

    def uncancel(
        self, account: AccountRow, family: str | None, subscription: str | None
    ) -> ChangeRow | None:
        """Let a plan that is set to end go on; gives our change that had set it, if any.

        Raises:
            Conflict: ``not_cancelled`` if nothing is set to end, ``ambiguous_target``.
        """
        with self._database.read() as tx:
            held, line = set_to_end(tx, account, family, subscription)
        if line is None:
            self._let_go_on(account, held.subscription)
            return None
        with self._database.read() as tx:
            change = tx.get_one(ChangeRow, line.change_seq)
        self.cancel(change)
        return change

    def quote_uncancel(
        self, account: AccountRow, family: str | None, subscription: str | None
    ) -> dict[str, Any]:
        """What ``uncancel`` would mean; nothing is changed. Raises as ``uncancel``."""
        return quote_of_keeping(self._tools, account, family, subscription)

    def cancel(self, change: ChangeRow) -> None:
        """Cancel a change that is scheduled or waits for its payment.

        Raises:
            Conflict: ``not_cancellable`` in any other state.
        """
        line = change.lines[0]
        if State(line.state) not in (State.SCHEDULED, State.AWAITING_PAYMENT):
            raise Conflict(
                "not_cancellable",
                f"Plan change {change.id} is {line.state.replace('_', ' ')}; only a scheduled one "
                "or one that awaits its payment can be cancelled.",
            )
        with self._database.write() as tx:
            owner = change.account.customer_id or change.account.id
            arm(tx, Work.UNDO, change.id, owner, self._clock.now() + self._ownership)
        self.resume_cancel(change)

    def redo(self, change: ChangeRow) -> None:
        """Carry on with taking a change back; called by the worker. If Stripe does not let go, the
        change goes on, which is an end like any other here.
        """
        with contextlib.suppress(Conflict):
            self.resume_cancel(change)

    def resume_cancel(self, change: ChangeRow) -> None:
        """Take back what the change has at Stripe.

        Raises: Conflict ``not_cancellable`` if it came about in the meantime.
        """
        line = change.lines[0]
        state = State(line.state)
        try:
            if state is State.SCHEDULED:
                self._unschedule(change, line)
            elif state is State.AWAITING_PAYMENT:
                self._give_up_payment(change, line)
        except Conflict:
            self._disarm(change)
            raise
        self._disarm(change)

    def _disarm(self, change: ChangeRow) -> None:
        with self._database.write() as tx:
            disarm(tx, Work.UNDO, change.id)

    def resume_uncancel(self, subscription_id: str) -> None:
        """Clear an end that was set elsewhere; also called by the worker."""
        with self._database.read() as tx:
            row = tx.get_one(SubscriptionRow, subscription_id)
            generation = generation_of(tx, Work.UNCANCEL, subscription_id)
            over = row.cancel_at is None or row.ended_at is not None
        if not over:
            # The writes of one asking are never taken for those of an earlier one.
            steps = self._steps(f"uncancel:{subscription_id}:{generation}")
            self._tools.scheduling.bring(steps, subscription_id)
        with self._database.write() as tx:
            disarm(tx, Work.UNCANCEL, subscription_id, generation)

    def recompile(self, subscription_id: str) -> None:
        """Bring a schedule in line with what is scheduled; called by the worker, and at once after
        a change that was made over a schedule.
        """
        with self._database.read() as tx:
            row = tx.get_one(SubscriptionRow, subscription_id)
            generation = generation_of(tx, Work.RECOMPILE, subscription_id)
            concerns = row.schedule_id or our_end(tx, row) or scheduled_on(tx, subscription_id)
        if row.ended_at is None and concerns:
            self._bring(subscription_id, f"recompile:{subscription_id}:{generation}")
        with self._database.write() as tx:
            disarm(tx, Work.RECOMPILE, subscription_id, generation)

    def _bring(self, subscription_id: str, subject: str) -> None:
        try:
            self._tools.scheduling.bring(self._steps(subject), subscription_id, fresh=True)
        except StepRefused:
            # A subscription that ended meanwhile has no schedule to bring in line.
            if self._mirror.refresh_subscription(subscription_id).ended_at is None:
                raise

    def _steps(self, subject: str) -> Steps:
        return Steps(self._database, self._tools.writer, self._clock, subject)

    def _let_go_on(self, account: AccountRow, subscription: SubscriptionRow) -> None:
        with self._database.write() as tx:
            at = self._clock.now() + self._ownership
            owner = account.customer_id or account.id
            arm(tx, Work.UNCANCEL, subscription.id, owner, at)
        try:
            self.resume_uncancel(subscription.id)
        except StepRefused as refused:
            raise _not_let_go(refused) from refused

    def _unschedule(self, change: ChangeRow, line: ChangeLineRow) -> None:
        """The schedule without this line; then the line is cancelled.

        If the period ended meanwhile, Stripe refuses or has moved on: the mirror says what came.
        """
        assert line.subscription_id is not None
        one = OneChange(self._tools, change)
        try:
            self._tools.scheduling.bring(
                one.steps, line.subscription_id, without=line, prefix="undo_"
            )
        except StepRefused as refused:
            self._mirror.refresh_subscription(line.subscription_id)
            raise _not_let_go(refused) from refused
        self._finish(change, line, State.SCHEDULED)

    def _give_up_payment(self, change: ChangeRow, line: ChangeLineRow) -> None:
        """Void the invoice that waits; with it goes the pending update or the first purchase.

        If the customer paid in the meantime, Stripe refuses to void: the change is applied, and
        the mirror settles it as such.
        """
        if change.page is not None and line.invoice_id is None:
            self._close_page(change)
            return
        assert line.subscription_id is not None
        try:
            if isinstance(bill_from_json(change.bill), Purchase | Resubscribe):
                give_up(OneChange(self._tools, change), line.subscription_id)
            elif line.invoice_id is not None:
                OneChange(self._tools, change).void(line.invoice_id)
        except StepRefused as refused:
            self._mirror.refresh_subscription(line.subscription_id)
            raise _not_let_go(refused) from refused
        self._finish(change, line, State.AWAITING_PAYMENT)
        self._mirror.refresh_subscription(line.subscription_id)

    def _close_page(self, change: ChangeRow) -> None:
        """Nobody pays there any more; that the page is closed is what cancels the line."""
        page = self._tools.checkouts.latest(Purpose.CHANGE, change.id)
        if page is not None and self._tools.checkouts.expire(page).state == "complete":
            raise Conflict("not_cancellable", "The customer has just completed the page.")

    def _finish(self, change: ChangeRow, line: ChangeLineRow, was: State) -> None:
        with self._database.write() as tx:
            row = tx.get_one(ChangeLineRow, line.seq)
            if State(row.state) is was:
                at = Moment(self._clock.now(), self._tools.reader.time.now())
                cause = "cancelled by the caller"
                catalogue = self._tools.catalogue
                finish(tx, catalogue, change.account, row, State.CANCELLED, cause, at)


def _not_let_go(refused: StepRefused) -> Conflict:
    return Conflict("not_cancellable", f"Stripe did not let go of it: {refused.message}")
