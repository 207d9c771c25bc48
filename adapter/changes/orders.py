"""Plan changes as callers meet them: ordered, looked up, cancelled, resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..billing import Purchase, UpdateNow, bill_to_json
from ..due import Work, arm, disarm
from ..errors import Conflict, Invalid, NotFound, PaymentFailed, Unavailable
from ..ids import new_id
from ..prices import offer_to_dict
from ..quotes import Quotes
from ..quotes.quotes import Agreed, chosen_timing
from ..quotes.refusals import change_in_progress
from ..steps import StepRefused
from ..tables import AccountRow, ChangeLineRow, ChangeRow, QuoteRow
from .pages import Page
from .procedures import Tools, carry_out, restore_method
from .settling import hold
from .states import BUSY, State

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Order:
    """What a caller hands in with a quote."""

    quote_id: str
    when: str | None = None
    payment_method: str | None = None
    acknowledgements: Sequence[str] = ()
    selections: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    comment: str | None = None
    return_url: str | None = None


class Orders:
    """Takes orders and sees them carried out.

    ``ownership`` is how long an order belongs to the request that brought it; after that the
    worker takes it over.
    """

    def __init__(
        self,
        quotes: Quotes,
        tools: Tools,
        ownership: timedelta,
    ) -> None:
        self._quotes = quotes
        self._tools = tools
        self._database = tools.database
        self._mirror = tools.mirror
        self._clock = tools.clock
        self._ownership = ownership

    def execute(self, account: AccountRow, order: Order) -> ChangeRow:
        """Execute a quote; executing it again gives the same change.

        Raises:
            Invalid: ``choose_timing``, ``acknowledgement_required``, ``selection_required``.
            Conflict: ``quote_expired``, ``quote_stale``, ``change_in_progress``,
                ``payment_method_required``.
            PaymentFailed: the payment was declined; the line has failed, nothing was charged.

        If Stripe does not answer, the change comes back still executing and goes on by itself.
        """
        quote = self._quotes.find(account, order.quote_id)
        earlier = self._of_quote(quote)
        if earlier is not None:
            return earlier
        timing = chosen_timing(self._quotes.decision(quote), order.when)
        _check_requirements(quote.document["requires"], order)
        agreed = self._quotes.still_holds(account, quote, timing)
        change = self._record(account, quote, order, timing, agreed)
        self._carry_out(change)
        return self.find(change.id)

    def find(self, change_id: str) -> ChangeRow:
        """A plan change by id. Raises NotFound."""
        with self._database.read() as tx:
            row = tx.scalars(select(ChangeRow).where(ChangeRow.id == change_id)).first()
        if row is None:
            raise NotFound.change(change_id)
        return row

    def of_account(
        self, account: AccountRow, state: str | None, after: int, limit: int
    ) -> list[ChangeRow]:
        """The account's changes, newest first, those in ``state`` only if given."""
        statement = select(ChangeRow).where(ChangeRow.account_seq == account.seq)
        if state is not None:
            statement = statement.where(ChangeRow.lines.any(ChangeLineRow.state == state))
        if after:
            statement = statement.where(ChangeRow.seq < after)
        with self._database.read() as tx:
            return list(tx.scalars(statement.order_by(ChangeRow.seq.desc()).limit(limit)))

    def resume(self, change_id: str) -> None:
        """Carry on with a change whose process is gone; called by the worker.

        A refusal, by Stripe or of a schedule made elsewhere, is an end like any other here: the
        line says so.
        """
        with contextlib.suppress(StepRefused, Conflict):
            carry_out(self._tools, self.find(change_id))

    def restore_method(self, change_id: str) -> None:
        """Put back the payment method that a change had set which came to nothing."""
        restore_method(self._tools, self.find(change_id))
        with self._database.write() as tx:
            disarm(tx, Work.RESTORE_METHOD, change_id)

    def _carry_out(self, change: ChangeRow) -> None:
        try:
            carry_out(self._tools, change)
        except StepRefused as refused:
            raise _refusal(change, refused) from refused
        except Unavailable:
            # The intent is committed: the worker carries on where this stopped.
            log.warning("change_unanswered", change=change.id)

    def _of_quote(self, quote: QuoteRow) -> ChangeRow | None:
        with self._database.read() as tx:
            return tx.scalars(select(ChangeRow).where(ChangeRow.quote_id == quote.id)).first()

    def _page(self, account: AccountRow, order: Order, agreed: Agreed) -> Page | None:
        """The page to send the customer to first, where there is nothing saved to charge.

        Raises Conflict: ``payment_method_required``, where no page would do.
        """
        bill = agreed.bill
        if isinstance(bill, Purchase) and bill.invoice_days is not None:
            return None
        charged = isinstance(bill, Purchase) or (agreed.total or 0) > 0
        if not charged or order.payment_method or self._has_method(account, agreed):
            return None
        if isinstance(bill, Purchase):
            # What is billed by usage charges nothing at its start: a method is only saved.
            return Page.SETUP if bill.metered else Page.SUBSCRIPTION
        if isinstance(bill, UpdateNow):
            return Page.SETUP
        raise Conflict(
            "payment_method_required",
            "The account has no default payment method, and its plan is not ended before there is "
            "one to start the new plan with. Save one through /checkout-sessions, or name one with "
            "'payment_method'.",
        )

    def _has_method(self, account: AccountRow, agreed: Agreed) -> bool:
        """Whether something is saved that Stripe charges; looked up afresh before saying no."""
        held = agreed.target.held
        if account.default_payment_method or (held and held.subscription.default_payment_method):
            return True
        assert account.customer_id is not None
        customer = self._mirror.refresh_customer(account.customer_id)
        return customer.default_payment_method is not None

    def _record(
        self, account: AccountRow, quote: QuoteRow, order: Order, timing: str, agreed: Agreed
    ) -> ChangeRow:
        """Commit the order as executing, with the work that resumes it."""
        now = self._clock.now()
        target = agreed.target
        held = target.held
        change = ChangeRow(
            id=new_id("pc"),
            account_seq=account.seq,
            quote_id=quote.id,
            kind=quote.kind,
            timing=timing,
            payment_method=order.payment_method,
            page=self._page(account, order, agreed),
            return_url=order.return_url,
            method_before=held.subscription.default_payment_method if held else None,
            bill=bill_to_json(agreed.bill),
            quoted_total=agreed.total,
            reason=order.reason,
            comment=order.comment,
            acknowledgements=list(order.acknowledgements),
            selections=dict(order.selections),
            created_at=now,
        )
        line = ChangeLineRow(
            account_seq=account.seq,
            family=target.wanted.family,
            subscription_id=target.subscription,
            item_id=held.line.id if held else None,
            from_offer=offer_to_dict(target.current) if target.current else None,
            to_offer=offer_to_dict(target.offer) if target.offer else None,
            price_id=target.price.id if target.price else None,
            quantity=target.quantity,
            decision=quote.decision,
            credited_units=agreed.credited_units,
            state=State.EXECUTING.value,
            effective_at=agreed.effective_at,
            history=[],
        )
        change.lines.append(line)
        self._commit(account, quote, change)
        return self.find(change.id)

    def _commit(self, account: AccountRow, quote: QuoteRow, change: ChangeRow) -> None:
        """Another order may have been made, carried out and paid since the quote was looked at, so
        that no open line is in the way any more: two clicks would buy twice.
        """
        owner = account.customer_id or account.id
        try:
            with self._database.write() as tx:
                hold(tx, account)
                moved = self._quotes.has_moved(tx, account, quote) and not _is_executed(tx, quote)
                if not moved:
                    tx.add(change)
                    tx.flush()
                    due = change.created_at + self._ownership
                    arm(tx, Work.CARRY_OUT, change.id, owner, due)
        except IntegrityError as taken:
            raise self._taken(account, quote, change.lines[0]) from taken
        if moved:
            raise self._quotes.stale(account, quote)

    def _taken(self, account: AccountRow, quote: QuoteRow, line: ChangeLineRow) -> Conflict:
        """Another request was first: with this quote, or with another change of the same line."""
        with self._database.read() as tx:
            busy = tx.scalars(
                select(ChangeLineRow).where(
                    ChangeLineRow.account_seq == account.seq,
                    ChangeLineRow.family == line.family,
                    ChangeLineRow.state.in_([state.value for state in BUSY]),
                )
            ).first()
            if busy is not None:
                return change_in_progress(busy)
        return Conflict("change_in_progress", f"Quote {quote.id} is being executed; ask again.")


