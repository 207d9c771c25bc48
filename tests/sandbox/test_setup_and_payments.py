"""Setup intents, payment intents made by hand, refunds, and debits that answer days later."""

from __future__ import annotations

from typing import Any

import pytest
import responses
import stripe

from sandbox import Sandbox, Switches, mount

from .conftest import DAY, START, Stage

SEPA_OK = "AT611904300234573201"
SEPA_FAILS = "AT861904300235473202"
EUR_PRICE: Any = {"currency": "eur"}


def debit(stage: Stage, iban: str = SEPA_OK) -> str:
    method: Any = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": iban},
        "billing_details": {"name": "Bob", "email": "bob@example.com"},
    }
    return stage.api.payment_methods.create(method).id


class TestSetupIntents:
    def test_a_card_is_attached_on_success(self, stage: Stage) -> None:
        customer = stage.api.customers.create({}).id
        setup = stage.api.setup_intents.create({"customer": customer})
        assert (setup.status, setup.usage) == ("requires_payment_method", "off_session")
        done = stage.api.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
        assert done.status == "succeeded"
        method = stage.api.payment_methods.retrieve(str(done.payment_method))
        assert method.customer == customer
        assert stage.events("setup_intent", "payment_method") == [
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
        ]

    def test_a_refused_card_says_why_and_leaves_the_intent_open(self, stage: Stage) -> None:
        params: Any = {"payment_method": "pm_card_chargeDeclined", "confirm": True}
        with pytest.raises(stripe.CardError) as caught:
            stage.api.setup_intents.create(params)
        assert caught.value.error is not None
        setup = stage.api.setup_intents.list().data[0]
        assert setup.status == "requires_payment_method"
        assert setup["last_setup_error"]["code"] == "card_declined"
        assert stage.events("setup_intent")[-1] == "setup_intent.setup_failed"

    def test_a_challenge_is_answered_by_the_customer(self, stage: Stage) -> None:
        for succeed, status in ((True, "succeeded"), (False, "requires_payment_method")):
            customer = stage.api.customers.create({}).id
            setup = stage.api.setup_intents.create(
                {
                    "customer": customer,
                    "payment_method": "pm_card_authenticationRequired",
                    "confirm": True,
                }
            )
            assert setup.status == "requires_action"
            stage.box.authenticate(setup.id, succeed=succeed)
            assert stage.api.setup_intents.retrieve(setup.id).status == status
            saved = stage.api.payment_methods.list({"customer": customer}).data
            assert bool(saved) is succeed
        with pytest.raises(LookupError):
            stage.box.authenticate(setup.id)

    def test_canceled_it_cannot_be_confirmed(self, stage: Stage) -> None:
        setup = stage.api.setup_intents.create({"description": "a"})
        stage.api.setup_intents.update(setup.id, {"metadata": {"k": "v"}})
        stage.api.setup_intents.cancel(setup.id)
        with pytest.raises(stripe.InvalidRequestError, match="canceled"):
            stage.api.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
        with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
            stage.api.setup_intents.create({"confirm": True})

    def test_the_old_name_of_the_types_is_gone(self, stage: Stage) -> None:
        old: Any = {"payment_method_types": ["card"]}
        with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
            stage.api.setup_intents.create(old)
        key = {"Authorization": "Bearer sk_test_1"}
        # without a version, as the official CLI asks, it is still there
        form = "payment_method_types[0]=card"
        assert stage.box.call("POST", "/v1/setup_intents", form, key).status == 200


class TestPaymentIntents:
    def make(self, stage: Stage, **more: Any) -> Any:
        return stage.api.payment_intents.create({"amount": 2000, "currency": "usd", **more})

    def test_confirmed_it_charges(self, stage: Stage) -> None:
        intent = self.make(stage)
        assert intent.status == "requires_payment_method"
        done = stage.api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        assert (done.status, done.amount_received) == ("succeeded", 2000)
        assert stage.events("payment_intent", "charge") == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]
        with pytest.raises(stripe.InvalidRequestError, match="succeeded"):
            stage.api.payment_intents.confirm(intent.id)

    def test_held_then_captured_in_part(self, stage: Stage) -> None:
        intent = self.make(
            stage, capture_method="manual", payment_method="pm_card_visa", confirm=True
        )
        assert (intent.status, intent.amount_capturable) == ("requires_capture", 2000)
        with pytest.raises(stripe.InvalidRequestError, match="greater"):
            stage.api.payment_intents.capture(intent.id, {"amount_to_capture": 2001})
        done = stage.api.payment_intents.capture(intent.id, {"amount_to_capture": 1500})
        assert (done.status, done.amount_received) == ("succeeded", 1500)

    def test_declined_it_asks_for_another_card(self, stage: Stage) -> None:
        with pytest.raises(stripe.CardError):
            self.make(stage, payment_method="pm_card_chargeDeclined", confirm=True)
        intent = stage.api.payment_intents.list().data[0]
        assert intent.status == "requires_payment_method"
        paid = stage.api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        assert paid.status == "succeeded"

    def test_a_used_card_is_used_up_unless_saved(self, stage: Stage) -> None:
        method = stage.api.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
        self.make(stage, payment_method=method.id, confirm=True)
        with pytest.raises(stripe.InvalidRequestError, match="previously used"):
            self.make(stage, payment_method=method.id, confirm=True)
        customer = stage.api.customers.create({}).id
        intent = self.make(
            stage,
            customer=customer,
            setup_future_usage="off_session",
            payment_method="pm_card_visa",
            confirm=True,
        )
        assert stage.api.payment_methods.retrieve(str(intent.payment_method)).customer == customer

    def test_canceled_and_refunded(self, stage: Stage) -> None:
        intent = self.make(stage)
        assert stage.api.payment_intents.cancel(intent.id).status == "canceled"
        paid = self.make(stage, payment_method="pm_card_visa", confirm=True)
        with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
            stage.api.payment_intents.cancel(paid.id)
        refund = stage.api.refunds.create({"payment_intent": paid.id, "amount": 500})
        assert refund.status == "succeeded"
        charge = stage.api.charges.retrieve(str(paid.latest_charge))
        assert (charge.amount_refunded, charge.refunded) == (500, False)
        stage.api.refunds.create({"charge": charge.id})
        with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
            stage.api.refunds.create({"charge": charge.id})
        assert [entry.amount for entry in stage.api.refunds.list().data] == [1500, 500]
        stage.api.refunds.update(refund.id, {"metadata": {"k": "v"}})
        assert stage.events("refund", "charge.refund")[-2:] == [
            "refund.updated",
            "charge.refund.updated",
        ]


