"""Taking changes back: a scheduled end, a change that waits for its payment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..billing import LATEST_INVOICE
from ..clock import to_unix
from ..due import Work, arm, disarm
from ..errors import Conflict
from ..gateway.snapshots import SubscriptionSnapshot
from ..gateway.write import Operation
from ..holdings import Holding, addressed, holdings_of
from ..mirror import Fetched
from ..steps import StepRefused, Steps
from ..tables import AccountRow, ChangeLineRow, ChangeRow, SubscriptionRow
from .looking import Looking
from .procedures import OneChange, Tools
from .procedures.purchase import give_up
from .settling import finish
from .states import State


class Undoing:
    """Undoes open changes; every write is resumable like those of carrying out."""

    def __init__(
        self,
        tools: Tools,
        ownership: timedelta,
    ) -> None:
        self._tools = tools
        self._database = tools.database
        self._mirror = tools.mirror
        self._clock = tools.clock
        self._ownership = ownership

    def uncancel(
        self, account: AccountRow, family: str | None, subscription: str | None
    ) -> ChangeRow | None:
        """Let a subscription that is set to end go on; gives our change that had set it, if any.

        Raises:
            Conflict: ``not_cancelled`` if nothing is set to end, ``ambiguous_target``.
        """
        with self._database.read() as tx:
            ending = [held for held in holdings_of(tx, account) if held.subscription.cancel_at]
            held = addressed(ending, family, subscription) if ending else None
        if held is None:
            raise Conflict("not_cancelled", "No plan of this account is set to end.")
        change = self._scheduled_end(held)
        with self._database.write() as tx:
            at = self._clock.now() + self._ownership
            owner = account.customer_id or account.id
            arm(tx, Work.UNCANCEL, held.subscription.id, owner, at)
        self.resume_uncancel(held.subscription.id)
        return change

    def resume_uncancel(self, subscription_id: str) -> None:
        """Clear the end of a subscription; also called by the worker for an unfinished one."""
        with self._database.read() as tx:
            held = _ending(tx, subscription_id)
        if held is not None:
            self._clear_end(held)
        with self._database.write() as tx:
            disarm(tx, Work.UNCANCEL, subscription_id)

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

    def resume_cancel(self, change: ChangeRow) -> None:
        """Take back what the change has at Stripe; also called by the worker."""
        line = change.lines[0]
        state = State(line.state)
        if state is State.SCHEDULED and line.subscription_id is not None:
            self.resume_uncancel(line.subscription_id)
        elif state is State.AWAITING_PAYMENT:
            self._give_up_payment(change, line)
        with self._database.write() as tx:
            disarm(tx, Work.UNDO, change.id)

    def _give_up_payment(self, change: ChangeRow, line: ChangeLineRow) -> None:
        """Void the invoice that waits; with it goes the pending update or the first purchase.

        If the customer paid in the meantime, Stripe refuses to void: the change is applied, and
        the mirror settles it as such.
        """
        assert line.subscription_id is not None
        try:
            if change.kind == "start":
                give_up(OneChange(self._tools, change), line.subscription_id)
            elif line.invoice_id is not None:
                OneChange(self._tools, change).void(line.invoice_id)
        except StepRefused as refused:
            self._mirror.refresh_subscription(line.subscription_id)
            raise Conflict(
                "not_cancellable", f"Stripe did not let go of it: {refused.message}"
            ) from refused
        with self._database.write() as tx:
            row = tx.get_one(ChangeLineRow, line.seq)
            if State(row.state) is State.AWAITING_PAYMENT:
                now = self._clock.now()
                cause = "cancelled by the caller"
                finish(tx, self._tools.catalogue, change.account, row, State.CANCELLED, cause, now)
        self._mirror.refresh_subscription(line.subscription_id)

    def _clear_end(self, held: tuple[str, str, int, bool]) -> None:
        subscription, customer, cancel_at, at_period_end = held
        # One subject per end that is cleared: the next end is another one.
        subject = f"subscription:{subscription}:ends:{cancel_at}"
        clear: dict[str, Any] = (
            {"cancel_at_period_end": False} if at_period_end else {"cancel_at": ""}
        )
        look = Looking(self._tools.reader, customer, "")
        done = Steps(self._database, self._tools.writer, self._clock, subject).do(
            "uncancel",
            Operation.SUBSCRIPTION_UPDATE,
            {**clear, "expand": [LATEST_INVOICE]},
            target=subscription,
            look=lambda: look.not_set_to_end(subscription),
        )
        if isinstance(done.snapshot, SubscriptionSnapshot):
            with self._database.write() as tx:
                if self._mirror.store(tx, Fetched(done.snapshot, done.ticket)):
                    return
        self._mirror.refresh_subscription(subscription)

    def _scheduled_end(self, held: Holding) -> ChangeRow | None:
        with self._database.read() as tx:
            line = tx.scalars(
                select(ChangeLineRow).where(
                    ChangeLineRow.subscription_id == held.subscription.id,
                    ChangeLineRow.state == State.SCHEDULED.value,
                )
            ).first()
            return line.change if line else None


def _ending(tx: Session, subscription_id: str) -> tuple[str, str, int, bool] | None:
    """The subscription if it is (still) set to end: id, customer, when, and how it was set."""
    row = tx.get(SubscriptionRow, subscription_id)
    if row is None or row.cancel_at is None or row.ended_at is not None:
        return None
    account = tx.get_one(AccountRow, row.account_seq)
    return row.id, account.customer_id or "", to_unix(row.cancel_at), row.cancel_at_period_end
