"""Phases entered as time passes, and previewed."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import DAY, START, Stage
from .scheduling import HOUR, MONTH, SCHEDULED, adopt, next_phase, plan_change, resent


class TestAPhaseChange:
    """§3.7 and §3.6: at the period's end, a draft for about an hour, then charged."""

    def test_a_downgrade_at_the_period_s_end(self, stage: Stage) -> None:
        small = stage.price(500)
        sub = stage.subscribe(stage.customer(), stage.price(2000))
        schedule = plan_change(stage, sub, next_phase(small, metadata={"change": "1"}))
        seen = len(stage.events(*SCHEDULED))
        stage.box.advance(to=MONTH)
        now = stage.sub(sub["id"])
        assert now["items"]["data"][0]["price"]["id"] == small
        assert now["metadata"]["change"] == "1"
        draft = stage.latest(sub["id"])
        assert (draft["status"], draft["total"]) == ("draft", 500)
        assert [line["amount"] for line in draft["lines"]["data"]] == [500]
        assert draft["lines"]["data"][0]["period"]["start"] == MONTH
        changed = stage.api.subscription_schedules.retrieve(schedule["id"])
        assert changed["current_phase"]["start_date"] == MONTH
        fresh = [kind for kind in stage.events(*SCHEDULED)[seen:] if kind != "invoice.upcoming"]
        assert fresh == [
            "subscription_schedule.updated",
            "customer.subscription.updated",
            "invoice.created",
        ]
        stage.box.advance(seconds=HOUR)
        assert stage.latest(sub["id"])["status"] == "paid"

    def test_another_price_is_another_item(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(2000))
        plan_change(stage, sub, next_phase(stage.price(500)))
        stage.box.advance(to=MONTH)
        old, new = sub["items"]["data"][0], stage.sub(sub["id"])["items"]["data"][0]
        assert old["id"] != new["id"]
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.subscription_items.retrieve(old["id"])

    def test_month_to_year_with_phase_start_charges_the_year(self, stage: Stage) -> None:
        year = stage.price(9600, "year")
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        length = {"interval": "year", "interval_count": 1}
        plan_change(
            stage, sub, next_phase(year, duration=length, billing_cycle_anchor="phase_start")
        )
        stage.box.advance(to=MONTH + HOUR)
        now = stage.sub(sub["id"])
        assert now["billing_cycle_anchor"] == MONTH
        assert stage.latest(sub["id"])["total"] == 9600

    def test_month_to_year_without_it_charges_nothing_then(self, stage: Stage) -> None:
        """Seen in the wild: better-auth#11336."""
        year = stage.price(9600, "year")
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        length = {"interval": "year", "interval_count": 1}
        plan_change(stage, sub, next_phase(year, duration=length))
        stage.box.advance(to=MONTH + HOUR)
        now = stage.sub(sub["id"])
        assert now["items"]["data"][0]["price"]["id"] == year
        assert now["billing_cycle_anchor"] == START
        assert now["latest_invoice"] == sub["latest_invoice"]

    def test_renewals_go_on_inside_a_phase(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(2000))
        quarter = {"interval": "month", "interval_count": 3}
        schedule = plan_change(stage, sub, next_phase(stage.price(500), duration=quarter))
        stage.box.advance(to=MONTH + 100 * DAY)
        invoices = stage.api.invoices.list({"subscription": sub["id"]}).data
        assert [invoice["total"] for invoice in invoices] == [500, 500, 500, 500, 2000]
        done = stage.api.subscription_schedules.retrieve(schedule["id"])
        assert (done["status"], done["released_subscription"]) == ("completed", sub["id"])
        assert stage.sub(sub["id"])["schedule"] is None
        assert "subscription_schedule.completed" in stage.events()

    def test_one_off_items_come_once(self, stage: Stage) -> None:
        fee = {"price_data": {"currency": "usd", "product": stage.product, "unit_amount": 70}}
        sub = stage.subscribe(stage.customer(), stage.price(2000))
        quarter = {"interval": "month", "interval_count": 3}
        phase = next_phase(stage.price(500), duration=quarter, add_invoice_items=[fee])
        plan_change(stage, sub, phase)
        stage.box.advance(to=MONTH + 40 * DAY)
        totals = [body["total"] for body in stage.api.invoices.list().data]
        assert totals == [500, 570, 2000]

    def test_a_phase_in_mid_period_prorates(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = adopt(stage, sub)
        params: Any = {
            "phases": [
                resent(schedule["phases"][0], end_date=START + 15 * DAY),
                next_phase(stage.price(2000), proration_behavior="always_invoice"),
            ]
        }
        stage.api.subscription_schedules.update(schedule["id"], params)
        stage.box.advance(to=START + 15 * DAY + HOUR)
        invoice = stage.latest(sub["id"])
        assert sorted(line["amount"] for line in invoice["lines"]["data"]) == [-500, 1000]
        assert invoice["status"] == "paid"

    def test_a_trial_phase(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        phase = next_phase(stage.price(2000), trial=True)
        plan_change(stage, sub, phase, next_phase(stage.price(2000)))
        stage.box.advance(to=MONTH)
        assert stage.sub(sub["id"])["status"] == "trialing"
        stage.box.advance(to=START + 62 * DAY)
        assert stage.sub(sub["id"])["status"] == "active"
        assert stage.latest(sub["id"])["total"] == 2000

    def test_a_pending_update_is_discarded(self, stage: Stage) -> None:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        plan_change(stage, sub, next_phase(stage.price(500)))
        stage.swap_card(customer, "pm_card_chargeCustomerFail")
        stage.box.advance(to=MONTH - HOUR)
        stage.switch(
            sub,
            stage.price(5000),
            proration_behavior="none",
            billing_cycle_anchor={"type": "now"},
            payment_behavior="pending_if_incomplete",
        )
        stage.box.advance(to=MONTH)
        now = stage.sub(sub["id"])
        assert now["pending_update"] is None
        assert "customer.subscription.pending_update_expired" in stage.events()


class TestPreviews:
    """create_preview with `schedule` and `schedule_details` (§3.7)."""

    def test_of_a_schedule_as_it_is(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(2000))
        schedule = plan_change(stage, sub, next_phase(stage.price(500)))
        seen = len(stage.events())
        for asked in ({"schedule": schedule["id"]}, {"subscription": sub["id"]}):
            shown = stage.api.invoices.create_preview(asked)  # type: ignore[arg-type]
            assert [line["amount"] for line in shown["lines"]["data"]] == [500]
        assert len(stage.events()) == seen

    def test_of_a_change(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(2000))
        schedule = adopt(stage, sub)
        phases = [resent(schedule["phases"][0]), next_phase(stage.price(700))]
        shown = stage.api.invoices.create_preview(
            {"schedule": schedule["id"], "schedule_details": {"phases": phases}}  # type: ignore[typeddict-item]
        )
        assert shown["total"] == 700
        assert len(stage.api.subscription_schedules.retrieve(schedule["id"])["phases"]) == 1

    def test_of_a_new_one(self, stage: Stage) -> None:
        shown = stage.api.invoices.create_preview(
            {
                "customer": stage.customer(),
                "schedule_details": {"phases": [next_phase(stage.price(700))]},  # type: ignore[typeddict-item]
            }
        )
        assert shown["total"] == 700