class TestDebits:
    """A bank debit is under way for days and fails or succeeds then (Stripe docs: SEPA)."""

    def test_a_subscription_runs_while_its_first_debit_is_under_way(self, stage: Stage) -> None:
        customer = stage.api.customers.create({}).id
        method = debit(stage)
        stage.api.payment_methods.attach(method, {"customer": customer})
        price = stage.price(1000, **EUR_PRICE)
        sub = stage.subscribe(customer, price, default_payment_method=method)
        assert sub["status"] == "active"
        assert stage.latest(sub["id"])["status"] == "open"
        stage.box.advance(seconds=5 * DAY)
        assert stage.latest(sub["id"])["status"] == "paid"
        assert "payment_intent.processing" in stage.events("payment_intent")

    def test_it_may_fail_in_the_end(self, stage: Stage) -> None:
        customer = stage.api.customers.create({}).id
        method = debit(stage, SEPA_FAILS)
        stage.api.payment_methods.attach(method, {"customer": customer})
        price = stage.price(1000, **EUR_PRICE)
        sub = stage.subscribe(customer, price, default_payment_method=method)
        invoice = sub["latest_invoice"]
        # a second try does not start while the first is under way
        assert stage.api.invoices.pay(invoice)["status"] == "open"
        stage.box.advance(seconds=5 * DAY)
        assert stage.sub(sub["id"])["status"] == "past_due"
        assert stage.events("invoice.payment_failed") == ["invoice.payment_failed"]

    def test_an_upgrade_by_debit_is_made_or_waits(self, stage: Stage) -> None:
        # a pending update lives 23 hours (§3.5): the bank is quicker in this story
        stage.box.switches.settlement_seconds = 3_600
        for iban, behavior, waits, status, changed in (
            (SEPA_OK, "error_if_incomplete", False, "active", True),
            (SEPA_FAILS, "allow_incomplete", False, "past_due", True),
            (SEPA_OK, "pending_if_incomplete", True, "active", True),
            (SEPA_FAILS, "pending_if_incomplete", True, "active", False),
        ):
            customer = stage.api.customers.create({}).id
            small, big = stage.price(1000, **EUR_PRICE), stage.price(2000, **EUR_PRICE)
            good = debit(stage)
            stage.api.payment_methods.attach(good, {"customer": customer})
            sub = stage.subscribe(customer, small, default_payment_method=good)
            stage.box.advance(seconds=6 * DAY)
            method = debit(stage, iban)
            stage.api.payment_methods.attach(method, {"customer": customer})
            stage.api.subscriptions.update(sub["id"], {"default_payment_method": method})
            change: Any = {
                "payment_behavior": behavior,
                "proration_behavior": "always_invoice",
            }
            pending = stage.switch(sub, big, **change)["pending_update"]
            assert (pending is not None) is waits
            stage.box.advance(seconds=6 * DAY)
            left = stage.sub(sub["id"])
            price = left["items"]["data"][0]["price"]["id"]
            assert (left["status"], price) == (status, big if changed else small)

    def test_or_it_starts_only_when_the_money_is_there(self, mock: responses.RequestsMock) -> None:
        switches = Switches(processing_starts="incomplete", settlement_seconds=60)
        box = Sandbox(START, switches=switches)
        mount(box, mock)
        stage = Stage(box, stripe.StripeClient("sk_test_123"))
        customer = stage.api.customers.create({}).id
        method = debit(stage)
        stage.api.payment_methods.attach(method, {"customer": customer})
        price = stage.price(1000, **EUR_PRICE)
        sub = stage.subscribe(customer, price, default_payment_method=method)
        assert sub["status"] == "incomplete"
        box.advance(seconds=60)
        assert stage.sub(sub["id"])["status"] == "active"


def test_a_bank_transfer_pays_as_it_comes_in(stage: Stage) -> None:
    customer = stage.api.customers.create({}).id
    transfer = {"funding_type": "bank_transfer", "bank_transfer": {"type": "jp_bank_transfer"}}
    params: Any = {
        "amount": 20_000,
        "currency": "jpy",
        "customer": customer,
        "allowed_payment_method_types": ["customer_balance"],
        "payment_method_data": {"type": "customer_balance"},
        "payment_method_options": {"customer_balance": transfer},
        "confirm": True,
    }
    intent = stage.api.payment_intents.create(params)
    assert intent.status == "requires_action"
    fund = stage.api.test_helpers.customers.fund_cash_balance
    fund(customer, {"amount": 5_000, "currency": "jpy"})
    assert "payment_intent.partially_funded" in stage.events("payment_intent")
    fund(customer, {"amount": 16_000, "currency": "jpy"})
    assert stage.api.payment_intents.retrieve(intent.id).status == "succeeded"
    assert stage.events("cash_balance") == ["cash_balance.funds_available"]
