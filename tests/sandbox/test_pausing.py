"""Pausing a subscription, resuming it, and pausing only the collection of its money."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Switches

from .conftest import DAY, START, Stage

HOUR = 3_600
MONTH = START + 30 * DAY


class TestPause:
    """API changelog 2026-09-30.endive: status paused, no invoices, no new periods."""

    def test_it_stands_still_and_credits_what_is_left(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        stage.box.advance(seconds=15 * DAY)
        paused = stage.api.subscriptions.pause(sub["id"])
        assert paused["status"] == "paused"
        assert paused["status_details"]["paused"]["subscription"]["type"] == "pause_requested"
        (credit,) = stage.api.invoice_items.list({"customer": sub["customer"]}).data
        assert (credit["amount"], credit["proration"]) == (-500, True)
        assert stage.events("customer.subscription")[-2:] == [
            "customer.subscription.updated",
            "customer.subscription.paused",
        ]
        stage.box.advance(seconds=90 * DAY)
        assert len(stage.api.invoices.list().data) == 1

    def test_without_credit_the_period_goes_on_when_resumed(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        stage.api.subscriptions.pause(
            sub["id"], {"bill_for": {"unused_time_from": {"type": "none"}}}
        )
        stage.box.advance(seconds=5 * DAY)
        back = stage.api.subscriptions.resume(
            sub["id"], {"billing_cycle_anchor": {"type": "unchanged"}}
        )
        assert (back["status"], back["billing_cycle_anchor"]) == ("active", START)
        assert stage.api.invoice_items.list({"pending": True}).data == []
        stage.box.advance(to=MONTH + HOUR)
        assert stage.latest(sub["id"])["total"] == 1000

    def test_invoiced_at_once_the_credit_is_on_the_balance(self, stage: Stage) -> None:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        stage.box.advance(seconds=15 * DAY)
        stage.api.subscriptions.pause(sub["id"], {"invoicing_behavior": "invoice"})
        assert stage.api.customers.retrieve(customer)["balance"] == -500

    def test_what_cannot_be_paused(self, stage: Stage) -> None:
        classic = stage.subscribe(
            stage.customer(), stage.price(1000), billing_mode={"type": "classic"}
        )
        ended = stage.subscribe(stage.customer(), stage.price(1000))
        stage.api.subscriptions.cancel(ended["id"])
        for sub in (classic, ended):
            with pytest.raises(stripe.InvalidRequestError):
                stage.api.subscriptions.pause(sub["id"])


class TestResume:
    @pytest.fixture
    def paused(self, stage: Stage) -> Any:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        stage.box.advance(seconds=15 * DAY)
        return stage.api.subscriptions.pause(sub["id"])

    def test_paid_at_once_where_success_is_asked_for(self, stage: Stage, paused: Any) -> None:
        back = stage.api.subscriptions.resume(
            paused["id"], {"payment_behavior": "resume_on_payment_success"}
        )
        assert (back["status"], back["billing_cycle_anchor"]) == ("active", stage.box.now())
        invoice = stage.latest(paused["id"])
        # the pending credit of the pause, and a full period
        assert (invoice["total"], invoice["status"]) == (500, "paid")
        assert "customer.subscription.resumed" in stage.events()

    def test_by_default_no_try_is_made_and_the_first_decides(
        self, stage: Stage, paused: Any
    ) -> None:
        waiting = stage.api.subscriptions.resume(paused["id"])
        assert waiting["status"] == "paused"
        invoice = stage.latest(paused["id"])
        assert (invoice["status"], invoice["attempted"]) == ("open", False)
        stage.swap_card(paused["customer"], "pm_card_chargeCustomerFail")
        with pytest.raises(stripe.CardError):
            stage.api.invoices.pay(invoice["id"])
        assert stage.sub(paused["id"])["status"] == "past_due"
        stage.swap_card(paused["customer"], "pm_card_visa")
        stage.api.invoices.pay(invoice["id"])
        assert stage.sub(paused["id"])["status"] == "active"

    def test_a_decline_leaves_it_paused_where_success_is_asked_for(
        self, stage: Stage, paused: Any
    ) -> None:
        stage.swap_card(paused["customer"], "pm_card_chargeCustomerFail")
        back = stage.api.subscriptions.resume(
            paused["id"], {"payment_behavior": "resume_on_payment_success"}
        )
        assert back["status"] == "paused"

    def test_after_23_hours_the_invoice_is_void(self, stage: Stage, paused: Any) -> None:
        stage.api.subscriptions.resume(paused["id"])
        stage.box.advance(seconds=23 * HOUR)
        assert stage.latest(paused["id"])["status"] == "void"
        assert stage.sub(paused["id"])["status"] == "paused"

    @pytest.mark.parametrize(("what", "status"), [("void", "paused"), ("forgiven", "active")])
    def test_what_is_done_by_hand(self, stage: Stage, paused: Any, what: str, status: str) -> None:
        stage.api.subscriptions.resume(paused["id"])
        identifier = stage.latest(paused["id"])["id"]
        if what == "void":
            stage.api.invoices.void_invoice(identifier)
        else:
            stage.api.invoices.mark_uncollectible(identifier)
        assert stage.sub(paused["id"])["status"] == status

    def test_on_the_old_anchor_the_rest_is_prorated(self, stage: Stage, paused: Any) -> None:
        back = stage.api.subscriptions.resume(
            paused["id"],
            {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "always_invoice"},
        )
        assert back["status"] == "active" or stage.latest(paused["id"])["total"] == 0
        assert sorted(line["amount"] for line in stage.latest(paused["id"])["lines"]["data"]) == [
            -500,
            500,
        ]

    def test_only_paused_ones(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.subscriptions.resume(sub["id"])


class TestPauseCollection:
    """Stripe docs: pause payment. The status never changes (recorded traffic)."""

    @pytest.mark.parametrize(
        ("behavior", "status"),
        [
            ("keep_as_draft", "draft"),
            ("void", "void"),
            ("mark_uncollectible", "uncollectible"),
        ],
    )
    def test_the_three_ways(self, stage: Stage, behavior: Any, status: str) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        held = stage.api.subscriptions.update(
            sub["id"], {"pause_collection": {"behavior": behavior}}
        )
        assert (held["status"], held["pause_collection"]["behavior"]) == ("active", behavior)
        stage.box.advance(seconds=32 * DAY)
        assert stage.latest(sub["id"])["status"] == status
        assert stage.sub(sub["id"])["status"] == "active"
        assert stage.events("invoice.upcoming") == []

    def test_it_goes_on_at_resumes_at(self, stage: Stage) -> None:
        """C4: recorded; a subscription stays active throughout."""
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        until: Any = {"behavior": "void", "resumes_at": START + 40 * DAY}
        stage.api.subscriptions.update(sub["id"], {"pause_collection": until})
        stage.box.advance(seconds=39 * DAY)
        assert stage.latest(sub["id"])["status"] == "void"
        stage.box.advance(seconds=DAY)
        assert stage.sub(sub["id"])["pause_collection"] is None
        stage.box.advance(seconds=25 * DAY)
        assert stage.latest(sub["id"])["status"] == "paid"

    def test_an_empty_value_ends_it(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        stage.api.subscriptions.update(sub["id"], {"pause_collection": {"behavior": "void"}})
        back = stage.api.subscriptions.update(sub["id"], {"pause_collection": ""})
        assert back["pause_collection"] is None
        assert back["latest_invoice"] == sub["latest_invoice"]


@pytest.mark.parametrize("switches", [Switches(draft_seconds=0)])
def test_a_hold_on_a_change_keeps_its_invoice_from_the_card(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    stage.api.subscriptions.update(sub["id"], {"pause_collection": {"behavior": "keep_as_draft"}})
    stage.box.advance(seconds=15 * DAY)
    stage.switch(sub, stage.price(2000), proration_behavior="always_invoice")
    assert stage.latest(sub["id"])["status"] == "draft"
