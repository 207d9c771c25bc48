"""Named switches under the value that is not our belief: they do what they say."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import responses
import stripe

from sandbox import Sandbox, Switches, mount

from .changing import amounts
from .conftest import DAY, START, Stage

NOW = {"proration_behavior": "always_invoice"}


@pytest.fixture
def staged(mock: responses.RequestsMock) -> Any:
    """A stage whose sandbox has the given switches."""

    def staged(**switches: Any) -> Stage:
        box = Sandbox(START, switches=Switches(**switches))
        mount(box, mock)
        return Stage(box, stripe.StripeClient("sk_test_123"))

    return staged


def failing(stage: Stage, **more: Any) -> Any:
    """A subscription whose next charge will be declined."""
    customer = stage.customer(**more)
    sub = stage.subscribe(customer, stage.price(1000))
    stage.swap_card(customer, "pm_card_chargeCustomerFail")
    return sub


def test_an_exact_half_to_even(staged: Any) -> None:
    stage = staged(half_cent="to_even", minimum_charge=0)
    price = stage.price(1)
    sub = stage.subscribe(stage.customer(), price)
    stage.box.advance(seconds=15 * DAY)
    stage.switch(sub, stage.price(3), **NOW)
    # -0.5 and +1.5 cents
    assert amounts(stage.latest(sub["id"])) == [0, 2]


def test_an_update_without_a_payment_method_waits(staged: Any) -> None:
    for value, status in (("400", None), ("pending", "open")):
        stage = staged(update_without_payment_method=value)
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        method = stage.api.customers.retrieve(customer)["invoice_settings"]
        stage.api.payment_methods.detach(method["default_payment_method"])
        change: Any = {**NOW, "payment_behavior": "pending_if_incomplete"}
        if status is None:
            with pytest.raises(stripe.InvalidRequestError):
                stage.switch(sub, stage.price(2000), **change)
            continue
        assert stage.switch(sub, stage.price(2000), **change)["pending_update"] is not None
        assert stage.latest(sub["id"])["status"] == status


def test_voiding_releases_what_waited_before(staged: Any) -> None:
    for value, left in ((False, 0), (True, 1)):
        stage = staged(void_releases_items=value)
        sub = failing(stage)
        item: Any = {"customer": sub["customer"], "amount": 70, "currency": "usd"}
        stage.api.invoice_items.create({**item, "subscription": sub["id"]})
        stage.box.advance(seconds=15 * DAY)
        stage.switch(sub, stage.price(2000), **NOW, payment_behavior="pending_if_incomplete")
        stage.api.invoices.void_invoice(stage.latest(sub["id"])["id"])
        pending = stage.api.invoice_items.list({"customer": sub["customer"], "pending": True})
        assert len(pending.data) == left


def test_voiding_keeps_or_forgets_what_was_debited(staged: Any) -> None:
    for value, expected in ((False, [2000]), (True, [-1000, 2000])):
        stage = staged(void_keeps_credit_base=value)
        sub = failing(stage)
        stage.box.advance(seconds=30 * DAY + 3_600)
        stage.api.invoices.void_invoice(stage.latest(sub["id"])["id"])
        stage.swap_card(sub["customer"], "pm_card_visa")
        start = stage.sub(sub["id"])["items"]["data"][0]["current_period_start"]
        stage.switch(sub, stage.price(2000), **NOW, proration_date=start)
        assert amounts(stage.latest(sub["id"])) == expected


def test_voiding_returns_or_consumes_the_balance(staged: Any) -> None:
    for value, balance in ((True, -100), (False, 0)):
        stage = staged(void_returns_balance=value)
        sub = failing(stage)
        stage.api.customers.update(sub["customer"], {"balance": -100})
        stage.box.advance(seconds=30 * DAY + 3_600)
        stage.api.invoices.void_invoice(stage.latest(sub["id"])["id"])
        assert stage.api.customers.retrieve(sub["customer"])["balance"] == balance


def test_a_restart_without_credit_spends_or_keeps_the_old_debit(staged: Any) -> None:
    for value, credits in ((False, 1), (True, 2)):
        stage = staged(reset_without_credit_keeps_base=value)
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        stage.box.advance(seconds=10 * DAY)
        restart: Any = {"proration_behavior": "none", "billing_cycle_anchor": {"type": "now"}}
        sub = stage.switch(sub, stage.price(2000), **restart)
        stage.box.advance(seconds=10 * DAY)
        stage.switch(sub, stage.price(3000), **NOW)
        negative = [amount for amount in amounts(stage.latest(sub["id"])) if amount < 0]
        assert len(negative) == credits


def test_taking_back_a_timestamp(staged: Any) -> None:
    for value, cancel_at in ((False, START + 5 * DAY), (True, None)):
        stage = staged(uncancel_clears_timestamp=value)
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        stage.api.subscriptions.update(sub["id"], {"cancel_at": START + 5 * DAY})
        back = stage.api.subscriptions.update(sub["id"], {"cancel_at_period_end": False})
        assert back["cancel_at"] == cancel_at
        assert stage.api.subscriptions.update(sub["id"], {"cancel_at": ""})["cancel_at"] is None


def test_an_incomplete_start_canceled(staged: Any) -> None:
    for value, event in (("incomplete_expired", "updated"), ("canceled", "deleted")):
        stage = staged(cancel_incomplete=value)
        sub = stage.subscribe(stage.customer("pm_card_chargeCustomerFail"), stage.price(1000))
        assert stage.api.subscriptions.cancel(sub["id"])["status"] == value
        assert stage.events("customer.subscription")[-1] == f"customer.subscription.{event}"


def test_an_archived_price_may_be_allowed(staged: Any) -> None:
    stage = staged(inactive_price="ok")
    price = stage.price(1000, active=False)
    assert stage.subscribe(stage.customer(), price)["status"] == "active"


def test_another_interval_may_move_the_anchor(staged: Any) -> None:
    stage = staged(interval_change_reanchors="yes")
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    stage.box.advance(seconds=DAY)
    changed = stage.switch(sub, stage.price(9000, "year"))
    assert changed["billing_cycle_anchor"] == START + DAY
    assert amounts(stage.latest(sub["id"])) == [-967, 9000]


def test_after_the_last_try_it_may_stay_past_due(staged: Any) -> None:
    stage = staged(when_retries_end="past_due", retry_days=(1, 1), draft_seconds=60)
    sub = failing(stage)
    stage.box.advance(seconds=40 * DAY)
    assert stage.sub(sub["id"])["status"] == "past_due"
    assert stage.latest(sub["id"])["attempt_count"] == 3


def test_no_notice_of_what_is_to_come(staged: Any) -> None:
    stage = staged(upcoming_days=None)
    stage.subscribe(stage.customer(), stage.price(1000))
    stage.box.advance(seconds=40 * DAY)
    assert stage.events("invoice.upcoming") == []


def test_the_account_s_version(staged: Any) -> None:
    stage = staged(default_api_version="2026-09-30.endive")
    assert stage.api.events.list().data[0].api_version == "2026-09-30.endive"


def test_every_switch_has_a_test_away_from_its_default() -> None:
    pages = [page.read_text("utf-8") for page in Path(__file__).parent.glob("test_*.py")]
    missing = [
        entry.name for entry in fields(Switches) if not any(f"{entry.name}=" in t for t in pages)
    ]
    assert missing == []


def test_a_first_invoice_may_expire_sooner(staged: Any) -> None:
    stage = staged(incomplete_seconds=60)
    sub = stage.subscribe(stage.customer("pm_card_chargeCustomerFail"), stage.price(1000))
    stage.box.advance(seconds=60)
    assert stage.sub(sub["id"])["status"] == "incomplete_expired"


def test_without_any_method_there_may_be_retries(staged: Any) -> None:
    for value, status in ((False, "past_due"), (True, "canceled")):
        stage = staged(retries_without_method=value)
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        for method in stage.api.payment_methods.list({"customer": customer}).data:
            stage.api.payment_methods.detach(method.id)
        stage.box.advance(seconds=60 * DAY)
        assert stage.sub(sub["id"])["status"] == status
