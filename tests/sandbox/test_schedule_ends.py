"""How schedules end, and what they forbid meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DAY, START, Stage
from .scheduling import HOUR, MONTH, adopt, next_phase, plan_change, refused


class TestTheEnd:
    """§3.7: release, cancel, complete, abort."""

    def test_a_release_leaves_the_subscription_as_it_is(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = plan_change(stage, sub, next_phase(stage.price(500)))
        done = stage.api.subscription_schedules.release(schedule["id"])
        assert (done["status"], done["released_subscription"]) == ("released", sub["id"])
        assert (done["subscription"], done["current_phase"]) == (None, None)
        assert stage.sub(sub["id"])["schedule"] is None
        stage.box.advance(to=MONTH + HOUR)
        assert stage.latest(sub["id"])["total"] == 1000
        refused(stage.api.subscription_schedules.release, schedule["id"])

    def test_end_behavior_cancel_shows_in_the_last_phase(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        plan_change(stage, sub, next_phase(stage.price(500)), end_behavior="cancel")
        assert stage.sub(sub["id"])["cancel_at"] is None
        stage.box.advance(to=MONTH + HOUR)
        end = START + 61 * DAY
        assert stage.sub(sub["id"])["cancel_at"] == end
        stage.box.advance(to=end)
        assert stage.sub(sub["id"])["status"] == "canceled"
        assert stage.events()[-2:] == [
            "customer.subscription.deleted",
            "subscription_schedule.completed",
        ]

    @pytest.mark.parametrize("keep", [False, True])
    def test_a_release_takes_or_leaves_the_cancel_date(self, stage: Stage, keep: bool) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = plan_change(stage, sub, end_behavior="cancel")
        assert stage.sub(sub["id"])["cancel_at"] == MONTH
        stage.api.subscription_schedules.release(schedule["id"], {"preserve_cancel_date": keep})
        assert stage.sub(sub["id"])["cancel_at"] == (MONTH if keep else None)

    def test_a_cancel_takes_the_subscription_along_prorated(self, stage: Stage) -> None:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(1000))
        schedule = plan_change(stage, sub, next_phase(stage.price(500)))
        stage.box.advance(seconds=15 * DAY)
        done = stage.api.subscription_schedules.cancel(schedule["id"])
        assert done["status"] == "canceled"
        assert stage.sub(sub["id"])["status"] == "canceled"
        assert stage.latest(sub["id"])["total"] == -500

    def test_a_subscription_that_ends_aborts_its_schedule(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = plan_change(stage, sub, next_phase(stage.price(500)))
        stage.api.subscriptions.cancel(sub["id"])
        assert stage.events()[-1] == "subscription_schedule.aborted"
        done = stage.api.subscription_schedules.retrieve(schedule["id"])
        assert (done["status"], done["current_phase"]) == ("canceled", None)

    def test_expiring_comes_a_week_ahead(self, stage: Stage) -> None:
        stage.box.switches.schedule_expiring_days = 7
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        plan_change(stage, sub, end_behavior="cancel")
        stage.box.advance(to=MONTH - 7 * DAY - 1)
        assert "subscription_schedule.expiring" not in stage.events()
        stage.box.advance(seconds=1)
        assert "subscription_schedule.expiring" in stage.events()


class TestManagedSubscriptions:
    """§3.7: what is refused while a schedule is attached, and what a direct edit does to it."""

    @pytest.mark.parametrize(
        "change",
        [{"cancel_at_period_end": True}, {"cancel_at": MONTH}, {"cancel_at_period_end": False}],
    )
    def test_its_end_is_the_schedule_s_business(self, stage: Stage, change: Any) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = adopt(stage, sub)
        error = refused(stage.api.subscriptions.update, sub["id"], change)
        assert f"managed by the subscription schedule `{schedule['id']}`" in str(error)

    def test_it_cannot_be_paused(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        adopt(stage, sub)
        refused(stage.api.subscriptions.pause, sub["id"])

    def test_a_direct_edit_splits_the_current_phase(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = plan_change(stage, sub, next_phase(stage.price(500)))
        stage.box.advance(seconds=DAY)
        plus = stage.price(2000)
        stage.switch(sub, plus)
        now = stage.api.subscription_schedules.retrieve(schedule["id"])
        spans = [(phase["start_date"], phase["end_date"]) for phase in now["phases"]]
        assert spans[:2] == [(START, START + DAY), (START + DAY, MONTH)]
        assert now["phases"][1]["items"][0]["price"] == plus
        assert now["current_phase"]["start_date"] == START + DAY

    def test_metadata_of_the_subscription_stays_its_own(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        schedule = adopt(stage, sub)
        stage.api.subscriptions.update(sub["id"], {"metadata": {"k": "v"}})
        now = stage.api.subscription_schedules.retrieve(schedule["id"])
        assert (len(now["phases"]), now["phases"][0]["metadata"].to_dict()) == (1, {})