def _is_executed(tx: Session, quote: QuoteRow) -> bool:
    return (
        tx.scalars(select(ChangeRow.seq).where(ChangeRow.quote_id == quote.id)).first() is not None
    )


def _check_requirements(needed: Mapping[str, Any], order: Order) -> None:
    """Everything that the quote asks to be confirmed or chosen has to come with the order."""
    missing = [item for item in needed["acknowledgements"] if item not in order.acknowledgements]
    if missing:
        raise Invalid(
            "acknowledgement_required",
            f"Confirm with acknowledgements: {missing}. The quote says what is lost.",
            path="acknowledgements",
            required=missing,
        )
    unselected = [name for name in needed["selections"] if not order.selections.get(name)]
    if unselected:
        questions = " ".join(needed["questions"][name] for name in unselected)
        raise Invalid(
            "selection_required",
            f"{questions} Answer with selections: {', '.join(unselected)}.",
            path="selections",
            required=unselected,
        )


def _refusal(change: ChangeRow, refused: StepRefused) -> PaymentFailed | Conflict | Invalid:
    if refused.record.get("after_cancel"):
        return Conflict(
            "failed_after_cancel",
            "The old plan was cancelled and its credit is on the balance, but the new one could "
            f"not be started: {refused.message} Start it again when the payment can be made.",
            plan_change=change.id,
            stripe_code=refused.code,
        )
    if refused.record.get("outstanding"):
        return Conflict(
            "payment_outstanding",
            f"The current period's invoice could not be paid: {refused.message} Pay it first.",
            plan_change=change.id,
            invoice=refused.record["outstanding"],
            payment_url=refused.record["pay_url"],
        )
    if refused.declined:
        return PaymentFailed.declined(change.id, refused.code, refused.message)
    if refused.record.get("param") in ("default_payment_method", "payment_method"):
        return Invalid("unknown_payment_method", refused.message, path="payment_method")
    return Conflict(
        "refused_by_stripe",
        f"Stripe refused the change: {refused.message} Nothing was changed.",
        plan_change=change.id,
        stripe_code=refused.code,
    )
