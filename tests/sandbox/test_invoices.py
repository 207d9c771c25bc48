"""Invoices by hand, the flows the official command line plays, and where every cent goes."""

from __future__ import annotations

import random
from typing import Any

import pytest
import stripe

from sandbox import Switches

from .conftest import DAY, Stage

HOUR = 3_600


def test_a_manual_invoice_of_a_subscription_may_be_empty(stage: Stage) -> None:
    """Recorded traffic (C3): nothing to bill, draft, then paid without a payment."""
    sub = stage.subscribe(stage.customer(), stage.price(2500))
    draft = stage.api.invoices.create({"customer": sub["customer"], "subscription": sub["id"]})
    assert (draft.status, draft.total, draft.billing_reason) == ("draft", 0, "manual")
    assert draft.parent is not None
    assert draft.parent["subscription_details"]["subscription"] == sub["id"]
    paid = stage.api.invoices.pay(draft.id, {"expand": ["payments"]})
    assert (paid.status, len(paid.lines.data), len(paid["payments"])) == ("paid", 0, 0)


def collect(stage: Stage, card: str) -> Any:
    """The steps that the command line's invoice triggers take."""
    customer = stage.api.customers.create({"description": "(created by Stripe CLI)"}).id
    method = stage.api.payment_methods.attach(card, {"customer": customer}).id
    item: Any = {"customer": customer, "amount": 2000, "currency": "usd"}
    stage.api.invoice_items.create(item)
    invoice = stage.api.invoices.create(
        {"customer": customer, "pending_invoice_items_behavior": "include"}
    )
    return stage.api.invoices.pay(invoice.id, {"payment_method": method})


def test_the_steps_of_trigger_invoice_paid(stage: Stage) -> None:
    assert collect(stage, "pm_card_visa").amount_paid == 2000


def test_the_steps_of_trigger_payment_failed(stage: Stage) -> None:
    with pytest.raises(stripe.CardError):
        collect(stage, "pm_card_chargeCustomerFail")
    assert stage.events()[-1] == "invoice.payment_failed"


def test_the_steps_of_trigger_action_required(stage: Stage) -> None:
    with pytest.raises(stripe.CardError) as caught:
        collect(stage, "pm_card_threeDSecure2Required")
    assert caught.value.code == "invoice_payment_intent_requires_action"
    assert stage.events()[-1] == "invoice.payment_action_required"


def test_from_a_payment_back_to_its_invoice(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500))
    payment = stage.latest(sub["id"])["payments"]["data"][0]["payment"]
    found = stage.api.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": payment["payment_intent"]}}
    ).data
    assert [entry.invoice for entry in found] == [sub["latest_invoice"]]


def test_more_than_ten_lines_are_read_page_by_page(stage: Stage) -> None:
    customer = stage.customer()
    for number in range(12):
        item: Any = {"customer": customer, "amount": 100 + number, "currency": "usd"}
        stage.api.invoice_items.create(item)
    invoice = stage.api.invoices.create(
        {"customer": customer, "pending_invoice_items_behavior": "include"}
    )
    assert (len(invoice.lines.data), invoice.lines.has_more) == (10, True)
    lines = list(stage.api.invoices.line_items.list(invoice.id).auto_paging_iter())
    assert sum(line.amount for line in lines) == invoice.total


def test_too_little_to_charge_is_carried_on_the_balance(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(30))
    invoice = stage.latest(sub["id"])
    assert (invoice["status"], invoice["amount_due"], invoice["ending_balance"]) == ("paid", 0, 30)
    assert stage.api.customers.retrieve(customer)["balance"] == 30


def test_paid_elsewhere(stage: Stage) -> None:
    sub = stage.subscribe(
        stage.customer(), stage.price(2500), payment_behavior="default_incomplete"
    )
    paid = stage.api.invoices.pay(sub["latest_invoice"], {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 2500)
    assert stage.sub(sub["id"])["status"] == "active"


def test_a_sent_invoice_becomes_overdue(stage: Stage) -> None:
    customer = stage.api.customers.create({}).id
    sub = stage.subscribe(
        customer, stage.price(2500), collection_method="send_invoice", days_until_due=5
    )
    assert sub["status"] == "active"
    stage.box.advance(seconds=HOUR)
    assert stage.latest(sub["id"])["status"] == "open"
    stage.box.advance(seconds=5 * DAY)
    assert stage.sub(sub["id"])["status"] == "past_due"


class TestVoidingAnUnpaidRenewal:
    """What is left of a past due subscription is a named switch."""

    @pytest.fixture(params=["active", "past_due"])
    def switches(self, request: pytest.FixtureRequest) -> Switches:
        return Switches(void_restores=request.param)

    def test_its_status_follows_the_switch(self, stage: Stage, switches: Switches) -> None:
        customer = stage.customer(balance=-100)
        sub = stage.subscribe(customer, stage.price(2500))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        stage.box.advance(seconds=31 * DAY)
        assert stage.sub(sub["id"])["status"] == "past_due"
        stage.api.invoices.void_invoice(stage.latest(sub["id"])["id"])
        assert stage.sub(sub["id"])["status"] == switches.void_restores

    def test_written_off_it_says_why(self, stage: Stage) -> None:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(2500))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        stage.box.advance(seconds=31 * DAY)
        invoice = stage.api.invoices.mark_uncollectible(stage.latest(sub["id"])["id"])
        assert invoice["status_details"]["uncollectible"]["reason"] == "user_forgiven"


