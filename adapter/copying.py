"""From what Stripe said to the rows of the mirror, field by field; nothing is decided here."""

from __future__ import annotations

from mappings import Offer, UnknownPrice

from .gateway.snapshots import (
    CustomerSnapshot,
    InvoiceSnapshot,
    ItemSnapshot,
    ReversalSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
)
from .tables import AccountRow, InvoiceRow, LineRow, ReversalRow, ScheduleRow, SubscriptionRow


def copy_schedule(row: ScheduleRow, snapshot: ScheduleSnapshot, ticket: int) -> None:
    row.ticket = ticket
    row.subscription_id = snapshot.subscription or row.subscription_id
    row.status = snapshot.status
    row.end_behavior = snapshot.end_behavior
    row.phases = [dict(phase) for phase in snapshot.phases]
    row.phase_start = snapshot.phase_start


def copy_customer(account: AccountRow, snapshot: CustomerSnapshot, ticket: int) -> None:
    account.ticket = ticket
    account.deleted = snapshot.deleted
    account.balance = snapshot.balance
    # A subscription fixes it too, and its customer does not say so before there is an invoice.
    account.currency = snapshot.currency or account.currency
    _copy_method(account, snapshot)


def _copy_method(
    row: AccountRow | SubscriptionRow, snapshot: CustomerSnapshot | SubscriptionSnapshot
) -> None:
    """The type of a method never changes, so it stays known where the answer does not tell it."""
    method, kind = snapshot.default_payment_method, snapshot.default_method_type
    same = row.default_payment_method == method
    row.default_payment_method = method
    row.default_method_type = kind or (row.default_method_type if same else None)


def copy_subscription(row: SubscriptionRow, snapshot: SubscriptionSnapshot, ticket: int) -> None:
    row.ticket = ticket
    row.status = snapshot.status
    row.currency = snapshot.currency
    row.collection_method = snapshot.collection_method
    row.billing_mode = snapshot.billing_mode
    row.started_at = snapshot.started_at
    row.cancel_at = snapshot.cancel_at
    row.cancel_at_period_end = snapshot.cancel_at_period_end
    row.canceled_at = snapshot.canceled_at
    row.ended_at = snapshot.ended_at
    row.cancellation_reason = snapshot.cancellation_reason
    row.trial_end = snapshot.trial_end
    _copy_method(row, snapshot)
    row.schedule_id = snapshot.schedule
    row.latest_invoice = snapshot.latest_invoice
    row.pending_update_expires_at = snapshot.pending_update_expires_at
    row.paused_collection = snapshot.paused_collection
    row.change_id = snapshot.change_id


def copy_line(
    line: LineRow, item: ItemSnapshot, offer: Offer | UnknownPrice, currency: str
) -> None:
    line.price_id = item.price.id
    line.unit_amount = None if item.price.unit_price else item.price.unit_amount
    line.unit_price = item.price.unit_price
    line.meter_id = item.price.meter
    line.quantity = item.quantity
    line.period_start = item.period_start
    line.period_end = item.period_end
    line.currency = currency
    line.tags = dict(item.metadata)
    line.removed = False
    known = offer if isinstance(offer, Offer) else None
    line.family = known.family if known else None
    line.plan = known.plan if known else None
    line.tier = known.tier if known else None
    line.interval = known.interval if known else None
    line.unknown_price = offer.reason if isinstance(offer, UnknownPrice) else None


def copy_invoice(row: InvoiceRow, snapshot: InvoiceSnapshot, ticket: int) -> None:
    row.ticket = ticket
    row.subscription_id = snapshot.subscription
    row.status = snapshot.status or "draft"
    row.billing_reason = snapshot.billing_reason
    row.number = snapshot.number
    row.currency = snapshot.currency
    row.subtotal = snapshot.subtotal
    row.total = snapshot.total
    row.amount_due = snapshot.amount_due
    row.amount_paid = snapshot.amount_paid
    row.amount_remaining = snapshot.amount_remaining
    row.starting_balance = snapshot.starting_balance
    row.ending_balance = snapshot.ending_balance
    row.attempt_count = snapshot.attempt_count
    row.next_payment_attempt = snapshot.next_payment_attempt
    row.hosted_invoice_url = snapshot.hosted_invoice_url
    row.created_at = snapshot.created_at
    row.lines = [line.to_json() for line in snapshot.lines]
    row.finalization_error = snapshot.finalization_error
    # Only where the payment was expanded is it known what it was tried with; "" is: with nothing.
    if snapshot.payment is not None:
        row.tried_method = snapshot.payment.method or ""


def copy_reversal(row: ReversalRow, snapshot: ReversalSnapshot, ticket: int) -> None:
    row.ticket = ticket
    row.kind = snapshot.kind
    row.invoice_id = snapshot.invoice
    row.amount = snapshot.amount
    row.currency = snapshot.currency
    row.status = snapshot.status
    row.reason = snapshot.reason
    row.respond_by = snapshot.respond_by
    row.created_at = snapshot.created_at
