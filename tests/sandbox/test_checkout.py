"""Checkout: sessions in every mode, completed by a customer, refused, abandoned."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Visitor

from .checking_out import BACK, again, buying, subscribing
from .conftest import DAY, START, Stage

HOUR = 3_600


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    return Visitor(stage.box)


class TestSubscriptionMode:
    def test_subscription_and_invoice_come_after_the_money(
        self, stage: Stage, visitor: Visitor
    ) -> None:
        session = subscribing(
            stage,
            client_reference_id="account 7",
            customer_email="ada@example.test",
            metadata={"of": "session"},
            subscription_data={"metadata": {"of": "subscription"}},
        )
        assert (session.status, session.payment_status) == ("open", "unpaid")
        assert (session.amount_total, session.currency) == (1000, "usd")
        assert session.subscription is None
        assert session.url.startswith("https://checkout.stripe.com/c/pay/cs_test_")
        before = len(stage.events())
        assert visitor.pay(session.id, name="Ada") == "complete"
        done = again(stage, session, "subscription", "invoice", "customer")
        assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
        assert done.client_reference_id == "account 7"
        assert done.subscription.status == "active"
        assert done.subscription.metadata.to_dict() == {"of": "subscription"}
        assert done.metadata.to_dict() == {"of": "session"}
        assert (done.invoice.status, done.invoice.amount_paid) == ("paid", 1000)
        assert done.invoice.billing_reason == "subscription_create"
        assert (done.customer.email, done.customer.name) == ("ada@example.test", "Ada")
        assert done.customer_details.email == "ada@example.test"
        method = done.subscription.default_payment_method
        assert stage.api.payment_methods.retrieve(method).customer == done.customer.id
        assert stage.events()[before:] == [
            "customer.created",
            "payment_intent.created",
            "payment_method.attached",
            "charge.succeeded",
            "payment_intent.succeeded",
            "customer.subscription.created",
            "invoice.created",
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
            "checkout.session.completed",
        ]

    def test_the_payment_leads_back_to_the_invoice(self, stage: Stage, visitor: Visitor) -> None:
        session = subscribing(stage)
        visitor.pay(session.id)
        invoice = again(stage, session).invoice
        payments = stage.api.invoice_payments.list({"invoice": invoice}).data
        assert [entry.status for entry in payments] == ["paid"]
        intent = stage.api.payment_intents.list().data[0]
        assert payments[0].payment.payment_intent == intent.id

    def test_a_refused_card_leaves_no_subscription_and_the_page_open(
        self, stage: Stage, visitor: Visitor
    ) -> None:
        session = subscribing(stage)
        for card in ("pm_card_chargeDeclined", "pm_card_chargeCustomerFail"):
            assert visitor.pay(session.id, card) == "declined"
        assert again(stage, session).status == "open"
        assert stage.events("customer.", "invoice", "checkout") == []
        assert (
            stage.events("payment_intent")
            == ["payment_intent.created"] + ["payment_intent.payment_failed"] * 2
        )
        assert visitor.pay(session.id) == "complete"
        assert len(stage.api.payment_intents.list().data) == 1

    def test_the_bank_may_ask_first(self, stage: Stage, visitor: Visitor) -> None:
        session = subscribing(stage)
        card = "pm_card_threeDSecure2Required"
        assert visitor.pay(session.id, card) == "action"
        assert visitor.pay(session.id, card, answer="fail") == "declined"
        assert visitor.pay(session.id, card, answer="complete") == "complete"
        assert again(stage, session, "subscription").subscription.status == "active"

    def test_renewals_charge_the_card_that_was_given(self, stage: Stage, visitor: Visitor) -> None:
        session = subscribing(stage)
        visitor.pay(session.id)
        stage.box.advance(seconds=31 * DAY)
        sub = again(stage, session).subscription
        invoices = stage.api.invoices.list({"subscription": sub}).data
        assert [entry.status for entry in invoices] == ["paid", "paid"]

    def test_a_known_customer_stays_who_they_are(self, stage: Stage, visitor: Visitor) -> None:
        customer = stage.api.customers.create({"email": "ada@example.test"}).id
        session = subscribing(stage, customer=customer)
        visitor.pay(session.id)
        assert again(stage, session).customer == customer
        assert stage.events("customer.created") == ["customer.created"]
        listed = stage.api.checkout.sessions.list({"customer": customer}).data
        assert [entry.id for entry in listed] == [session.id]

    def test_a_trial_takes_the_card_and_no_money(self, stage: Stage, visitor: Visitor) -> None:
        session = subscribing(stage, subscription_data={"trial_period_days": 7})
        assert session.amount_total == 0
        assert visitor.pay(session.id, "pm_card_chargeDeclined") == "declined"
        assert visitor.pay(session.id) == "complete"
        done = again(stage, session, "subscription")
        assert (done.payment_status, done.subscription.status) == (
            "no_payment_required",
            "trialing",
        )
        assert done.subscription.default_payment_method is not None

    def test_one_time_lines_come_on_the_first_invoice(self, stage: Stage, visitor: Visitor) -> None:
        fee: Any = {
            "currency": "usd",
            "product_data": {"name": "Setting up"},
            "unit_amount": 500,
        }
        lines = [
            {"price": stage.price(1000), "quantity": 3},
            {"price_data": fee, "quantity": 1},
        ]
        session = stage.api.checkout.sessions.create(
            {"mode": "subscription", "line_items": lines, **BACK}
        )
        assert session.amount_total == 3500
        visitor.pay(session.id)
        done = again(stage, session, "subscription", "invoice", "line_items")
        assert [item.quantity for item in done.subscription["items"].data] == [3]
        assert done.invoice.amount_paid == 3500
        assert [line.description for line in done.line_items.data] == ["Small", "Setting up"]
        assert [line.amount_total for line in done.line_items.data] == [3000, 500]

    def test_a_discount_and_a_promotion_code(self, stage: Stage, visitor: Visitor) -> None:
        coupon = stage.api.coupons.create({"percent_off": 25, "duration": "forever"}).id
        session = subscribing(stage, discounts=[{"coupon": coupon}])
        assert (session.amount_subtotal, session.amount_total) == (1000, 750)
        assert session.total_details.amount_discount == 250
        visitor.pay(session.id)
        assert again(stage, session, "invoice").invoice.amount_paid == 750
        stage.api.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": coupon}, "code": "SAVE25"}
        )
        session = subscribing(stage, allow_promotion_codes=True)
        with pytest.raises(ValueError, match="NOPE"):
            visitor.pay(session.id, code="NOPE")
        visitor.pay(session.id, code="SAVE25")
        assert again(stage, session, "invoice").invoice.amount_paid == 750

    def test_a_debit_completes_before_its_money_comes(self, stage: Stage, visitor: Visitor) -> None:
        price = stage.price(1000, currency="eur")
        types = ["card", "sepa_debit"]
        for iban, fate in (
            ("AT611904300234573201", "succeeded"),
            ("AT861904300235473202", "failed"),
        ):
            session = subscribing(stage, price=price, allowed_payment_method_types=types)
            assert visitor.pay(session.id, iban) == "complete"
            assert again(stage, session).payment_status == "unpaid"
            assert again(stage, session, "subscription").subscription.status == "active"
            stage.box.advance(seconds=6 * DAY)
            done = again(stage, session, "invoice")
            assert stage.events("checkout.session.async")[-1].endswith(fate)
            assert done.payment_status == ("paid" if fate == "succeeded" else "unpaid")
            assert done.invoice.status == ("paid" if fate == "succeeded" else "open")
        session = subscribing(stage)
        with pytest.raises(ValueError, match="does not take"):
            visitor.pay(session.id, "AT611904300234573201")


class TestPaymentMode:
    def test_a_guest_pays_once(self, stage: Stage, visitor: Visitor) -> None:
        session = buying(stage, payment_intent_data={"metadata": {"k": "v"}})
        assert (session.amount_total, session.customer_creation) == (3000, "if_required")
        assert visitor.pay(session.id, email="ada@example.test") == "complete"
        done = again(stage, session, "payment_intent")
        assert (done.customer, done.customer_details.email) == (None, "ada@example.test")
        assert done.payment_intent.status == "succeeded"
        assert done.payment_intent.metadata["k"] == "v"
        assert stage.events("invoice") == []

    def test_with_an_invoice_for_it(self, stage: Stage, visitor: Visitor) -> None:
        data = {"description": "Thank you", "metadata": {"k": "v"}}
        session = buying(stage, invoice_creation={"enabled": True, "invoice_data": data})
        assert visitor.pay(session.id, email="ada@example.test") == "complete"
        done = again(stage, session, "invoice")
        assert done.customer is not None
        assert (done.invoice.status, done.invoice.amount_paid) == ("paid", 3000)
        assert (done.invoice.description, done.invoice.metadata["k"]) == ("Thank you", "v")
        assert len(stage.api.payment_intents.list().data) == 1

    def test_a_card_kept_for_later(self, stage: Stage, visitor: Visitor) -> None:
        customer = stage.api.customers.create({}).id
        keeps: Any = {"setup_future_usage": "off_session"}
        session = buying(stage, customer=customer, payment_intent_data=keeps)
        visitor.pay(session.id)
        assert len(stage.api.payment_methods.list({"customer": customer}).data) == 1


class TestSetupMode:
    def test_saves_a_card_for_the_customer(self, stage: Stage, visitor: Visitor) -> None:
        customer = stage.api.customers.create({}).id
        params: Any = {"mode": "setup", "currency": "usd", "customer": customer, **BACK}
        session = stage.api.checkout.sessions.create(params)
        assert session.payment_status == "no_payment_required"
        assert session.amount_total is None
        assert visitor.pay(session.id, "pm_card_chargeDeclined") == "declined"
        challenged = "pm_card_authenticationRequired"
        assert visitor.pay(session.id, challenged) == "action"
        assert visitor.pay(session.id, challenged, answer="fail") == "declined"
        assert visitor.pay(session.id, challenged, answer="complete") == "complete"
        done = again(stage, session, "setup_intent")
        assert done.setup_intent.status == "succeeded"
        saved = stage.api.payment_methods.list({"customer": customer}).data
        assert [method.id for method in saved] == [done.setup_intent.payment_method]
        assert stage.events("checkout") == ["checkout.session.completed"]


class TestAnOpenSession:
    def test_expires_by_itself_or_by_hand(self, stage: Stage, visitor: Visitor) -> None:
        by_itself = subscribing(stage, expires_at=START + HOUR)
        by_hand = subscribing(stage)
        assert by_hand.expires_at == START + DAY
        gone = stage.api.checkout.sessions.expire(by_hand.id)
        assert (gone.status, gone.url) == ("expired", None)
        stage.box.advance(seconds=HOUR)
        assert again(stage, by_itself).status == "expired"
        assert stage.events("checkout") == ["checkout.session.expired"] * 2
        with pytest.raises(LookupError):
            visitor.pay(by_itself.id)
        with pytest.raises(stripe.InvalidRequestError, match="expired"):
            stage.api.checkout.sessions.expire(by_hand.id)

    def test_is_found_by_what_came_of_it(self, stage: Stage, visitor: Visitor) -> None:
        session = subscribing(stage)
        subscribing(stage)
        visitor.pay(session.id, email="ada@example.test")
        sub = again(stage, session).subscription
        sessions = stage.api.checkout.sessions
        assert [e.id for e in sessions.list({"subscription": sub}).data] == [session.id]
        assert [e.id for e in sessions.list({"status": "complete"}).data] == [session.id]
        email = "ada@example.test"
        assert len(sessions.list({"customer_details": {"email": email}}).data) == 1
        lines = sessions.line_items.list(session.id)
        assert (lines.data[0].price.unit_amount, lines.has_more) == (1000, False)
        sessions.update(session.id, {"metadata": {"k": "v"}})
        assert sessions.retrieve(session.id).metadata["k"] == "v"
