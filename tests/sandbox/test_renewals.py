"""Time passes: renewals are paid, fail, recover, and are given up."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Switches

from .conftest import DAY, START, Stage

HOUR = 3_600


def period(sub: Any) -> tuple[int, int]:
    item = sub["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def test_a_month_passes_and_is_paid_an_hour_later(stage: Stage, when: Any) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500))
    december = when(2025, 12, 10, 18, 29, 11)
    stage.box.advance(to=december)
    now = stage.sub(sub["id"])
    draft = stage.latest(sub["id"])
    assert period(now) == (december, when(2026, 1, 10, 18, 29, 11))
    assert (now["status"], draft["status"], draft["billing_reason"]) == (
        "active",
        "draft",
        "subscription_cycle",
    )
    assert draft["automatically_finalizes_at"] == december + HOUR
    assert (draft["period_start"], draft["period_end"]) == (START, december)

    stage.box.advance(seconds=HOUR)
    paid = stage.latest(sub["id"])
    assert (paid["status"], paid["amount_paid"], paid["attempt_count"]) == ("paid", 2500, 1)
    assert paid["payments"]["data"][0]["status"] == "paid"


def test_the_events_of_a_renewal_come_in_order(stage: Stage) -> None:
    stage.subscribe(stage.customer(), stage.price(2500))
    before = len(stage.events())
    stage.box.advance(seconds=31 * DAY)
    assert stage.events()[before:] == [
        "invoice.upcoming",
        "customer.subscription.updated",
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]


def test_a_renewal_s_event_names_the_old_period(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500))
    stage.box.advance(seconds=31 * DAY)
    updated = stage.api.events.list({"type": "customer.subscription.updated"}).data[0]
    old = updated["data"]["previous_attributes"]["items"]["data"][0]
    assert (old["current_period_start"], old["current_period_end"]) == period(sub)
    assert updated["request"]["id"] is None


def test_a_failing_card_is_retried_then_the_subscription_is_canceled(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(2500))
    stage.swap_card(customer, "pm_card_chargeCustomerFail")
    stage.box.advance(seconds=30 * DAY + HOUR)
    first = stage.latest(sub["id"])
    assert stage.sub(sub["id"])["status"] == "past_due"
    assert (first["status"], first["attempt_count"]) == ("open", 1)
    assert first["next_payment_attempt"] == stage.box.now() + 3 * DAY

    stage.box.advance(seconds=3 * DAY)
    assert stage.latest(sub["id"])["attempt_count"] == 2
    stage.box.advance(seconds=5 * DAY)
    assert stage.latest(sub["id"])["attempt_count"] == 3
    stage.box.advance(seconds=7 * DAY)
    ended = stage.sub(sub["id"])
    assert ended["status"] == "canceled"
    assert ended["cancellation_details"]["reason"] == "payment_failed"
    last = stage.latest(sub["id"])
    assert (last["attempt_count"], last["next_payment_attempt"]) == (4, None)
    assert stage.events("invoice.payment_failed", "customer.subscription.deleted")[-2:] == [
        "invoice.payment_failed",
        "customer.subscription.deleted",
    ]


def test_a_new_card_recovers_on_the_next_try(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(2500))
    stage.swap_card(customer, "pm_card_chargeCustomerFail")
    stage.box.advance(seconds=30 * DAY + HOUR)
    stage.swap_card(customer, "pm_card_visa")
    stage.box.advance(seconds=3 * DAY)
    assert stage.sub(sub["id"])["status"] == "active"
    assert stage.latest(sub["id"])["status"] == "paid"


def test_paying_by_hand_makes_it_active_again(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(2500))
    stage.swap_card(customer, "pm_card_chargeCustomerFail")
    stage.box.advance(seconds=30 * DAY + HOUR)
    invoice = stage.latest(sub["id"])
    method = stage.api.payment_methods.attach("pm_card_mastercard", {"customer": customer})
    stage.api.invoices.pay(invoice["id"], {"payment_method": method.id})
    assert stage.sub(sub["id"])["status"] == "active"
    stage.box.advance(seconds=10 * DAY)
    assert stage.latest(sub["id"])["attempt_count"] == 1


def test_a_declined_payment_by_hand_answers_402_and_leaves_its_marks(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(2500))
    bad = stage.swap_card(customer, "pm_card_chargeCustomerFail")
    stage.box.advance(seconds=30 * DAY + HOUR)
    failures = stage.events().count("invoice.payment_failed")
    with pytest.raises(stripe.CardError) as caught:
        stage.api.invoices.pay(stage.latest(sub["id"])["id"], {"payment_method": bad})
    assert caught.value.http_status == 402
    assert caught.value.code == "card_declined"
    assert caught.value.error.decline_code == "generic_decline"
    assert caught.value.error.payment_intent["status"] == "requires_payment_method"
    assert stage.events().count("invoice.payment_failed") == failures + 1


class TestWhenRetriesEndTheyAreUnpaid:
    """The Dashboard setting `unpaid`: the subscription stays, its invoices wait as drafts."""

    @pytest.fixture
    def switches(self) -> Switches:
        return Switches(when_retries_end="unpaid", retry_days=(1,))

    def test_later_invoices_stay_drafts_and_block_recovery(self, stage: Stage) -> None:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(2500))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        stage.box.advance(seconds=30 * DAY + HOUR)
        old = stage.latest(sub["id"])
        stage.box.advance(seconds=2 * DAY)
        assert stage.sub(sub["id"])["status"] == "unpaid"
        stage.box.advance(seconds=31 * DAY)
        newer = stage.latest(sub["id"])
        assert (newer["status"], newer["auto_advance"]) == ("draft", False)
        good = stage.swap_card(customer, "pm_card_visa")
        stage.api.invoices.pay(old["id"], {"payment_method": good})
        assert stage.sub(sub["id"])["status"] == "unpaid"
        stage.api.invoices.pay(newer["id"])
        assert stage.sub(sub["id"])["status"] == "active"


def test_month_ends_clamp_and_come_back(stage: Stage, when: Any) -> None:
    stage.box.advance(to=when(2026, 1, 31, 9))
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    ends = []
    for _ in range(4):
        end = period(stage.sub(sub["id"]))[1]
        ends.append(end)
        stage.box.advance(to=end)
    expected = [(2, 28), (3, 31), (4, 30), (5, 31)]
    assert ends == [when(2026, month, day, 9) for month, day in expected]


def test_an_unpaid_start_expires_after_23_hours(stage: Stage) -> None:
    sub = stage.subscribe(
        stage.customer(), stage.price(2500), payment_behavior="default_incomplete"
    )
    assert sub["status"] == "incomplete"
    stage.box.advance(seconds=23 * HOUR - 1)
    assert stage.sub(sub["id"])["status"] == "incomplete"
    stage.box.advance(seconds=1)
    assert stage.sub(sub["id"])["status"] == "incomplete_expired"
    assert stage.latest(sub["id"])["status"] == "void"


def test_an_incomplete_start_paid_in_time_becomes_active(stage: Stage) -> None:
    sub = stage.subscribe(
        stage.customer(), stage.price(2500), payment_behavior="default_incomplete"
    )
    stage.api.invoices.pay(sub["latest_invoice"])
    assert stage.sub(sub["id"])["status"] == "active"
    assert stage.events("customer.subscription") == [
        "customer.subscription.created",
        "customer.subscription.updated",
    ]


def test_a_scheduled_end_comes_at_the_period_s_end(stage: Stage, when: Any) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500))
    stage.api.subscriptions.update(sub["id"], {"cancel_at_period_end": True})
    stage.box.advance(seconds=40 * DAY)
    ended = stage.sub(sub["id"])
    assert ended["status"] == "canceled"
    assert ended["ended_at"] == when(2025, 12, 10, 18, 29, 11)
    assert ended["canceled_at"] == START
    assert stage.events("invoice.created") == ["invoice.created"]


def test_a_trial_announces_its_end_and_then_bills(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500), trial_period_days=14)
    stage.box.advance(seconds=11 * DAY)
    assert stage.events("customer.subscription.trial_will_end") != []
    stage.box.advance(seconds=3 * DAY + HOUR)
    now = stage.sub(sub["id"])
    assert now["status"] == "active"
    assert now["billing_cycle_anchor"] == START + 14 * DAY
    assert (stage.latest(sub["id"])["status"], stage.latest(sub["id"])["total"]) == ("paid", 2500)


def test_the_balance_pays_first(stage: Stage) -> None:
    customer = stage.customer(balance=-1000)
    sub = stage.subscribe(customer, stage.price(2500))
    invoice = stage.latest(sub["id"])
    assert (invoice["total"], invoice["amount_due"], invoice["amount_paid"]) == (2500, 1500, 1500)
    assert (invoice["starting_balance"], invoice["ending_balance"]) == (-1000, 0)
    moves = stage.api.customers.balance_transactions.list(customer).data
    assert [(move["type"], move["amount"]) for move in moves] == [
        ("applied_to_invoice", 1000),
        ("initial", -1000),
    ]


def test_many_subscriptions_cost_what_is_due(stage: Stage) -> None:
    price, yearly = stage.price(1000), stage.price(9000, "year")
    for _ in range(40):
        stage.subscribe(stage.customer(), yearly)
    sub = stage.subscribe(stage.customer(), price)
    asked = []
    box = stage.box
    kind = box.world.dated["subscription"]
    act = kind.act
    kind.act = lambda world, body: (asked.append(body["id"]), act(world, body))[1]  # type: ignore[method-assign,func-returns-value]
    try:
        box.advance(seconds=31 * DAY)
    finally:
        kind.act = act  # type: ignore[method-assign]
    assert set(asked) == {sub["id"]}
