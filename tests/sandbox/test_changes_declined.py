"""A change whose payment is declined, and one that waits for it as a pending update."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .changing import NOW, amounts
from .conftest import DAY, START, Stage

HOUR = 3_600
PENDING = {**NOW, "payment_behavior": "pending_if_incomplete"}


class TestADeclinedChange:
    """One decline, four payment behaviours."""

    @pytest.fixture
    def sub(self, stage: Stage) -> Any:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        stage.box.advance(seconds=15 * DAY)
        return sub

    def test_allowed_it_happens_and_is_past_due(self, stage: Stage, sub: Any) -> None:
        plus = stage.price(2000)
        changed = stage.switch(sub, plus, **NOW)
        assert (changed["status"], changed["items"]["data"][0]["price"]["id"]) == ("past_due", plus)
        invoice = stage.latest(sub["id"])
        assert (invoice["status"], invoice["auto_advance"]) == ("open", False)
        assert invoice["next_payment_attempt"] is None

    def test_as_an_error_it_leaves_no_trace(self, stage: Stage, sub: Any) -> None:
        plus, before = stage.price(2000), stage.events()
        counts = stage.box.world.store.families()
        with pytest.raises(stripe.CardError) as caught:
            stage.switch(sub, plus, **NOW, payment_behavior="error_if_incomplete")
        assert caught.value.http_status == 402
        assert stage.events() == before
        assert stage.box.world.store.families() == counts
        after = stage.sub(sub["id"])
        assert after["items"]["data"][0]["price"]["unit_amount"] == 1000
        assert after["latest_invoice"] == sub["latest_invoice"]

    def test_default_incomplete_waits_without_a_try(self, stage: Stage, sub: Any) -> None:
        changed = stage.switch(sub, stage.price(2000), **NOW, payment_behavior="default_incomplete")
        assert changed["status"] == "past_due"
        assert stage.latest(sub["id"])["attempt_count"] == 0
        method = stage.swap_card(sub["customer"], "pm_card_visa")
        stage.api.invoices.pay(changed["latest_invoice"], {"payment_method": method})
        assert stage.sub(sub["id"])["status"] == "active"

    def test_pending_keeps_the_old_plan(self, stage: Stage, sub: Any) -> None:
        plus = stage.price(2000)
        changed = stage.switch(sub, plus, **PENDING)
        assert changed["status"] == "active"
        assert changed["items"]["data"][0]["price"]["unit_amount"] == 1000
        pending = changed["pending_update"]
        assert pending["subscription_items"][0]["price"]["id"] == plus
        assert pending["expires_at"] == stage.box.now() + 23 * HOUR
        assert stage.latest(sub["id"])["status"] == "open"
        events = stage.events("customer.subscription", "invoice.")
        assert "customer.subscription.updated" in events
        assert events[-1] == "invoice.payment_failed"


class TestAPendingUpdate:
    """A change that waits: applied when paid, dropped when voided, replaced or expired."""

    @pytest.fixture
    def sub(self, stage: Stage) -> Any:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        stage.box.advance(seconds=15 * DAY)
        return stage.switch(sub, stage.price(2000), **PENDING)

    def test_paying_applies_it(self, stage: Stage, sub: Any) -> None:
        method = stage.swap_card(sub["customer"], "pm_card_visa")
        stage.box.advance(seconds=HOUR)
        stage.api.invoices.pay(sub["latest_invoice"], {"payment_method": method})
        after = stage.sub(sub["id"])
        assert after["pending_update"] is None
        assert after["items"]["data"][0]["price"]["unit_amount"] == 2000
        applied = [kind for kind in stage.events() if kind.endswith("pending_update_applied")]
        assert applied != []

    def test_after_applying_the_credit_base_is_the_new_debit(self, stage: Stage, sub: Any) -> None:
        method = stage.swap_card(sub["customer"], "pm_card_visa")
        stage.api.invoices.pay(sub["latest_invoice"], {"payment_method": method})
        stage.switch(stage.sub(sub["id"]), stage.price(3000), **NOW)
        assert amounts(stage.latest(sub["id"])) == [-1000, 1500]

    def test_voiding_drops_it(self, stage: Stage, sub: Any) -> None:
        stage.api.invoices.void_invoice(sub["latest_invoice"])
        after = stage.sub(sub["id"])
        assert (after["pending_update"], after["status"]) == (None, "active")
        assert stage.events("customer.subscription.pending")[-1].endswith("expired")
        method = stage.swap_card(sub["customer"], "pm_card_visa")
        assert method
        stage.switch(after, stage.price(3000), **NOW)
        assert amounts(stage.latest(sub["id"])) == [-500, 1500]

    def test_a_day_later_it_has_expired(self, stage: Stage, sub: Any) -> None:
        stage.box.advance(seconds=23 * HOUR)
        assert stage.sub(sub["id"])["pending_update"] is None
        assert stage.invoice(sub["latest_invoice"])["status"] == "void"
        tail = stage.events("customer.subscription.pending", "invoice.voided")
        assert tail == ["customer.subscription.pending_update_expired", "invoice.voided"]

    def test_another_one_replaces_it(self, stage: Stage, sub: Any) -> None:
        again = stage.switch(sub, stage.price(4000), **PENDING)
        assert stage.invoice(sub["latest_invoice"])["status"] == "void"
        waiting = again["pending_update"]["subscription_items"][0]
        assert waiting["price"]["unit_amount"] == 4000

    def test_it_ends_with_the_period_at_the_latest(self, stage: Stage) -> None:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        end = sub["items"]["data"][0]["current_period_end"]
        stage.box.advance(to=end - HOUR)
        waiting = stage.switch(sub, stage.price(9000, "year"), **PENDING)
        # one hour of a year is more than nothing, and so there is something to pay
        assert waiting["pending_update"]["expires_at"] == end

    def test_what_cannot_wait_is_refused(self, stage: Stage, sub: Any) -> None:
        item = sub["items"]["data"][0]["id"]
        refused: list[dict[str, Any]] = [
            {"default_payment_method": "pm_x"},
            {"cancel_at": START + 99 * DAY},
            {"items": [{"id": item, "deleted": True}]},
        ]
        for params in refused:
            with pytest.raises(stripe.InvalidRequestError):
                stage.api.subscriptions.update(sub["id"], {**PENDING, **params})  # type: ignore[typeddict-item]

    def test_a_challenge_waits_and_is_answered_by_the_customer(self, stage: Stage) -> None:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        stage.swap_card(customer, "pm_card_threeDSecure2Required")
        waiting = stage.switch(
            sub, stage.price(2000), **PENDING, billing_cycle_anchor={"type": "now"}
        )
        assert waiting["pending_update"] is not None
        assert "invoice.payment_action_required" in stage.events()
        invoice = stage.latest(sub["id"])
        intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
        stage.box.authenticate(intent)
        assert stage.sub(sub["id"])["pending_update"] is None
        assert stage.invoice(invoice["id"])["status"] == "paid"
