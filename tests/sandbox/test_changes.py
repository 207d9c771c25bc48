"""Plan changes: prorations, credits, payment behaviours, pending updates."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Switches

from .conftest import DAY, START, Stage

HOUR = 3_600
NOW = {"proration_behavior": "always_invoice"}
PENDING = {**NOW, "payment_behavior": "pending_if_incomplete"}


def amounts(invoice: Any) -> list[int]:
    return [line["amount"] for line in invoice["lines"]["data"]]


@pytest.fixture
def april(stage: Stage, when: Any) -> Stage:
    """1 April 2026: a month of thirty days lies ahead."""
    stage.box.advance(to=when(2026, 4, 1))
    return stage


def test_half_a_period_later_ten_becomes_twenty(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    april.switch(sub, april.price(2000), **NOW)
    assert amounts(april.latest(sub["id"])) == [-500, 1000]


def test_flexible_credits_what_was_debited_and_not_the_present_price(april: Stage) -> None:
    ten, twenty = april.price(1000), april.price(2000)
    sub = april.subscribe(april.customer(), ten)
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, twenty, proration_behavior="none")
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, ten, **NOW)
    invoice = april.latest(sub["id"])
    assert (amounts(invoice), invoice["total"]) == ([-333, 333], 0)


def test_classic_credits_the_present_price(april: Stage) -> None:
    ten, twenty = april.price(1000), april.price(2000)
    sub = april.subscribe(april.customer(), ten, billing_mode={"type": "classic"})
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, twenty, proration_behavior="none")
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, ten, **NOW)
    invoice = april.latest(sub["id"])
    assert (amounts(invoice), invoice["total"]) == ([-667, 333], -334)


def test_a_downgrade_now_leaves_credit_on_the_balance(april: Stage) -> None:
    customer = april.customer()
    sub = april.subscribe(customer, april.price(2000))
    april.box.advance(seconds=15 * DAY)
    april.switch(sub, april.price(1000), **NOW)
    invoice = april.latest(sub["id"])
    assert (invoice["total"], invoice["amount_due"], invoice["status"]) == (-500, 0, "paid")
    assert april.api.customers.retrieve(customer)["balance"] == -500
    assert len(invoice["payments"]) == 0


def test_by_default_the_difference_waits_for_the_renewal(april: Stage, when: Any) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    april.switch(sub, april.price(2000))
    assert april.sub(sub["id"])["latest_invoice"] == sub["latest_invoice"]
    april.box.advance(to=when(2026, 5, 1, 1))
    renewal = april.latest(sub["id"])
    assert (amounts(renewal), renewal["status"]) == ([-500, 1000, 2000], "paid")


def test_a_later_credit_names_the_line_of_a_pending_debit(april: Stage, when: Any) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    sub = april.switch(sub, april.price(2000))
    april.box.advance(seconds=5 * DAY)
    april.switch(sub, april.price(3000), **NOW)
    lines = april.latest(sub["id"])["lines"]["data"]
    # newest first: the second change, then the first
    assert [line["amount"] for line in lines] == [-667, 1000, -500, 1000]
    details = lines[0]["parent"]["subscription_item_details"]["proration_details"]
    assert details["credited_items"]["invoice_line_items"] == [lines[3]["id"]]


def test_another_price_without_a_quantity_means_one_piece(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    item = sub["items"]["data"][0]["id"]
    april.api.subscriptions.update(sub["id"], {"items": [{"id": item, "quantity": 3}]})
    changed = april.switch(sub, april.price(2000))
    assert changed["items"]["data"][0]["quantity"] == 1


def test_an_item_without_an_id_is_added_and_one_can_be_removed(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    added = april.api.subscriptions.update(
        sub["id"], {"items": [{"price": april.price(500), "quantity": 2}], **NOW}
    )
    assert [item["quantity"] for item in added["items"]["data"]] == [1, 2]
    assert amounts(april.latest(sub["id"])) == [500]
    first = sub["items"]["data"][0]["id"]
    removed = april.api.subscriptions.update(
        sub["id"], {"items": [{"id": first, "deleted": True}], **NOW}
    )
    assert [item["quantity"] for item in removed["items"]["data"]] == [2]
    assert amounts(april.latest(sub["id"])) == [-500]


def test_a_restarted_cycle_bills_in_full_and_moves_the_anchor(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    changed = april.switch(
        sub, april.price(2000), proration_behavior="none", billing_cycle_anchor={"type": "now"}
    )
    assert amounts(april.latest(sub["id"])) == [2000]
    assert changed["billing_cycle_anchor"] == april.box.now()


def test_the_old_anchor_string_is_refused(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    with pytest.raises(stripe.InvalidRequestError) as caught:
        april.api.subscriptions.update(sub["id"], {"billing_cycle_anchor": "now"})  # type: ignore[typeddict-item]
    assert caught.value.param == "billing_cycle_anchor"


def test_a_negative_item_lowers_the_invoice_of_the_change(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.switch(
        sub,
        april.price(5000),
        proration_behavior="none",
        billing_cycle_anchor={"type": "now"},
        add_invoice_items=[
            {
                "price_data": {
                    "currency": "usd",
                    "product": april.product,
                    "unit_amount": -700,
                },
                "discountable": False,
            }
        ],
    )
    invoice = april.latest(sub["id"])
    assert (amounts(invoice), invoice["total"]) == ([-700, 5000], 4300)
    assert invoice["lines"]["data"][0]["parent"]["type"] == "invoice_item_details"
    assert invoice["lines"]["data"][0]["discountable"] is False


class TestTheProrationDate:
    """Stripe's limits: not before the current period, not after its end."""

    def test_an_earlier_moment_counts_more_time(self, april: Stage) -> None:
        sub = april.subscribe(april.customer(), april.price(1000))
        april.box.advance(seconds=20 * DAY)
        date = april.box.now() - 5 * DAY
        april.switch(sub, april.price(2000), **NOW, proration_date=date)
        assert amounts(april.latest(sub["id"])) == [-500, 1000]

    @pytest.mark.parametrize("offset", [-1, 30 * DAY + 1])
    def test_a_moment_outside_the_period_is_refused(self, april: Stage, offset: int) -> None:
        sub = april.subscribe(april.customer(), april.price(1000))
        start = april.box.now()
        with pytest.raises(stripe.InvalidRequestError) as caught:
            april.switch(sub, april.price(2000), **NOW, proration_date=start + offset)
        assert caught.value.param == "proration_date"


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


