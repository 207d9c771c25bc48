"""What follows when a mirrored object moves: notices, and plan changes that come to their end.

Effects follow from the difference between before and after, never from the type of an event, and
each is unique by its occasion; so duplicates, reordering and missing events change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from . import allowances
from .changes.first_invoice import is_first_invoice, late_payment
from .changes.schedules import scheduled_on
from .changes.settling import Moment, settle, settle_activation
from .changes.states import PAY_PERIOD, State
from .clock import Clock, to_unix
from .due import Work, arm
from .endings import (
    SubscriptionState,
    entered_unpaid,
    items_of,
    never_started,
    told_by_changes,
    told_or_replaced,
    why_unpaid,
)
from .gateway.client import StripeTime
from .holdings import ENDED, display_name
from .metering.planning import plan_charges
from .notices.outbox import Kind, queue
from .notices.owed import tell_payment_failed
from .prices import offer_from_dict, offer_of_line
from .tables import (
    AccountRow,
    ChangeLineRow,
    IntentRow,
    InvoiceRow,
    LineRow,
    PurchaseRow,
    SubscriptionRow,
)

UNPAID = frozenset({"past_due", "unpaid"})


class Effects:
    """Derives effects from movements; called by the mirror inside its transaction."""

    def __init__(self, catalogue: Catalogue, clock: Clock, stripe_time: StripeTime) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._stripe_time = stripe_time

    def subscription_moved(
        self,
        tx: Session,
        account: AccountRow,
        before: SubscriptionState | None,
        row: SubscriptionRow,
    ) -> None:
        """Queue the notices of this movement and settle the changes that waited for it."""
        now = self._clock.now()
        silent = told_by_changes(tx, before, row)
        notice = self._cancellation_notice(tx, before, row)
        if notice and not all(line.id in silent for line in row.lines if not line.removed):
            kind, occasion = notice
            unpaid = entered_unpaid(tx, row)
            queue(tx, account, kind, occasion, self._facts(row, silent, unpaid), now)
        if before and before.status in UNPAID and row.status == "active":
            occasion = f"{row.id}:recovered:{row.latest_invoice}"
            queue(tx, account, Kind.RECOVERED, occasion, self._facts(row), now)
        at = Moment(now, self._stripe_time.now())
        # A test clock is not read here; its customers' periods say how late it is at least.
        begun = max((line.period_start for line in row.lines), default=at.billing)
        billing = at.billing if account.test_clock is None else begun
        self._tell_of_lost_lines(tx, account, before, row, Moment(now, billing))
        settle(tx, self._catalogue, account, row, at)
        if before and before.items != items_of(row) and scheduled_on(tx, row.id):
            # Edited while a schedule of ours waits: what comes next is compiled from that.
            arm(tx, Work.RECOMPILE, row.id, account.customer_id or account.id, now)
        plan_charges(tx, self._catalogue, account, row)
        allowances.accrue(tx, self._catalogue, account, billing)

    def invoice_moved(
        self, tx: Session, account: AccountRow, attempts_before: int, invoice: InvoiceRow
    ) -> None:
        """Tell the billing contact of a failed payment, once per attempt, with the link to pay."""
        now = self._clock.now()
        sub = tx.get(SubscriptionRow, invoice.subscription_id or "")
        if sub is not None:
            at = Moment(now, self._stripe_time.now())
            settle_activation(tx, self._catalogue, account, sub, at)
            if invoice.status == "paid":
                late_payment(tx, account, invoice, now)
        failed = invoice.status == "open" and invoice.attempt_count > attempts_before
        if not failed or _is_answered_for(tx, account, invoice):
            return
        tell_payment_failed(tx, account, invoice, now)

    def _cancellation_notice(
        self, tx: Session, before: SubscriptionState | None, row: SubscriptionRow
    ) -> tuple[Kind, str] | None:
        if row.status in ENDED:
            if (before and before.status in ENDED) or never_started(tx, before, row):
                return None
            assert row.ended_at is not None, f"{row.id} is {row.status} without ended_at"
            return Kind.CANCELLATION_ENDED, f"{row.id}:ended:{to_unix(row.ended_at)}"
        was = before.cancel_at if before else None
        if row.cancel_at is not None and row.cancel_at != was:
            asked = to_unix(row.canceled_at or row.cancel_at)
            return Kind.CANCELLATION_SET, f"{row.id}:ends:{to_unix(row.cancel_at)}:{asked}"
        if row.cancel_at is None and before and was is not None:
            asked = to_unix(before.canceled_at or was)
            return Kind.UNCANCELLED, f"{row.id}:uncancelled:{to_unix(was)}:{asked}"
        return None

    def _tell_of_lost_lines(
        self,
        tx: Session,
        account: AccountRow,
        before: SubscriptionState | None,
        row: SubscriptionRow,
        at: Moment,
    ) -> None:
        """A family's line is gone and its subscription goes on: given up unpaid, or taken off by
        somebody at Stripe. What a change of ours takes off, that change tells of.
        """
        if before is None or row.status in ENDED:
            return
        had = {item for item, _price, _quantity in before.items}
        held = {line.family for line in row.lines if not line.removed}
        for line in row.lines:
            lost = line.removed and line.id in had and line.family not in held
            if not lost or told_or_replaced(tx, account, line):
                continue
            unpaid = entered_unpaid(tx, row).get(line.id)
            facts = {
                "plans": [self._name(line, unpaid)],
                "ended_at": _iso(at.billing),
                "reason": why_unpaid(unpaid) or "cancellation_requested",
            }
            occasion = f"{row.id}:{line.id}:ended"
            queue(tx, account, Kind.CANCELLATION_ENDED, occasion, facts, at.wall)

    def _facts(
        self,
        row: SubscriptionRow,
        silent: frozenset[str] = frozenset(),
        unpaid: Mapping[str, ChangeLineRow] | None = None,
    ) -> dict[str, Any]:
        lines = [line for line in row.lines if not line.removed and line.id not in silent]
        waiting = unpaid or {}
        why = (why_unpaid(change) for change in waiting.values())
        return {
            "plans": [self._name(line, waiting.get(line.id)) for line in lines],
            "ends_at": _iso(row.cancel_at),
            "ended_at": _iso(row.ended_at),
            "paid_until": _iso(max((line.period_end for line in lines), default=None)),
            "reason": next(filter(None, why), row.cancellation_reason),
        }

    def _name(self, line: LineRow, unpaid: ChangeLineRow | None) -> str | None:
        """The plan that the account had by this line: if the one that Stripe entered was never
        paid for, the one before.
        """
        if unpaid is None or unpaid.from_offer is None:
            return display_name(self._catalogue, offer_of_line(line))
        return display_name(self._catalogue, offer_from_dict(unpaid.from_offer))


def _is_answered_for(tx: Session, account: AccountRow, invoice: InvoiceRow) -> bool:
    """Whether a change or a purchase answers for this invoice: it tells its caller by itself."""
    bought = select(PurchaseRow.seq).where(PurchaseRow.invoice_id == invoice.id).limit(1)
    if tx.scalars(bought).first() is not None:
        return True
    busy = (State.EXECUTING, State.AWAITING_PAYMENT, State.ACTIVATING)
    lines = tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.account_seq == account.seq)
        .where(
            (ChangeLineRow.invoice_id == invoice.id)
            | ChangeLineRow.state.in_((*busy, State.SCHEDULED))
        )
    )
    return any(
        (line.invoice_id == invoice.id and not _is_owed(line))
        or (
            line.state in busy
            and line.subscription_id in (None, invoice.subscription_id)
            and not _pays_first(tx, line, invoice)
        )
        # The news of the period may come after the news of its invoice.
        or (line.state == State.SCHEDULED and is_first_invoice(line, invoice))
        for line in lines
    )


def _is_owed(line: ChangeLineRow) -> bool:
    """Whether the line has ended and left a bill behind: of that the change tells nobody more."""
    return line.price_id is None and line.state == State.APPLIED


def _pays_first(tx: Session, line: ChangeLineRow, invoice: InvoiceRow) -> bool:
    """Whether ``invoice`` is the period's own, which the change has to see paid before anything."""
    begun = tx.scalars(
        select(IntentRow.key)
        .where(IntentRow.subject == f"change:{line.change.id}", IntentRow.target == invoice.id)
        .where(IntentRow.step == PAY_PERIOD)
        .limit(1)
    )
    return begun.first() is not None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
