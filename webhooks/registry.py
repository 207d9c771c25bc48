"""Which events are handled, by what, and why: the table of contents of this room.

Everything else is answered 200 and marked ignored. A handler only says which objects an event makes
stale; they are fetched, and what follows is derived from how they moved (``adapter.effects``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapter.tables import EventRow

from .handlers import customers, invoices, subscriptions
from .refs import Ref

Handler = Callable[[EventRow], list[Ref]]

HANDLED: Mapping[str, Handler] = {
    # A subscription began, here, in the dashboard, or through a page of Stripe's.
    "customer.subscription.created": subscriptions.created,
    # Plan, period, status, pending update, set to end: the most frequent of all.
    "customer.subscription.updated": subscriptions.updated,
    # It ended; an update like any other, for the object stays retrievable.
    "customer.subscription.deleted": subscriptions.deleted,
    # Money arrived, by card or out of band; also the end of past_due.
    "invoice.paid": invoices.paid,
    # Money did not arrive; the billing contact is told once per attempt.
    "invoice.payment_failed": invoices.payment_failed,
    # Balance, default payment method, or deletion in the dashboard.
    "customer.updated": customers.updated,
    "customer.deleted": customers.deleted,
}