class TestCancelWithCredit:
    """prorate and invoice_now: the unused time goes to the balance once the invoice is final."""

    def cancel(self, stage: Stage) -> tuple[str, Any]:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(3000))
        stage.box.advance(seconds=20 * DAY)
        params: Any = {"prorate": True, "invoice_now": True}
        return customer, stage.api.subscriptions.cancel(sub["id"], params)

    def test_as_a_draft_the_credit_comes_when_it_is_finalized(self, stage: Stage) -> None:
        customer, sub = self.cancel(stage)
        draft = stage.invoice(sub["latest_invoice"])
        assert (draft["status"], amounts(draft)) == ("draft", [-1000])
        assert stage.api.customers.retrieve(customer)["balance"] == 0
        stage.api.invoices.finalize_invoice(draft["id"])
        assert stage.api.customers.retrieve(customer)["balance"] == -1000

    class TestFinalizedAtOnce:
        """The other value of the switch."""

        @pytest.fixture
        def switches(self) -> Switches:
            return Switches(cancel_final_invoice="finalized")

        def test_the_credit_is_there(self, stage: Stage) -> None:
            customer, sub = TestCancelWithCredit().cancel(stage)
            assert stage.invoice(sub["latest_invoice"])["status"] == "paid"
            assert stage.api.customers.retrieve(customer)["balance"] == -1000


def test_a_plain_cancel_gives_nothing_back_and_drops_pending_prorations(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(1000))
    stage.box.advance(seconds=15 * DAY)
    stage.switch(sub, stage.price(2000))
    stage.api.subscriptions.cancel(sub["id"])
    assert stage.api.invoice_items.list({"customer": customer}).data == []
    assert stage.api.customers.retrieve(customer)["balance"] == 0
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stage.api.subscriptions.cancel(sub["id"])
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_an_incomplete_start_that_is_canceled_has_expired(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer("pm_card_chargeCustomerFail"), stage.price(1000))
    assert sub["status"] == "incomplete"
    ended = stage.api.subscriptions.cancel(sub["id"])
    assert ended["status"] == "incomplete_expired"
    assert stage.invoice(sub["latest_invoice"])["status"] == "void"
