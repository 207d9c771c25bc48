"""What follows when a mirrored object moves: notices, and plan changes that come to their end.

Effects follow from the difference between before and after, never from the type of an event, and
each is unique by its occasion; so duplicates, reordering and missing events change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from mappings import Catalogue

from . import allowances
from .changes.first_invoice import late_payment
from .changes.open_lines import open_lines
from .changes.schedules import is_scheduled
from .changes.settling import settle, settle_activation
from .clock import Clock, Moment, iso, to_unix
from .due import Work, arm
from .endings import (
    SubscriptionState,
    being_replaced,
    entered_unpaid,
    gave_way,
    items_of,
    never_started,
    told_by_changes,
    told_or_replaced,
    why_unpaid,
)
from .gateway.client import StripeTime
from .gateway.snapshots import NEEDS_RESPONSE
from .holdings import ENDED, display_name
from .metering.planning import plan_charges
from .notices.outbox import Kind, queue
from .notices.owed import tell_payment_failed
from .open_invoices import arm_retries, is_answered_for
from .prices import offer_from_dict, offer_of_line
from .tables import (
    AccountRow,
    ChangeLineRow,
    InvoiceRow,
    LineRow,
    ReversalRow,
    SubscriptionRow,
)
from .trials import about_to_end, has_method

log = structlog.get_logger(__name__)

UNPAID = frozenset({"past_due", "unpaid"})


@dataclass(frozen=True)
class InvoiceState:
    """What effects compare: an invoice's row as it was before a store."""

    status: str | None
    attempts: int
    finalization_error: str | None

    @classmethod
    def of(cls, row: InvoiceRow | None) -> InvoiceState:
        """A row that is new has seen nothing."""
        if row is None:
            return cls(None, 0, None)
        return cls(row.status, row.attempt_count, row.finalization_error)


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
        told_at: datetime | None = None,
    ) -> None:
        """Queue the notices of this movement and settle the changes that waited for it.

        ``told_at``: when the last event about it happened, on the customer's clock.
        """
        now = self._clock.now()
        silent = told_by_changes(tx, before, row)
        notice = self._cancellation_notice(tx, before, row)
        quiet = all(line.id in silent for line in row.lines if not line.removed)
        if notice and not quiet and not (row.status in ENDED and being_replaced(tx, row)):
            kind, occasion = notice
            unpaid = entered_unpaid(tx, row)
            queue(tx, account, kind, occasion, self._facts(row, silent, unpaid), now)
        if before and before.status in UNPAID and row.status == "active":
            occasion = f"{row.id}:recovered:{row.latest_invoice}"
            queue(tx, account, Kind.RECOVERED, occasion, self._facts(row), now)
        at = Moment(now, self._stripe_time.now())
        billing = at.billing if account.test_clock is None else _at_least(row, told_at, at)
        self._tell_of_lost_lines(tx, account, before, row, Moment(now, billing))
        lines = open_lines(tx, account)
        settle(tx, self._catalogue, account, row, lines, at)
        edited = before is not None and before.items != items_of(row)
        if edited and any(is_scheduled(line, row) for line in lines):
            # Edited while a schedule of ours waits: what comes next is compiled from that.
            arm(tx, Work.RECOMPILE, row.id, account.customer_id or account.id, now)
        plan_charges(tx, self._catalogue, account, row)
        allowances.accrue(tx, self._catalogue, account, lines, billing)
        self._tell_of_trial(tx, account, row, Moment(now, billing))
        if row.status == "past_due":
            arm_retries(tx, account, now)

    def _tell_of_trial(
        self, tx: Session, account: AccountRow, row: SubscriptionRow, at: Moment
    ) -> None:
        """The plan is about to be charged for the first time, once per date."""
        if not about_to_end(row, at.billing):
            return
        assert row.trial_end is not None
        facts = {
            **self._facts(row),
            "subscription": row.id,
            "ends_at": iso(row.trial_end),
            "chargeable": has_method(account, row),
        }
        occasion = f"{row.id}:trial_ends:{to_unix(row.trial_end)}"
        queue(tx, account, Kind.TRIAL_ENDING, occasion, facts, at.wall)

    def customer_moved(self, tx: Session, account: AccountRow) -> None:
        """Another default payment method pays what the one before could not."""
        arm_retries(tx, account, self._clock.now())

    def reversal_moved(self, account: AccountRow, was: str | None, row: ReversalRow) -> None:
        """A dispute needs a person, by a date: say so loudly, once per time it asks."""
        if row.kind == "dispute" and row.status in NEEDS_RESPONSE and was != row.status:
            log.error(
                "dispute_needs_response",
                dispute=row.id,
                invoice=row.invoice_id,
                account=account.id,
                respond_by=iso(row.respond_by),
            )

    def invoice_moved(
        self, tx: Session, account: AccountRow, before: InvoiceState, invoice: InvoiceRow
    ) -> None:
        """Tell the billing contact of a failed payment, once per attempt, with the link to pay."""
        now = self._clock.now()
        sub = tx.get(SubscriptionRow, invoice.subscription_id or "")
        if sub is not None:
            at = Moment(now, self._stripe_time.now())
            settle_activation(tx, self._catalogue, account, sub, at)
            if invoice.status == "paid" and before.status != "paid":
                late_payment(tx, account, invoice, now)
        if invoice.finalization_error and not before.finalization_error:
            log.error("invoice_not_finalized", invoice=invoice.id, account=account.id)
        if invoice.status == "open":
            arm_retries(tx, account, now)
        failed = invoice.status == "open" and invoice.attempt_count > before.attempts
        if not failed or is_answered_for(tx, account, invoice):
            return
        tell_payment_failed(tx, account, invoice, now)

    def _cancellation_notice(
        self, tx: Session, before: SubscriptionState | None, row: SubscriptionRow
    ) -> tuple[Kind, str] | None:
        if row.status in ENDED:
            if (before and before.status in ENDED) or never_started(tx, before, row):
                return None
            if gave_way(tx, row):
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
                "ended_at": iso(at.billing),
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
            "ends_at": iso(row.cancel_at),
            "ended_at": iso(row.ended_at),
            "paid_until": iso(max((line.period_end for line in lines), default=None)),
            "reason": next(filter(None, why), row.cancellation_reason),
        }

    def _name(self, line: LineRow, unpaid: ChangeLineRow | None) -> str | None:
        """The plan that the account had by this line: if the one that Stripe entered was never
        paid for, the one before.
        """
        if unpaid is None or unpaid.from_offer is None:
            return display_name(self._catalogue, offer_of_line(line))
        return display_name(self._catalogue, offer_from_dict(unpaid.from_offer))


def _at_least(row: SubscriptionRow, told_at: datetime | None, at: Moment) -> datetime:
    """How late it is on a test clock, at least: it is not read here, but the customer's periods
    and events show it.
    """
    begun = max((line.period_start for line in row.lines), default=at.billing)
    return begun if told_at is None else max(begun, told_at)
