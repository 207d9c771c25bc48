"""Which events are handled, by what, and why: the table of contents of this room.

Everything else is answered 200 and marked ignored. A handler only says which objects an event makes
stale; they are fetched, and what follows is derived from how they moved (``adapter.effects``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapter.tables import EventRow

from .handlers import checkouts, customers, invoices, schedules, subscriptions
from .refs import Ref

Handler = Callable[[EventRow], list[Ref]]

HANDLED: Mapping[str, Handler] = {
    # A subscription began, here, in the dashboard, or through a page of Stripe's.
    "customer.subscription.created": subscriptions.created,
    # Plan, period, status, pending update, set to end: the most frequent of all.
    "customer.subscription.updated": subscriptions.updated,
    # It ended; an update like any other, for the object stays retrievable.
    "customer.subscription.deleted": subscriptions.deleted,
    # A change that waits for its payment came about, or was let go.
    "customer.subscription.pending_update_applied": subscriptions.pending_update_applied,
    "customer.subscription.pending_update_expired": subscriptions.pending_update_expired,
    # Collection stands still, or goes on.
    "customer.subscription.paused": subscriptions.paused,
    "customer.subscription.resumed": subscriptions.resumed,
    # What comes at the period's end was set, changed, entered or taken off, here or elsewhere.
    "subscription_schedule.created": schedules.created,
    "subscription_schedule.updated": schedules.updated,
    "subscription_schedule.released": schedules.released,
    "subscription_schedule.canceled": schedules.canceled,
    "subscription_schedule.aborted": schedules.aborted,
    "subscription_schedule.completed": schedules.completed,
    # Money arrived, by card or out of band; also the end of past_due.
    "invoice.paid": invoices.paid,
    # Money did not arrive; the billing contact is told once per attempt.
    "invoice.payment_failed": invoices.payment_failed,
    # A page was completed: a payment was made, or begun, or a payment method saved.
    "checkout.session.completed": checkouts.completed,
    # A payment that was begun at a page days ago came, or did not.
    "checkout.session.async_payment_succeeded": checkouts.paid_later,
    "checkout.session.async_payment_failed": checkouts.refused_later,
    # Nobody can pay at the page any more.
    "checkout.session.expired": checkouts.expired,
    # The customer has to act before the payment can be made.
    "invoice.payment_action_required": invoices.payment_action_required,
    # Money is not expected any more.
    "invoice.voided": invoices.voided,
    "invoice.marked_uncollectible": invoices.marked_uncollectible,
    # Balance, default payment method, or deletion in the dashboard.
    "customer.updated": customers.updated,
    "customer.deleted": customers.deleted,
}
