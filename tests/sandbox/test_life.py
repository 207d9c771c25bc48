"""What else happens in a subscription's life: tried out, ended, sent, migrated."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import DAY, START, Stage

HOUR = 3_600
MONTH = START + 30 * DAY


class TestTrials:
    def test_without_a_payment_method_it_may_pause(self, stage: Stage) -> None:
        customer = stage.api.customers.create().id
        rule = {"end_behavior": {"missing_payment_method": "pause"}}
        sub = stage.subscribe(customer, stage.price(1000), trial_period_days=7, trial_settings=rule)
        stage.box.advance(seconds=7 * DAY)
        paused = stage.sub(sub["id"])
        reason = paused["status_details"]["paused"]["subscription"]["type"]
        assert (paused["status"], reason) == ("paused", "trial_end_without_payment_method")
        stage.swap_card(customer, "pm_card_visa")
        stage.api.subscriptions.resume(sub["id"], {"payment_behavior": "resume_on_payment_success"})
        assert stage.sub(sub["id"])["status"] == "active"

    def test_it_may_keep_its_anchor(self, stage: Stage) -> None:
        rule = {"end_behavior": {"billing_cycle_anchor": "unchanged"}}
        sub = stage.subscribe(
            stage.customer(), stage.price(1000), trial_period_days=15, trial_settings=rule
        )
        assert sub["billing_cycle_anchor"] == START
        stage.box.advance(seconds=15 * DAY + HOUR)
        item = stage.sub(sub["id"])["items"]["data"][0]
        assert (item["current_period_start"], item["current_period_end"]) == (
            START + 15 * DAY,
            MONTH,
        )
        assert stage.latest(sub["id"])["total"] == 500

    def test_it_can_be_made_longer(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000), trial_period_days=7)
        later = stage.api.subscriptions.update(sub["id"], {"trial_end": START + 20 * DAY})
        assert later["billing_cycle_anchor"] == START + 20 * DAY
        stage.box.advance(seconds=19 * DAY)
        assert stage.sub(sub["id"])["status"] == "trialing"


class TestEnds:
    def test_words_for_a_moment_resolve_once(self, stage: Stage) -> None:
        year = {"price": stage.price(9000, "year")}
        sub = stage.api.subscriptions.create(
            {"customer": stage.customer(), "items": [{"price": stage.price(1000)}, year]}  # type: ignore[list-item]
        )
        for word, moment in (
            ("min_period_end", MONTH),
            ("max_period_end", START + 365 * DAY),
            ("max_billed_until", START + 365 * DAY),
        ):
            ending = stage.api.subscriptions.update(sub["id"], {"cancel_at": word})
            assert (ending["cancel_at"], ending["cancel_at_period_end"]) == (moment, False)
        stage.box.advance(seconds=40 * DAY)
        assert stage.sub(sub["id"])["cancel_at"] == START + 365 * DAY

    def test_unpaid_drafts_are_not_attempted(self, stage: Stage) -> None:
        stage.box.switches.when_retries_end = "unpaid"
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        stage.box.advance(seconds=80 * DAY)
        assert stage.sub(sub["id"])["status"] == "unpaid"
        draft = stage.latest(sub["id"])
        assert (draft["status"], draft["auto_advance"], draft["attempted"]) == (
            "draft",
            False,
            False,
        )


class TestSentInvoices:
    def test_they_are_due_later_and_overdue_then(self, stage: Stage) -> None:
        sub = stage.subscribe(
            stage.customer(),
            stage.price(1000),
            collection_method="send_invoice",
            days_until_due=10,
        )
        assert (sub["status"], stage.latest(sub["id"])["status"]) == ("active", "draft")
        stage.box.advance(seconds=HOUR)
        invoice = stage.latest(sub["id"])
        assert (invoice["status"], invoice["due_date"]) == ("open", START + 10 * DAY)
        assert "invoice.sent" in stage.events()
        stage.box.advance(seconds=10 * DAY)
        assert "invoice.overdue" in stage.events()
        assert stage.sub(sub["id"])["status"] == "past_due"
        stage.api.invoices.pay(invoice["id"], {"paid_out_of_band": True})
        assert stage.sub(sub["id"])["status"] == "active"

    def test_they_need_to_know_when(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        with pytest.raises(stripe.InvalidRequestError) as caught:
            stage.api.subscriptions.update(sub["id"], {"collection_method": "send_invoice"})
        assert caught.value.param == "days_until_due"

    def test_one_can_be_sent_by_hand(self, stage: Stage) -> None:
        customer = stage.customer()
        invoice = stage.api.invoices.create(
            {"customer": customer, "collection_method": "send_invoice", "days_until_due": 3}
        )
        item: Any = {"customer": customer, "invoice": invoice.id, "amount": 900}
        stage.api.invoice_items.create({**item, "currency": "usd"})
        assert stage.api.invoices.send_invoice(invoice.id)["status"] == "open"


class TestMigration:
    def test_classic_becomes_flexible_for_good(self, stage: Stage) -> None:
        ten, twenty = stage.price(1000), stage.price(2000)
        sub = stage.subscribe(stage.customer(), ten, billing_mode={"type": "classic"})
        moved = stage.api.subscriptions.migrate(sub["id"], {"billing_mode": {"type": "flexible"}})
        assert (moved["billing_mode"]["type"], moved["billing_mode"]["updated_at"]) == (
            "flexible",
            START,
        )
        stage.switch(moved, twenty, proration_behavior="none")
        stage.box.advance(seconds=15 * DAY)
        stage.switch(moved, ten, proration_behavior="always_invoice")
        lines = stage.latest(sub["id"])["lines"]["data"]
        assert [line["amount"] for line in lines] == [-500, 500]
        for mode in ("classic", "flexible"):
            with pytest.raises(stripe.InvalidRequestError):
                stage.api.subscriptions.migrate(sub["id"], {"billing_mode": {"type": mode}})  # type: ignore[typeddict-item]
