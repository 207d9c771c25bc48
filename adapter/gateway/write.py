"""Everything that changes something at Stripe.

There is one door, ``Writer.send``, and it takes a ``CommittedIntent``: the record of the write as
it already stands in our database. Only ``adapter.steps`` makes one (a test holds that), so the
order "intent first, call second" cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import stripe

from .client import WRITE_RETRIES
from .failures import sorted_failures
from .snapshots import (
    BalanceMoveSnapshot,
    CheckoutSnapshot,
    CustomerSnapshot,
    EndpointSnapshot,
    InvoiceSnapshot,
    MadeSnapshot,
    MeterSnapshot,
    PortalSnapshot,
    PriceSnapshot,
    ProductSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
)

Snapshot = (
    CustomerSnapshot
    | SubscriptionSnapshot
    | InvoiceSnapshot
    | ProductSnapshot
    | PriceSnapshot
    | ScheduleSnapshot
    | CheckoutSnapshot
    | PortalSnapshot
    | EndpointSnapshot
    | MeterSnapshot
    | BalanceMoveSnapshot
    | MadeSnapshot
)


class Operation(StrEnum):
    """The writes this service makes, by Stripe's names."""

    CUSTOMER_CREATE = "customers.create"
    CUSTOMER_UPDATE = "customers.update"
    PRODUCT_CREATE = "products.create"
    PRODUCT_UPDATE = "products.update"
    PRICE_CREATE = "prices.create"
    PRICE_UPDATE = "prices.update"
    METER_CREATE = "billing.meters.create"
    METER_REACTIVATE = "billing.meters.reactivate"
    METER_EVENT_CREATE = "billing.meter_events.create"
    SUBSCRIPTION_CREATE = "subscriptions.create"
    SUBSCRIPTION_UPDATE = "subscriptions.update"
    SUBSCRIPTION_CANCEL = "subscriptions.cancel"
    SUBSCRIPTION_MIGRATE = "subscriptions.migrate"
    INVOICE_PAY = "invoices.pay"
    INVOICE_VOID = "invoices.void_invoice"
    INVOICE_FINALIZE = "invoices.finalize_invoice"
    INVOICE_CREATE = "invoices.create"
    INVOICE_ITEM_CREATE = "invoice_items.create"
    CREDIT_NOTE_CREATE = "credit_notes.create"
    BALANCE_CREDIT = "customers.balance_transactions.create"
    SCHEDULE_CREATE = "subscription_schedules.create"
    SCHEDULE_UPDATE = "subscription_schedules.update"
    SCHEDULE_RELEASE = "subscription_schedules.release"
    CHECKOUT_CREATE = "checkout.sessions.create"
    CHECKOUT_EXPIRE = "checkout.sessions.expire"
    PORTAL_CONFIGURE = "billing_portal.configurations.create"
    PORTAL_OPEN = "billing_portal.sessions.create"
    ENDPOINT_CREATE = "webhook_endpoints.create"
    ENDPOINT_UPDATE = "webhook_endpoints.update"
    ENDPOINT_DELETE = "webhook_endpoints.delete"


@dataclass(frozen=True)
class CommittedIntent:
    """A write as recorded: ``target`` is the object's id where the path names one."""

    key: str
    operation: Operation
    target: str | None
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """Stripe's answer; a ``replayed`` one tells of the past and is never written to the mirror."""

    snapshot: Snapshot
    replayed: bool
    request_id: str | None


@dataclass(frozen=True)
class _How:
    """Where the SDK has an operation, and how its answer is read."""

    method: Callable[[Any], Callable[..., Any]]
    read: Callable[[Any], Snapshot]
    keyed: bool = True


