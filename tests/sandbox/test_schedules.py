"""Subscription schedules: made from a subscription or from nothing, and updated."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DAY, START, Stage
from .scheduling import HOUR, MONTH, SCHEDULED, adopt, next_phase, plan_change, refused, resent


class TestFromASubscription:
    """§3.7: one phase that is the current billing period; attached at once."""

    def test_it_is_one_phase_and_attached(self, stage: Stage) -> None:
        price = stage.price(1000)
        sub = stage.subscribe(stage.customer(), price, metadata={"a": "b"})
        schedule = adopt(stage, sub)
        assert schedule["status"] == "active"
        assert schedule["current_phase"].to_dict() == {"start_date": START, "end_date": MONTH}
        (phase,) = schedule["phases"]
        assert [item["price"] for item in phase["items"]] == [price]
        assert stage.sub(sub["id"])["schedule"] == schedule["id"]
        assert stage.events(*SCHEDULED)[-2:] == [
            "subscription_schedule.created",
            "customer.subscription.updated",
        ]

    def test_no_other_parameter_goes_with_it(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        params: Any = {"from_subscription": sub["id"], "end_behavior": "cancel"}
        assert refused(stage.api.subscription_schedules.create, params).param == "end_behavior"

    def test_a_second_schedule_is_refused(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = adopt(stage, sub)
        error = refused(adopt, stage, sub)
        assert schedule["id"] in str(error)

    def test_item_metadata_is_left_behind(self, stage: Stage) -> None:
        items = [{"price": stage.price(1000), "metadata": {"seat": "1"}}]
        sub = stage.api.subscriptions.create({"customer": stage.customer(), "items": items})  # type: ignore[arg-type,typeddict-item]
        assert adopt(stage, sub)["phases"][0]["items"][0]["metadata"].to_dict() == {}


class TestUpdatingPhases:
    """§3.7: replaced whole, the current one resent with its start; one length each."""

    @pytest.fixture
    def sub(self, stage: Stage) -> Any:
        return stage.subscribe(stage.customer(), stage.price(1000))

    def test_the_current_phase_must_come_with_its_start(self, stage: Stage, sub: Any) -> None:
        schedule = adopt(stage, sub)
        update = stage.api.subscription_schedules.update
        current = resent(schedule["phases"][0])
        without = {key: value for key, value in current.items() if key != "start_date"}
        error = refused(update, schedule["id"], {"phases": [without]})
        assert "to anchor end dates to" in str(error)
        moved = {**current, "start_date": START + 1}
        error = refused(update, schedule["id"], {"phases": [moved]})
        assert "start date of the current phase" in str(error)

    @pytest.mark.parametrize(
        ("more", "named"),
        [
            ({"end_date": MONTH + 30 * DAY}, "phases[1][duration]"),
            ({"iterations": 1}, "phases[1][iterations]"),
        ],
        ids=["two lengths", "iterations"],
    )
    def test_one_length_and_no_iterations(
        self, stage: Stage, sub: Any, more: Any, named: str
    ) -> None:
        wanted = next_phase(stage.price(500), **more)
        error = refused(plan_change, stage, sub, wanted)
        assert error.param == named

    def test_iterations_under_an_old_version(self, stage: Stage, sub: Any) -> None:
        """The official CLI sends no version and its fixtures still count iterations (§6.1)."""
        schedule = adopt(stage, sub)
        params: Any = {"phases": [resent(schedule["phases"][0]), next_phase(stage.price(500))]}
        params["phases"][1] |= {"duration": None, "iterations": 2}
        old = {"stripe_version": "2024-06-20"}
        changed = stage.api.subscription_schedules.update(schedule["id"], params, old)  # type: ignore[arg-type]
        last = changed["phases"][1]
        assert last["end_date"] - last["start_date"] > 60 * DAY

    def test_only_the_last_phase_may_leave_its_end_open(self, stage: Stage, sub: Any) -> None:
        schedule = adopt(stage, sub)
        open_end = {
            key: val for key, val in next_phase(stage.price(500)).items() if key != "duration"
        }
        current = resent(schedule["phases"][0])
        update = stage.api.subscription_schedules.update
        changed = update(schedule["id"], {"phases": [current, open_end]})
        assert changed["phases"][1]["end_date"] == START + 61 * DAY  # 10 January
        error = refused(update, schedule["id"], {"phases": [current, open_end, open_end]})
        assert error.param == "phases[1][end_date]"

    def test_what_is_not_resent_is_unset(self, stage: Stage, sub: Any) -> None:
        coupon = stage.api.coupons.create({"percent_off": 10, "duration": "forever"}).id  # type: ignore[typeddict-item]
        stage.api.subscriptions.update(sub["id"], {"discounts": [{"coupon": coupon}]})
        schedule = adopt(stage, sub)
        assert schedule["phases"][0]["discounts"][0]["discount"]
        stage.api.subscription_schedules.update(
            schedule["id"],
            {"phases": [resent(schedule["phases"][0]), next_phase(stage.price(500))]},  # type: ignore[list-item]
        )
        assert stage.sub(sub["id"])["discounts"] == []

    def test_a_discount_resent_by_id_stays_itself(self, stage: Stage, sub: Any) -> None:
        coupon = stage.api.coupons.create(
            {"percent_off": 10, "duration": "repeating", "duration_in_months": 3}  # type: ignore[typeddict-item]
        ).id
        stage.api.subscriptions.update(sub["id"], {"discounts": [{"coupon": coupon}]})
        schedule = adopt(stage, sub)
        discount = schedule["phases"][0]["discounts"][0]["discount"]
        kept = {"discounts": [{"discount": discount}]}
        params: Any = {
            "phases": [
                resent(schedule["phases"][0], **kept),
                next_phase(stage.price(500), **kept),
            ]
        }
        stage.api.subscription_schedules.update(schedule["id"], params)
        stage.box.advance(seconds=31 * DAY)
        assert stage.sub(sub["id"])["discounts"] == [discount]
        assert stage.latest(sub["id"])["total"] == 450

    def test_a_changed_current_phase_changes_the_subscription_now(
        self, stage: Stage, sub: Any
    ) -> None:
        schedule = adopt(stage, sub)
        stage.box.advance(seconds=15 * DAY)
        plus = stage.price(2000)
        params: Any = {
            "proration_behavior": "always_invoice",
            "phases": [resent(schedule["phases"][0], items=[{"price": plus, "quantity": 1}])],
        }
        stage.api.subscription_schedules.update(schedule["id"], params)
        assert stage.sub(sub["id"])["items"]["data"][0]["price"]["id"] == plus
        lines = stage.latest(sub["id"])["lines"]["data"]
        assert sorted(line["amount"] for line in lines) == [-500, 1000]

    def test_a_trial_that_is_over_may_be_sent_again(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000), trial_period_days=7)
        schedule = adopt(stage, sub)
        trial = schedule["phases"][0]["trial_end"]
        small = stage.price(500)
        phases = [resent(schedule["phases"][0], trial_end=trial), next_phase(small)]
        update = stage.api.subscription_schedules.update
        update(schedule["id"], {"phases": phases})  # type: ignore[typeddict-item]
        assert stage.sub(sub["id"])["status"] == "trialing"
        del phases[0]["trial_end"]
        update(schedule["id"], {"phases": phases})  # type: ignore[typeddict-item]
        assert stage.sub(sub["id"])["status"] == "active"
        update(schedule["id"], {"phases": phases, "metadata": {"k": "v"}})  # type: ignore[typeddict-item]

    def test_now_switches_at_once(self, stage: Stage, sub: Any) -> None:
        schedule = adopt(stage, sub)
        stage.box.advance(seconds=10 * DAY)
        small = stage.price(500)
        params: Any = {
            "phases": [
                resent(schedule["phases"][0], end_date="now"),
                next_phase(small, start_date="now"),
            ]
        }
        changed = stage.api.subscription_schedules.update(schedule["id"], params)
        assert changed["current_phase"]["start_date"] == stage.box.now()
        assert stage.sub(sub["id"])["items"]["data"][0]["price"]["id"] == small


class TestFromScratch:
    """A customer, a start, phases: the subscription is made when it begins (§3.6)."""

    def wanted(self, stage: Stage, **more: Any) -> Any:
        return {
            "customer": stage.customer(),
            "start_date": "now",
            "phases": [next_phase(stage.price(1000))],
            **more,
        }

    def test_one_that_starts_now_has_a_draft_and_is_active(self, stage: Stage) -> None:
        schedule = stage.api.subscription_schedules.create(self.wanted(stage))
        sub = stage.sub(schedule["subscription"])
        assert (sub["status"], sub["schedule"]) == ("active", schedule["id"])
        assert stage.latest(sub["id"])["status"] == "draft"
        stage.box.advance(seconds=HOUR)
        assert stage.latest(sub["id"])["status"] == "paid"

    def test_one_that_starts_later_waits(self, stage: Stage) -> None:
        later = self.wanted(stage, start_date=START + 5 * DAY)
        schedule = stage.api.subscription_schedules.create(later)
        assert (schedule["status"], schedule["subscription"]) == ("not_started", None)
        stage.box.advance(seconds=5 * DAY)
        begun = stage.api.subscription_schedules.retrieve(schedule["id"])
        assert begun["status"] == "active"
        assert stage.sub(begun["subscription"])["start_date"] == START + 5 * DAY

    def test_a_price_of_its_own(self, stage: Stage) -> None:
        """Inline prices are not active, and yet good for the phase that was made with them."""
        data = {
            "currency": "usd",
            "product": stage.product,
            "unit_amount": 700,
            "recurring": {"interval": "month"},
        }
        phase = {**next_phase(""), "items": [{"price_data": data}]}
        schedule = stage.api.subscription_schedules.create(self.wanted(stage, phases=[phase]))
        stage.box.advance(seconds=HOUR)
        assert stage.latest(schedule["subscription"])["amount_paid"] == 700

    def test_one_canceled_before_it_starts(self, stage: Stage) -> None:
        later = self.wanted(stage, start_date=START + 5 * DAY)
        schedule = stage.api.subscription_schedules.create(later)
        stage.api.subscription_schedules.cancel(schedule["id"])
        assert stage.events()[-1] == "subscription_schedule.aborted"
        stage.box.advance(seconds=6 * DAY)
        assert stage.events("customer.subscription") == []

    @pytest.mark.parametrize("gone", ["customer", "start_date", "phases"])
    def test_what_it_needs(self, stage: Stage, gone: str) -> None:
        params = self.wanted(stage)
        del params[gone]
        assert refused(stage.api.subscription_schedules.create, params).param == gone