def test_the_subscription_keeps_the_card_that_worked(stage: Stage) -> None:
    customer = stage.customer("pm_card_authenticationRequired")
    settings: Any = {"save_default_payment_method": "on_subscription"}
    sub = stage.subscribe(customer, stage.price(2500), payment_settings=settings)
    intent = stage.latest(sub["id"])["payments"]["data"][0]["payment"]["payment_intent"]
    stage.box.authenticate(intent)
    started = stage.sub(sub["id"])
    assert started["status"] == "active"
    assert started["default_payment_method"] is not None


def test_a_failed_challenge_can_be_repeated_with_another_card(stage: Stage) -> None:
    customer = stage.customer("pm_card_threeDSecure2Required")
    sub = stage.subscribe(customer, stage.price(2500))
    intent = stage.latest(sub["id"])["payments"]["data"][0]["payment"]["payment_intent"]
    stage.box.authenticate(intent, succeed=False)
    failed = stage.api.payment_intents.retrieve(intent)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    method = stage.api.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    stage.api.payment_intents.confirm(intent, {"payment_method": method})
    assert stage.sub(sub["id"])["status"] == "active"


def test_one_customer_has_one_currency(stage: Stage) -> None:
    customer = stage.customer()
    stage.subscribe(customer, stage.price(2500))
    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        stage.subscribe(customer, stage.price(2500, currency="eur"))


def test_a_deleted_customer_answers_in_its_deleted_form(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(2500))
    stage.api.customers.delete(customer)
    gone = stage.api.customers.retrieve(customer)
    assert gone.deleted is True
    assert "email" not in gone
    assert stage.sub(sub["id"])["status"] == "canceled"


@pytest.mark.parametrize("seed", range(6))
def test_over_a_year_no_cent_appears_or_vanishes(stage: Stage, seed: int) -> None:
    """Paid + balance used + voided + still open = totals of all finalized invoices."""
    chance = random.Random(seed)
    prices = [stage.price(chance.randrange(100, 9_000)) for _ in range(3)]
    prices.append(stage.price(30_000, "year"))
    customer = stage.customer()
    sub = stage.subscribe(customer, prices[0])
    for _ in range(12):
        stage.box.advance(seconds=chance.randrange(1, 45 * DAY))
        sub = stage.sub(sub["id"])
        card = chance.choice(["pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail"])
        stage.swap_card(customer, card)
        if sub["status"] in ("canceled", "incomplete_expired"):
            stage.swap_card(customer, "pm_card_visa")
            sub = stage.subscribe(customer, chance.choice(prices))
            continue
        item = sub["items"]["data"][0]
        other = chance.choice([price for price in prices if price != item["price"]["id"]])
        behaviour = chance.choice(["allow_incomplete", "pending_if_incomplete"])
        stage.switch(sub, other, proration_behavior="always_invoice", payment_behavior=behaviour)
        latest = stage.latest(sub["id"])
        if latest["status"] == "open" and chance.random() < 0.5:
            stage.api.invoices.void_invoice(latest["id"])
    invoices = list(stage.api.invoices.list({"customer": customer}).auto_paging_iter())
    final = [invoice for invoice in invoices if invoice.status != "draft"]
    paid = sum(entry.amount_paid for entry in final)
    still_open = sum(entry.amount_remaining for entry in final if entry.status == "open")
    voided = sum(entry.total for entry in final if entry.status == "void")
    used = sum(
        (entry.ending_balance or 0) - entry.starting_balance
        for entry in final
        if entry.status != "void"
    )
    assert paid + still_open + voided + used == sum(entry.total for entry in final)
    moves = stage.api.customers.balance_transactions.list(customer).auto_paging_iter()
    assert stage.api.customers.retrieve(customer)["balance"] == sum(move.amount for move in moves)