_HOW: Mapping[Operation, _How] = {
    Operation.CUSTOMER_CREATE: _How(lambda v1: v1.customers.create, CustomerSnapshot.of),
    Operation.CUSTOMER_UPDATE: _How(lambda v1: v1.customers.update, CustomerSnapshot.of),
    Operation.PRODUCT_CREATE: _How(lambda v1: v1.products.create, ProductSnapshot.of),
    Operation.PRODUCT_UPDATE: _How(lambda v1: v1.products.update, ProductSnapshot.of),
    Operation.PRICE_CREATE: _How(lambda v1: v1.prices.create, PriceSnapshot.of),
    Operation.PRICE_UPDATE: _How(lambda v1: v1.prices.update, PriceSnapshot.of),
    Operation.METER_CREATE: _How(lambda v1: v1.billing.meters.create, MeterSnapshot.of),
    Operation.METER_REACTIVATE: _How(lambda v1: v1.billing.meters.reactivate, MeterSnapshot.of),
    Operation.METER_EVENT_CREATE: _How(
        lambda v1: v1.billing.meter_events.create, MadeSnapshot.of_event
    ),
    Operation.SUBSCRIPTION_CREATE: _How(
        lambda v1: v1.subscriptions.create, SubscriptionSnapshot.of
    ),
    Operation.SUBSCRIPTION_UPDATE: _How(
        lambda v1: v1.subscriptions.update, SubscriptionSnapshot.of
    ),
    # Stripe ignores keys on DELETE, so there is none to send (stripe-facts §1.3).
    Operation.SUBSCRIPTION_CANCEL: _How(
        lambda v1: v1.subscriptions.cancel, SubscriptionSnapshot.of, keyed=False
    ),
    Operation.SUBSCRIPTION_MIGRATE: _How(
        lambda v1: v1.subscriptions.migrate, SubscriptionSnapshot.of
    ),
    Operation.INVOICE_PAY: _How(lambda v1: v1.invoices.pay, InvoiceSnapshot.of),
    Operation.INVOICE_VOID: _How(lambda v1: v1.invoices.void_invoice, InvoiceSnapshot.of),
    Operation.INVOICE_FINALIZE: _How(lambda v1: v1.invoices.finalize_invoice, InvoiceSnapshot.of),
    Operation.INVOICE_CREATE: _How(lambda v1: v1.invoices.create, InvoiceSnapshot.of),
    Operation.INVOICE_ITEM_CREATE: _How(lambda v1: v1.invoice_items.create, MadeSnapshot.of),
    Operation.CREDIT_NOTE_CREATE: _How(lambda v1: v1.credit_notes.create, MadeSnapshot.of),
    Operation.BALANCE_CREDIT: _How(
        lambda v1: v1.customers.balance_transactions.create, BalanceMoveSnapshot.of
    ),
    Operation.SCHEDULE_CREATE: _How(
        lambda v1: v1.subscription_schedules.create, ScheduleSnapshot.of
    ),
    Operation.SCHEDULE_UPDATE: _How(
        lambda v1: v1.subscription_schedules.update, ScheduleSnapshot.of
    ),
    Operation.SCHEDULE_RELEASE: _How(
        lambda v1: v1.subscription_schedules.release, ScheduleSnapshot.of
    ),
    Operation.CHECKOUT_CREATE: _How(lambda v1: v1.checkout.sessions.create, CheckoutSnapshot.of),
    Operation.PORTAL_CONFIGURE: _How(
        lambda v1: v1.billing_portal.configurations.create, PortalSnapshot.of
    ),
    Operation.PORTAL_OPEN: _How(lambda v1: v1.billing_portal.sessions.create, PortalSnapshot.of),
    Operation.CHECKOUT_EXPIRE: _How(lambda v1: v1.checkout.sessions.expire, CheckoutSnapshot.of),
    Operation.ENDPOINT_CREATE: _How(lambda v1: v1.webhook_endpoints.create, EndpointSnapshot.of),
    Operation.ENDPOINT_UPDATE: _How(lambda v1: v1.webhook_endpoints.update, EndpointSnapshot.of),
    Operation.ENDPOINT_DELETE: _How(
        lambda v1: v1.webhook_endpoints.delete, MadeSnapshot.of, keyed=False
    ),
}
# Whether such a write was made can only be seen at Stripe.
KEYLESS = frozenset(operation for operation, how in _HOW.items() if not how.keyed)


class Writer:
    """Sends committed intents to Stripe."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._v1 = client.v1

    def send(self, intent: CommittedIntent) -> Answer:
        """Make the write and give Stripe's answer.

        Raises: the classes of ``failures``.
        """
        how = _HOW[intent.operation]
        # Without a key a second sending is a second write: its answer says nothing of the first.
        options: dict[str, Any] = {"max_network_retries": WRITE_RETRIES if how.keyed else 0}
        if how.keyed:
            options["idempotency_key"] = intent.key
        named = [intent.target] if intent.target else []
        with sorted_failures():
            answer = how.method(self._v1)(*named, dict(intent.params), options)
        last = answer.last_response
        return Answer(
            snapshot=how.read(answer),
            replayed=last.headers.get("Idempotent-Replayed") == "true",
            request_id=last.request_id,
        )
