"""Taking changes back: a scheduled one, one that waits for its payment, an end set elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ..billing import Purchase, Resubscribe, bill_from_json
from ..checkouts.mirroring import Purpose
from ..clock import Moment
from ..due import Work, arm, disarm, generation_of
from ..errors import Conflict, Invalid
from ..steps import StepRefused, Steps
from ..tables import AccountRow, ChangeLineRow, ChangeRow, SubscriptionRow
from ..tools import Tools
from .keeping import quote_of_keeping, set_to_end
from .procedures import OneChange
from .procedures.purchase import give_up
from .schedules import our_end, scheduled_on
from .settling import finish
from .states import State, place_of

# What can be taken back: nothing is in force yet.
CANCELLABLE = frozenset({State.SCHEDULED, State.AWAITING_PAYMENT})


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
        self.cancel(change, line.family)
        return change

    def quote_uncancel(
        self, account: AccountRow, family: str | None, subscription: str | None
    ) -> dict[str, Any]:
        """What ``uncancel`` would mean; nothing is changed. Raises as ``uncancel``."""
        return quote_of_keeping(self._tools, account, family, subscription)

    def cancel(self, change: ChangeRow, family: str | None = None) -> None:
        """Cancel what of a change is scheduled or waits for its payment: all of it, or only the
        line of ``family``.

        Raises:
            Invalid: ``unknown_family``, if the change has no such line.
            Conflict: ``not_cancellable`` if nothing of it is, or if the line waits for a payment
                that it shares with others.
        """
        _refuse_what_stays(change, family)
        subject = change.id if family is None else f"{change.id}/{family}"
        with self._database.write() as tx:
            owner = change.account.customer_id or change.account.id
            arm(tx, Work.UNDO, subject, owner, self._clock.now() + self._ownership)
        self._take_back(subject, change, family)

    def redo(self, subject: str) -> None:
        """Carry on with taking a change back; called by the worker. If Stripe does not let go, the
        change goes on, which is an end like any other here.
        """
        change_id, _, family = subject.partition("/")
        with contextlib.suppress(Conflict):
            self._take_back(subject, self._find(change_id), family or None)

    def close_page(self, change_id: str) -> None:
        """Close the page of a change that sells in the place of what has ended by itself; called
        by the worker. That the page is closed, or was paid a moment before, moves the lines.
        """
        page = self._tools.checkouts.latest(Purpose.CHANGE, change_id)
        if page is not None:
            self._tools.checkouts.expire(page)
        with self._database.write() as tx:
            disarm(tx, Work.CLOSE_PAGE, change_id)

    def _find(self, change_id: str) -> ChangeRow:
        with self._database.read() as tx:
            return tx.scalars(select(ChangeRow).where(ChangeRow.id == change_id)).one()

    def _take_back(self, subject: str, change: ChangeRow, family: str | None) -> None:
        """Take back what the lines have at Stripe.

        Raises: Conflict ``not_cancellable`` if it came about in the meantime.
        """
        lines = _meant(change, family)
        try:
            if any(State(line.state) is State.AWAITING_PAYMENT for line in lines):
                self._give_up_payment(change)
            scheduled = [line for line in lines if State(line.state) is State.SCHEDULED]
            for subscription in dict.fromkeys(line.subscription_id for line in scheduled):
                mine = [line for line in scheduled if line.subscription_id == subscription]
                self._unschedule(change, mine)
        except Conflict:
            self._disarm(subject)
            raise
        self._disarm(subject)

    def _disarm(self, subject: str) -> None:
        with self._database.write() as tx:
            disarm(tx, Work.UNDO, subject)

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
        return self._tools.steps(subject)

    def _let_go_on(self, account: AccountRow, subscription: SubscriptionRow) -> None:
        with self._database.write() as tx:
            at = self._clock.now() + self._ownership
            owner = account.customer_id or account.id
            arm(tx, Work.UNCANCEL, subscription.id, owner, at)
        try:
            self.resume_uncancel(subscription.id)
        except StepRefused as refused:
            raise _not_let_go(refused) from refused

    def _unschedule(self, change: ChangeRow, lines: Sequence[ChangeLineRow]) -> None:
        """The schedule of one subscription without these lines; then they are cancelled.

        If the period ended meanwhile, Stripe refuses or has moved on: the mirror says what came.
        """
        subscription = lines[0].subscription_id
        assert subscription is not None
        one = OneChange(self._tools, change)
        # Lines of an order may be taken back one by one: each time has steps of its own.
        prefix = f"undo_{'_'.join(str(place_of(line)) for line in lines)}_"
        try:
            self._tools.scheduling.bring(one.steps, subscription, without=lines, prefix=prefix)
        except StepRefused as refused:
            self._mirror.refresh_subscription(subscription)
            raise _not_let_go(refused) from refused
        self._finish(change, lines, State.SCHEDULED)

    def _give_up_payment(self, change: ChangeRow) -> None:
        """Void the invoice that waits; with it goes the pending update or the first purchase.

        If the customer paid in the meantime, Stripe refuses to void: the change is applied, and
        the mirror settles it as such.
        """
        line = next(one for one in change.lines if one.timing == "now")
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
        self._finish(change, change.lines, State.AWAITING_PAYMENT)
        self._mirror.refresh_subscription(line.subscription_id)

    def _close_page(self, change: ChangeRow) -> None:
        """Nobody pays there any more; that the page is closed is what cancels the line."""
        page = self._tools.checkouts.latest(Purpose.CHANGE, change.id)
        if page is not None and self._tools.checkouts.expire(page).state == "complete":
            raise Conflict("not_cancellable", "The customer has just completed the page.")

    def _finish(self, change: ChangeRow, lines: Sequence[ChangeLineRow], was: State) -> None:
        at = Moment(self._clock.now(), self._tools.reader.time.now())
        catalogue, cause = self._tools.catalogue, "cancelled by the caller"
        with self._database.write() as tx:
            for line in lines:
                row = tx.get_one(ChangeLineRow, line.seq)
                if State(row.state) is was:
                    finish(tx, catalogue, change.account, row, State.CANCELLED, cause, at)


def _refuse_what_stays(change: ChangeRow, family: str | None) -> None:
    known = [line.family for line in change.lines]
    if family not in (None, *known):
        said = f"The change is about {', '.join(known)}."
        raise Invalid("unknown_family", said, path="family", known=known)
    states = [State(line.state) for line in _meant(change, family)]
    together = [one for one in change.lines if State(one.state) is State.AWAITING_PAYMENT]
    if 0 < states.count(State.AWAITING_PAYMENT) < len(together):
        raise Conflict(
            "not_cancellable",
            f"Plan change {change.id} awaits one payment for all its lines; cancel the whole "
            "change, and order the others anew.",
        )
    if CANCELLABLE.isdisjoint(states):
        found = ", ".join(dict.fromkeys(state.value.replace("_", " ") for state in states))
        raise Conflict(
            "not_cancellable",
            f"Plan change {change.id} is {found}; only what is scheduled or awaits its "
            "payment can be cancelled.",
        )


def _meant(change: ChangeRow, family: str | None) -> list[ChangeLineRow]:
    return [line for line in change.lines if family in (None, line.family)]


def _not_let_go(refused: StepRefused) -> Conflict:
    return Conflict("not_cancellable", f"Stripe did not let go of it: {refused.message}")
