"""Plan changes as callers meet them: ordered, looked up, cancelled, resumed."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..billing import Purchase, Replace, UpdateNow, bill_to_json
from ..charging import ACCEPTED, charged_type
from ..due import Work, arm, disarm
from ..errors import Conflict, NotFound, Unavailable
from ..ids import new_id
from ..locks import lock
from ..prices import offer_to_dict
from ..quotes import Quotes
from ..quotes.quotes import Agreed, chosen_timing
from ..quotes.refusals import change_in_progress
from ..quotes.targets import Target
from ..steps import StepRefused
from ..tables import AccountRow, ChangeLineRow, ChangeRow, QuoteRow
from ..tools import Tools
from .ordered import Order
from .pages import Page
from .procedures import carry_out, restore_method
from .refused import check_requirements, refusal, refuse_named_method
from .states import BUSY, State, take_hold

log = structlog.get_logger(__name__)


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
        when = chosen_timing(quote, order.when)
        check_requirements(quote.document["requires"], order)
        agreed = self._quotes.still_holds(account, quote, when)
        change = self._record(account, quote, order, agreed)
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
            raise refusal(change, refused) from refused
        except Unavailable:
            # The intent is committed: the worker carries on where this stopped.
            log.warning("change_unanswered", change=change.id)

    def _of_quote(self, quote: QuoteRow) -> ChangeRow | None:
        with self._database.read() as tx:
            return tx.scalars(select(ChangeRow).where(ChangeRow.quote_id == quote.id)).first()

    def _page(self, account: AccountRow, order: Order, agreed: Agreed) -> Page | None:
        """The page to send the customer to first, where there is nothing saved to charge.

        Raises:
            Conflict: ``payment_method_required``, where no page would do.
            Invalid: ``paid_at_a_page``, if a method was named for what is paid at a page.
        """
        bill = agreed.bill
        if isinstance(bill, Purchase) and bill.invoice_days is not None:
            return None
        if isinstance(bill, Replace):
            refuse_named_method(order)
            return Page.SUBSCRIPTION
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
        """Whether something is saved that a change now can be charged to; looked up afresh before
        saying no.
        """
        at = agreed.now[0].at
        sub = at.subscription if at is not None else None
        if charged_type(account, sub) in ACCEPTED:
            return True
        if sub is not None and sub.default_payment_method and sub.default_method_type is None:
            found = self._mirror.refresh_subscription(sub.id)
            return found.default_method_type in ACCEPTED
        if sub is not None and sub.default_payment_method:
            return False
        assert account.customer_id is not None
        customer = self._mirror.refresh_customer(account.customer_id)
        return customer.default_method_type in ACCEPTED

    def _record(
        self, account: AccountRow, quote: QuoteRow, order: Order, agreed: Agreed
    ) -> ChangeRow:
        """Commit the order as executing, with the work that resumes it."""
        at = agreed.now[0].at if agreed.now else None
        change = ChangeRow(
            id=new_id("pc"),
            account_seq=account.seq,
            quote_id=quote.id,
            kind=quote.kind,
            timing=agreed.when,
            payment_method=order.payment_method,
            page=self._page(account, order, agreed),
            return_url=order.return_url,
            method_before=at.subscription.default_payment_method if at else None,
            bill=bill_to_json(agreed.bill),
            quoted_total=agreed.total,
            reason=order.reason,
            comment=order.comment,
            acknowledgements=list(order.acknowledgements),
            selections=dict(order.selections),
            created_at=self._clock.now(),
        )
        change.lines.extend(_line(account, quote, agreed, one) for one in agreed.order.targets)
        self._commit(account, quote, change, agreed)
        return self.find(change.id)

    def _commit(
        self, account: AccountRow, quote: QuoteRow, change: ChangeRow, agreed: Agreed
    ) -> None:
        """Another order may have been made, carried out and paid since the quote was looked at, so
        that no open line is in the way any more: two clicks would buy twice.
        """
        owner = account.customer_id or account.id
        try:
            with self._database.write() as tx:
                lock(tx, account.seq)
                moved = self._quotes.has_moved(tx, account, quote, agreed.charging)
                moved = moved and not _is_executed(tx, quote)
                if not moved:
                    tx.add(change)
                    tx.flush()
                    take_hold(tx, change)
                    due = change.created_at + self._ownership
                    arm(tx, Work.CARRY_OUT, change.id, owner, due)
        except IntegrityError as taken:
            raise self._taken(account, quote, agreed) from taken
        if moved:
            raise self._quotes.stale(account, quote)

    def _taken(self, account: AccountRow, quote: QuoteRow, agreed: Agreed) -> Conflict:
        """Another request was first: with this quote, or with another change of the same lines."""
        with self._database.read() as tx:
            busy = tx.scalars(
                select(ChangeLineRow).where(
                    ChangeLineRow.account_seq == account.seq,
                    ChangeLineRow.family.in_([one.family for one in agreed.order.targets]),
                    ChangeLineRow.state.in_([state.value for state in BUSY]),
                )
            ).first()
            if busy is not None:
                return change_in_progress(busy)
        return Conflict("change_in_progress", f"Quote {quote.id} is being executed; ask again.")


def _line(account: AccountRow, quote: QuoteRow, agreed: Agreed, target: Target) -> ChangeLineRow:
    timing, held = target.timing(agreed.when), target.held
    later = timing == "period_end" and held is not None
    alone = len(agreed.now) == 1 and timing == "now"
    return ChangeLineRow(
        account_seq=account.seq,
        family=target.family,
        subscription_id=target.subscription,
        item_id=held.line.id if held else None,
        timing=timing,
        from_offer=offer_to_dict(target.current) if target.current else None,
        to_offer=offer_to_dict(target.offer) if target.offer else None,
        price_id=target.price.id if target.price else None,
        unit_amount=target.price.unit_amount if target.price else None,
        quantity=target.quantity,
        decision=quote.decision[target.family],
        credited_units=agreed.credited_units if alone else None,
        state=State.EXECUTING.value,
        effective_at=held.line.period_end if held and later else agreed.at,
        history=[],
    )


def _is_executed(tx: Session, quote: QuoteRow) -> bool:
    return (
        tx.scalars(select(ChangeRow.seq).where(ChangeRow.quote_id == quote.id)).first() is not None
    )
