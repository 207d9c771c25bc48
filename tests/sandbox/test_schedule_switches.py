"""Points about schedules and cycles that nobody has proven, each under the other value."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Switches

from .conftest import DAY, START, Stage
from .scheduling import HOUR, MONTH, adopt, next_phase, plan_change, resent


def started(stage: Stage) -> Any:
    return stage.subscribe(stage.customer(), stage.price(1000))


@pytest.mark.parametrize(
    ("switches", "refused"), [(Switches(), False), (Switches(inactive_price_resent="400"), True)]
)
def test_an_archived_price_that_is_sent_again(stage: Stage, refused: bool) -> None:
    sub = started(stage)
    schedule = adopt(stage, sub)
    stage.api.prices.update(sub["items"]["data"][0]["price"]["id"], {"active": False})
    params: Any = {"phases": [resent(schedule["phases"][0]), next_phase(stage.price(500))]}
    if refused:
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.subscription_schedules.update(schedule["id"], params)
    else:
        changed = stage.api.subscription_schedules.update(schedule["id"], params)
        assert len(changed["phases"]) == 2


@pytest.mark.parametrize("switches", [Switches(current_phase_items="400")])
def test_items_of_the_current_phase_may_be_fixed(stage: Stage) -> None:
    schedule = adopt(stage, started(stage))
    more = {"items": [{"price": stage.price(2000), "quantity": 1}]}
    params: Any = {"phases": [resent(schedule["phases"][0], **more)]}
    with pytest.raises(stripe.InvalidRequestError):
        stage.api.subscription_schedules.update(schedule["id"], params)
    params["phases"] = [resent(schedule["phases"][0]), next_phase(stage.price(500))]
    stage.api.subscription_schedules.update(schedule["id"], params)


@pytest.mark.parametrize(
    ("switches", "merged"),
    [(Switches(), {}), (Switches(resent_phase_merges_metadata=True), {"k": "v"})],
)
def test_metadata_of_a_phase_that_is_sent_again(stage: Stage, merged: dict[str, str]) -> None:
    sub = started(stage)
    schedule = adopt(stage, sub)
    params: Any = {"phases": [resent(schedule["phases"][0], metadata={"k": "v"})]}
    stage.api.subscription_schedules.update(schedule["id"], params)
    assert stage.sub(sub["id"])["metadata"].to_dict() == merged


@pytest.mark.parametrize("switches", [Switches(phase_keeps_item_ids=True)])
def test_an_item_may_outlive_its_price(stage: Stage) -> None:
    sub = started(stage)
    plan_change(stage, sub, next_phase(stage.price(500)))
    stage.box.advance(to=MONTH + HOUR)
    now = stage.sub(sub["id"])
    assert now["items"]["data"][0]["id"] == sub["items"]["data"][0]["id"]
    assert stage.latest(sub["id"])["total"] == 500


@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        (Switches(), "subscription_cycle"),
        (Switches(phase_billing_reason="subscription_update"), "subscription_update"),
    ],
)
def test_why_a_phase_s_invoice_was_made(stage: Stage, reason: str) -> None:
    sub = started(stage)
    plan_change(stage, sub, next_phase(stage.price(500)))
    stage.box.advance(to=MONTH)
    assert stage.latest(sub["id"])["billing_reason"] == reason


@pytest.mark.parametrize("switches", [Switches(cancel_before_start="canceled")])
def test_one_canceled_before_it_starts_may_say_canceled(stage: Stage) -> None:
    schedule = stage.api.subscription_schedules.create(
        {
            "customer": stage.customer(),
            "start_date": START + DAY,
            "phases": [next_phase(stage.price(500))],  # type: ignore[list-item]
        }
    )
    stage.api.subscription_schedules.cancel(schedule["id"])
    assert stage.events()[-1] == "subscription_schedule.canceled"


@pytest.mark.parametrize("switches", [Switches(schedule_expiring_days=10)])
def test_expiring_may_come_sooner(stage: Stage) -> None:
    adopt(stage, started(stage))
    stage.box.advance(to=MONTH - 10 * DAY)
    assert "subscription_schedule.expiring" in stage.events()


@pytest.mark.parametrize(
    ("switches", "total"),
    [(Switches(), 1000), (Switches(interval_change_invoices=True), 8500)],
)
def test_another_interval_may_be_invoiced_at_once(stage: Stage, total: int) -> None:
    sub = started(stage)
    changed = stage.switch(sub, stage.price(9500, "year"))
    assert changed["billing_cycle_anchor"] == START
    assert stage.latest(sub["id"])["total"] == total


@pytest.mark.dispute(
    "request POST /v1/subscriptions/{subscription_exposed_id}: "
    "billing_cycle_anchor: now is not of type object"
)
@pytest.mark.parametrize("switches", [Switches(anchor_string="ok")])
def test_the_old_word_for_the_anchor_may_still_do(stage: Stage) -> None:
    sub = started(stage)
    stage.box.advance(seconds=DAY)
    old: Any = {"billing_cycle_anchor": "now"}
    assert stage.api.subscriptions.update(sub["id"], old)["billing_cycle_anchor"] == START + DAY
