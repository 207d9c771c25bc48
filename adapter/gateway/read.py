"""Everything that is asked of Stripe without changing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

import stripe

from .client import StripeTime
from .failures import Refused, sorted_failures
from .pages import PAGE, Pages, whole_subscription
from .pages import whole as _whole
from .snapshots import (
    BalanceMoveSnapshot,
    CheckoutSnapshot,
    CustomerSnapshot,
    EndpointSnapshot,
    InvoiceSnapshot,
    ListedPrice,
    MeterReport,
    MeterSnapshot,
    PaymentMethodSnapshot,
    PortalSnapshot,
    ProductSnapshot,
    ReversalKind,
    ReversalSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
    field,
    object_id,
    required_moment,
)

CUSTOMER_METHOD = "invoice_settings.default_payment_method"
# Stripe takes no more types than these in one question (stripe-facts §4).
TYPES = 20
PAYMENT_INTENT = "payments.data.payment.payment_intent"

_WITH_PAYMENT: Any = {"expand": ["charge", "payment_intent"]}


class Reader:
    """Reads objects from Stripe as snapshots.

    Raises (all methods): the classes of ``failures``; ``Gone`` where the object does not exist.
    """

    def __init__(self, client: stripe.StripeClient, time: StripeTime) -> None:
        self._client = client
        self._v1 = client.v1
        self.time = time
        self.pages = Pages(client)

    def _json(self, path: str, params: Any) -> Any:
        """One object as plain JSON. What is asked for with every event is read so: making the SDK's
        objects of an answer takes as long as storing it (ADR 001).
        """
        return self._client.raw_request("get", path, **params).data

    def billing_now(self, test_clock: str | None) -> datetime:
        """Billing time of a customer: its test clock's, else Stripe's present moment."""
        if test_clock is None:
            return self.time.now()
        with sorted_failures():
            clock = self._v1.test_helpers.test_clocks.retrieve(test_clock)
        return required_moment(clock.frozen_time)

    def present(self) -> datetime:
        """Stripe's present moment, asked for now: every answer shows it."""
        with sorted_failures():
            self._v1.events.list({"limit": 1})
        return self.time.now()

    def customer(self, customer_id: str) -> CustomerSnapshot:
        """A customer; a deleted one comes back marked ``deleted``, not as an error."""
        params: Any = {"expand": [CUSTOMER_METHOD]}
        try:
            with sorted_failures("customer"):
                return CustomerSnapshot.of(self._v1.customers.retrieve(customer_id, params))
        except Refused:
            # A deleted one has nothing left that could be expanded.
            with sorted_failures("customer"):
                return CustomerSnapshot.of(self._v1.customers.retrieve(customer_id))

    def customers_with_email(self, email: str) -> Iterator[CustomerSnapshot]:
        """Every customer with exactly this e-mail address."""
        with sorted_failures():
            page = self._v1.customers.list({"email": email, "limit": PAGE})
            for found in page.auto_paging_iter():
                yield CustomerSnapshot.of(found)

    def subscription(self, subscription_id: str) -> SubscriptionSnapshot:
        """A subscription with all its items and its latest invoice."""
        with sorted_failures("subscription"):
            params: Any = {"expand": ["latest_invoice", "default_payment_method"]}
            found = self._json(f"/v1/subscriptions/{quote(subscription_id, safe='')}", params)
            if _is_cut(found["items"]) or _is_cut(found["latest_invoice"], "lines"):
                found = self._v1.subscriptions.retrieve(subscription_id, params)
            return whole_subscription(found)

    def subscriptions_of(self, customer_id: str) -> Iterator[SubscriptionSnapshot]:
        """Every subscription a customer ever had, cancelled ones included."""
        with sorted_failures():
            page = self._v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": PAGE}
            )
            for found in page.auto_paging_iter():
                yield whole_subscription(found)

    def live_subscriptions(self, customer_id: str | None = None) -> Iterator[SubscriptionSnapshot]:
        """Every subscription that has not ended, with its latest invoice; of one customer if it is
        named. One call per 100. Stripe leaves those on test clocks out unless one is named.
        """
        asked: Any = {"limit": PAGE, "expand": ["data.latest_invoice"]}
        if customer_id is not None:
            asked["customer"] = customer_id
        with sorted_failures():
            for found in self._v1.subscriptions.list(asked).auto_paging_iter():
                yield SubscriptionSnapshot.of(found, _whole(found["items"]))

    def has_subscription_on(self, price_id: str) -> bool:
        """Whether any subscription that is not cancelled uses this price."""
        with sorted_failures():
            page = self._v1.subscriptions.list({"price": price_id, "limit": 1})
        return len(page.data) > 0

    def invoice(self, invoice_id: str) -> InvoiceSnapshot:
        """An invoice with all its lines and the state of its payment."""
        with sorted_failures("invoice"):
            params: Any = {"expand": [PAYMENT_INTENT]}
            found = self._json(f"/v1/invoices/{quote(invoice_id, safe='')}", params)
            if _is_cut(found["lines"]):
                found = self._v1.invoices.retrieve(invoice_id, params)
            return InvoiceSnapshot.of(found, _whole(found["lines"]))

    def schedule(self, schedule_id: str) -> ScheduleSnapshot:
        """A subscription schedule with all its phases."""
        with sorted_failures("schedule"):
            return ScheduleSnapshot.of(self._v1.subscription_schedules.retrieve(schedule_id))

    def checkout(self, session_id: str) -> CheckoutSnapshot:
        """A Checkout Session, with what a completed setup saved and how its payment stands."""
        with sorted_failures("checkout"):
            params: Any = {"expand": ["setup_intent", "payment_intent"]}
            return CheckoutSnapshot.of(self._v1.checkout.sessions.retrieve(session_id, params))

    def checkouts_of(self, customer_id: str) -> Iterator[CheckoutSnapshot]:
        """Every Checkout Session of a customer, newest first."""
        with sorted_failures():
            page = self._v1.checkout.sessions.list({"customer": customer_id, "limit": PAGE})
            for found in page.auto_paging_iter():
                yield CheckoutSnapshot.of(found)

    def invoices_of(
        self, customer_id: str, subscription: str | None = None
    ) -> Iterator[InvoiceSnapshot]:
        """A customer's invoices, newest first; of one subscription if it is given."""
        asked: Any = {"customer": customer_id, "limit": PAGE, "expand": ["data." + PAYMENT_INTENT]}
        if subscription is not None:
            asked["subscription"] = subscription
        with sorted_failures():
            for found in self._v1.invoices.list(asked).auto_paging_iter():
                yield InvoiceSnapshot.of(found, _whole(found.lines))

    def open_invoices_of(self, customer_id: str) -> Iterator[InvoiceSnapshot]:
        """A customer's invoices that wait for money, newest first."""
        asked: Any = {
            "customer": customer_id,
            "status": "open",
            "limit": PAGE,
            "expand": ["data." + PAYMENT_INTENT],
        }
        with sorted_failures():
            for found in self._v1.invoices.list(asked).auto_paging_iter():
                yield InvoiceSnapshot.of(found, _whole(found.lines))

    def refund(self, refund_id: str) -> ReversalSnapshot:
        """A refund, with whose it is and which invoice it is of."""
        with sorted_failures("refund"):
            found = self._v1.refunds.retrieve(refund_id, _WITH_PAYMENT)
        return self._reversal("refund", found)

    def dispute(self, dispute_id: str) -> ReversalSnapshot:
        """A dispute, with whose it is and which invoice it is about."""
        with sorted_failures("dispute"):
            found = self._v1.disputes.retrieve(dispute_id, _WITH_PAYMENT)
        return self._reversal("dispute", found)

    def _reversal(self, kind: ReversalKind, found: Any) -> ReversalSnapshot:
        """Neither a payment nor its charge names its invoice any more (stripe-facts §2.2)."""
        intent = object_id(field(found, "payment_intent"))
        invoice = None
        if intent is not None:
            paid: Any = {"type": "payment_intent", "payment_intent": intent}
            with sorted_failures():
                page = self._v1.invoice_payments.list({"payment": paid, "limit": 1})
            invoice = object_id(page.data[0].invoice) if page.data else None
        return ReversalSnapshot.of(kind, found, invoice)

    def product(self, product_id: str) -> ProductSnapshot:
        """One product."""
        with sorted_failures("product"):
            return ProductSnapshot.of(self._v1.products.retrieve(product_id))

    def preview(self, params: Mapping[str, Any]) -> InvoiceSnapshot:
        """What Stripe would bill for ``params`` (of ``invoices.create_preview``)."""
        with sorted_failures():
            found = self._v1.invoices.create_preview(cast(Any, dict(params)))
            return InvoiceSnapshot.of(found, _whole(found.lines))

    def payment_method(self, method_id: str) -> PaymentMethodSnapshot:
        """One payment method."""
        with sorted_failures():
            return PaymentMethodSnapshot.of(self._v1.payment_methods.retrieve(method_id))

    def payment_methods_of(self, customer_id: str) -> Iterator[PaymentMethodSnapshot]:
        """The customer's saved payment methods."""
        with sorted_failures():
            page = self._v1.customers.payment_methods.list(customer_id, {"limit": PAGE})
            for found in page.auto_paging_iter():
                yield PaymentMethodSnapshot.of(found)

    def balance_moves(self, customer_id: str) -> Iterator[BalanceMoveSnapshot]:
        """Everything that ever moved the customer's balance, newest first."""
        with sorted_failures():
            page = self._v1.customers.balance_transactions.list(customer_id, {"limit": PAGE})
            for found in page.auto_paging_iter():
                yield BalanceMoveSnapshot.of(found)

    def was_delivered(self, types: Sequence[str], since: datetime) -> bool:
        """Whether an event of one of ``types`` that happened at ``since`` or after has reached
        every endpoint that hears it. The newest of each 20 types are looked at.
        """
        asked: Any = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
        for at in range(0, len(types), TYPES):
            asked["types"] = list(types[at : at + TYPES])
            with sorted_failures():
                page = self._v1.events.list(asked)
            if any(found.pending_webhooks == 0 for found in page.data):
                return True
        return False

    def webhook_endpoints(self) -> Iterator[EndpointSnapshot]:
        """The webhook endpoints of the Stripe account."""
        with sorted_failures():
            for found in self._v1.webhook_endpoints.list({"limit": PAGE}).auto_paging_iter():
                yield EndpointSnapshot.of(found)

    def products(self) -> Iterator[ProductSnapshot]:
        """Every product of the Stripe account, archived ones and those of others included."""
        with sorted_failures():
            for found in self._v1.products.list({"limit": PAGE}).auto_paging_iter():
                yield ProductSnapshot.of(found)

    def price(self, price_id: str) -> ListedPrice:
        """One price."""
        with sorted_failures("price"):
            return ListedPrice.of(self._v1.prices.retrieve(price_id))

    def prices(self) -> Iterator[ListedPrice]:
        """Every price of the Stripe account, newest first; archived ones and others' included.

        One call per 100 prices, however many products they belong to.
        """
        with sorted_failures():
            for found in self._v1.prices.list({"limit": PAGE}).auto_paging_iter():
                yield ListedPrice.of(found)

    def meters(self) -> Iterator[MeterSnapshot]:
        """Every billing meter of the Stripe account, those that are switched off included."""
        with sorted_failures():
            for found in self._v1.billing.meters.list({"limit": PAGE}).auto_paging_iter():
                yield MeterSnapshot.of(found)

    def portal_configurations(self) -> Iterator[PortalSnapshot]:
        """The active configurations of the customer portal."""
        wanted: Any = {"active": True, "limit": PAGE}
        with sorted_failures():
            for found in self._v1.billing_portal.configurations.list(wanted).auto_paging_iter():
                yield PortalSnapshot.of(found)

    def meter(self, meter_id: str) -> MeterSnapshot:
        """One billing meter."""
        with sorted_failures():
            return MeterSnapshot.of(self._v1.billing.meters.retrieve(meter_id))

    def counted(self, meter_id: str, customer_id: str, since: datetime, until: datetime) -> int:
        """What a meter has counted for a customer between two full minutes. Events count some time
        after they were taken (Stripe docs: recording usage), so it may be too little.
        """
        window: Any = {
            "customer": customer_id,
            "start_time": int(since.timestamp()),
            "end_time": int(until.timestamp()),
            "limit": PAGE,
        }
        with sorted_failures():
            page = self._v1.billing.meters.event_summaries.list(meter_id, window)
            total: float = sum(found["aggregated_value"] for found in page.auto_paging_iter())
        return round(total)

    def meter_report(self, event_id: str) -> MeterReport:
        """What the event of this id, a notification, tells of usage that was not counted."""
        with sorted_failures():
            return MeterReport.of(self._client.v2.core.events.retrieve(event_id))


def _is_cut(thing: Any, *path: str) -> bool:
    """Whether a nested list goes on beyond the first page; only the SDK's objects ask for more."""
    for name in path:
        thing = thing[name] if isinstance(thing, dict) else None
    return bool(thing and thing["has_more"])
