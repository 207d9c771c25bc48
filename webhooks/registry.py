"""Which events are handled, by what, and why: the table of contents of this room.

Everything else is answered 200 and marked ignored. A handler only says which objects an event makes
stale; they are fetched, and what follows is derived from how they moved (``adapter.effects``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapter.tables import EventRow

from .handlers import (
    catalogue,
    checkouts,
    customers,
    invoices,
    meters,
    reversals,
    schedules,
    subscriptions,
)
from .refs import Ref

Handler = Callable[[EventRow], list[Ref]]

LISTED: Mapping[str, Handler] = {
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
    # A trial is about to be charged for; the billing contact is told once per date.
    "customer.subscription.trial_will_end": subscriptions.trial_will_end,
    # What comes at the period's end was set, changed, entered or taken off, here or elsewhere.
    "subscription_schedule.created": schedules.created,
    "subscription_schedule.updated": schedules.updated,
    "subscription_schedule.released": schedules.released,
    "subscription_schedule.canceled": schedules.canceled,
    "subscription_schedule.aborted": schedules.aborted,
    "subscription_schedule.completed": schedules.completed,
    # Days before a renewal: what was missed of the subscription is caught up with in time.
    "invoice.upcoming": invoices.upcoming,
    # Money arrived, by card or out of band; also the end of past_due.
    "invoice.paid": invoices.paid,
    # Money did not arrive; the billing contact is told once per attempt.
    "invoice.payment_failed": invoices.payment_failed,
    # The customer has to act before the payment can be made.
    "invoice.payment_action_required": invoices.payment_action_required,
    # An invoice cannot be sent to anybody, so it is not paid; a person has to look.
    "invoice.finalization_failed": invoices.finalization_failed,
    # Money is not expected any more.
    "invoice.voided": invoices.voided,
    "invoice.marked_uncollectible": invoices.marked_uncollectible,
    # Somebody threw a draft away.
    "invoice.deleted": invoices.deleted,
    # A page was completed: a payment was made, or begun, or a payment method saved.
    "checkout.session.completed": checkouts.completed,
    # A payment that was begun at a page days ago came, or did not.
    "checkout.session.async_payment_succeeded": checkouts.paid_later,
    "checkout.session.async_payment_failed": checkouts.refused_later,
    # Nobody can pay at the page any more.
    "checkout.session.expired": checkouts.expired,
    # Balance, or another default payment method, with which an open invoice is paid.
    "customer.updated": customers.updated,
    # Its subscriptions ended with it; nothing can be sold to it any more.
    "customer.deleted": customers.deleted,
    # Money went back to the customer, will go back, or did not after all.
    "refund.created": reversals.refund_created,
    "refund.updated": reversals.refund_updated,
    "refund.failed": reversals.refund_failed,
    # A bank claims money back; a person has to answer by a date, and it ends one way or the other.
    "charge.dispute.created": reversals.dispute_created,
    "charge.dispute.updated": reversals.dispute_updated,
    "charge.dispute.closed": reversals.dispute_closed,
    # What is sold here was changed there by hand: noted for ``doctor``, mended by a sync.
    "price.created": catalogue.price,
    "price.updated": catalogue.price,
    "price.deleted": catalogue.price,
    "product.created": catalogue.product,
    "product.updated": catalogue.product,
    "product.deleted": catalogue.product,
}

# Events of which Stripe makes notifications only: they are not in its list of events, and no
# endpoint for snapshots is sent them. An event destination is (docs/operations.md).
NOTIFIED: Mapping[str, Handler] = {
    # Usage was taken and then not counted: its units wait for a person.
    "billing.meter.error_report_triggered": meters.not_counted,
    "billing.meter.no_meter_found": meters.not_counted,
}

HANDLED: Mapping[str, Handler] = {**LISTED, **NOTIFIED}

# Events one might look for above, and why they are not there.
NOT_HANDLED: Mapping[str, str] = {
    "invoice.created": "Stripe waits for its answer with the renewal; drafts come with the "
    "subscription",
    "invoice.payment_succeeded": "invoice.paid says it too, and also of money paid elsewhere",
    "payment_method.attached": "only what is made the default is charged: customer.updated",
    "charge.refunded": "refund.created says it, with the reason and the state",
    "charge.refund.updated": "the old name of refund.updated",
    "charge.dispute.funds_withdrawn": "Stripe's balance is not kept here; the dispute's state is",
    "charge.dispute.funds_reinstated": "as funds_withdrawn; charge.dispute.closed says who won",
    "entitlements.active_entitlement_summary.updated": "what an account may use is derived from "
    "its plan by the catalogue, not from features at Stripe",
}


def why_ignored(kind: str) -> str | None:
    """Why events of this kind are only kept; None if they are handled."""
    return None if kind in HANDLED else NOT_HANDLED.get(kind, "not handled here")
