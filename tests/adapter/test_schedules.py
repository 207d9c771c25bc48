"""What Stripe makes of a subscription's schedule, phase by phase.

docs/adr/003-what-cannot-happen-to-a-schedule.md says which known mistake each test is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.changes import edit, state_of
from tests.support.world import World, world

TEAM = "virtual-team"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        made.account("acme")
        made.change("acme", "growth", "5k", family=TEAM)
        yield made


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[World]:
    """For what the database has no part in."""
    with world(sqlite_url, catalogue="choose-when") as made:
        made.account("acme")
        made.change("acme", "growth", "5k", family=TEAM)
        yield made


def later(w: World, plan: str | None = "starter", tier: str | None = "2k") -> Any:
    answer = w.execute("acme", w.quote("acme", plan, tier, family=TEAM), when="period_end")
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json


def totals(w: World) -> list[int]:
    """Of all invoices, the newest first."""
    return [invoice["total"] for invoice in w.invoices("acme")]


def schedule_of(w: World) -> Any:
    return w.stripe("GET", f"/v1/subscription_schedules/{w.subscription('acme')['schedule']}")


def test_a_repeating_coupon_keeps_its_remaining_months(lite: World):
    w = lite
    coupon = w.stripe(
        "POST", "/v1/coupons", percent_off="50", duration="repeating", duration_in_months="2"
    )
    edit(w, **{"discounts[0][coupon]": coupon["id"]})
    (discount,) = w.subscription("acme")["discounts"]
    later(w, "starter", "1k")
    later(w)  # replaced in place, and the discount is still there
    current, following = schedule_of(w)["phases"]
    assert [entry["discount"] for entry in (*current["discounts"], *following["discounts"])] == [
        discount,
        discount,
    ]
    w.advance(days=31, hours=2)
    assert totals(w)[0] == 2_250  # 45.00 less half: its second month
    w.advance(days=28)
    assert totals(w)[0] == 4_500  # not begun anew: its two months are over


def test_a_coupon_for_once_is_not_given_twice(lite: World):
    w = lite
    coupon = w.stripe("POST", "/v1/coupons", percent_off="50", duration="once")
    edit(w, **{"discounts[0][coupon]": coupon["id"]})
    later(w)
    w.advance(days=31, hours=2)
    assert totals(w)[0] == 2_250
    w.advance(days=28)
    assert totals(w)[0] == 4_500
    # Used up: scheduling the next change finds nothing to keep.
    later(w, "starter", "1k")
    assert all(not one["discounts"] for one in schedule_of(w)["phases"])


def test_tax_rates_tags_and_settings_live_on_through_a_phase(lite: World):
    w = lite
    rate = w.stripe(
        "POST", "/v1/tax_rates", display_name="VAT", percentage="20", inclusive="false"
    )["id"]
    item = w.subscription("acme")["items"]["data"][0]["id"]
    edit(
        w,
        **{
            "default_tax_rates[0]": rate,
            "items[0][id]": item,
            "items[0][metadata][seat]": "east",
            "metadata[deal]": "7",
            "description": "Agreed by phone",
        },
    )
    later(w)
    before = w.subscription("acme")
    assert before["items"]["data"][0]["metadata"] == {"seat": "east"}
    w.advance(days=31, hours=2)
    after = w.subscription("acme")
    assert totals(w)[0] == 5_400  # 45.00 and 20 %
    assert [found["id"] for found in after["default_tax_rates"]] == [rate]
    assert after["items"]["data"][0]["metadata"] == {"seat": "east"}
    assert after["metadata"]["deal"] == "7"
    for name in ("description", "collection_method", "billing_cycle_anchor"):
        assert after[name] == before[name]


def test_a_subscription_billed_by_invoice_stays_so(lite: World):
    w = lite
    edit(w, collection_method="send_invoice", days_until_due="14")
    later(w)
    w.advance(days=31, hours=2)
    sub = w.subscription("acme")
    assert (sub["collection_method"], sub["days_until_due"]) == ("send_invoice", 14)


def test_a_crash_between_making_a_schedule_and_filling_it_is_mended(w: World):
    quote = w.quote("acme", "starter", "2k", family=TEAM)
    w.box.fail_next("POST", "/v1/subscription_schedules/", "timeout_before", 3)
    answer = w.execute("acme", quote, when="period_end")
    assert answer.json["lines"][0]["state"] == "executing"
    assert len(schedule_of(w)["phases"]) == 1
    w.settle()  # what Stripe tells of the bare schedule says nothing of the change
    assert state_of(w, answer.json) == "executing"
    w.parts.orders.resume(answer.json["id"])
    assert state_of(w, answer.json) == "scheduled"
    assert len(schedule_of(w)["phases"]) == 2


def test_a_schedule_that_is_there_already_is_edited_and_never_made_twice(lite: World):
    w = lite
    w.stripe("POST", "/v1/subscription_schedules", from_subscription=w.subscription("acme")["id"])
    before = w.subscription("acme")["schedule"]
    # Nobody has told of it yet: Stripe refuses a second one, and nothing is changed.
    answer = w.execute("acme", w.quote("acme", "starter", "2k", family=TEAM), when="period_end")
    assert (answer.status_code, answer.json["code"]) == (409, "refused_by_stripe")
    assert len(schedule_of(w)["phases"]) == 1
    w.settle()
    change = later(w)
    assert w.subscription("acme")["schedule"] == before
    assert state_of(w, change) == "scheduled"
    assert len(schedule_of(w)["phases"]) == 2


def test_an_end_alone_needs_no_schedule_and_one_over_a_schedule_goes_through_it(lite: World):
    w = lite
    since = len(w.calls())
    later(w, None, None)
    assert w.subscription("acme")["schedule"] is None
    assert not [call for call in w.calls(since) if "schedules" in call.path]
    later(w)
    since = len(w.calls())
    later(w, None, None)
    # While a schedule carries it, Stripe refuses cancel_at on the subscription itself.
    assert [call.path for call in w.calls(since) if call.method == "POST"][-1].startswith(
        "/v1/subscription_schedules/"
    )
    assert schedule_of(w)["end_behavior"] == "cancel"


def test_a_schedule_taken_away_by_an_operator_ends_the_change_and_is_told(w: World):
    change = later(w)
    schedule = w.subscription("acme")["schedule"]
    w.stripe("POST", f"/v1/subscription_schedules/{schedule}/release")
    w.settle()
    assert state_of(w, change) == "cancelled"
    again = later(w)
    schedule = w.subscription("acme")["schedule"]
    # Cancelling a schedule cancels its subscription, too.
    w.stripe("POST", f"/v1/subscription_schedules/{schedule}/cancel")
    w.settle()
    assert state_of(w, again) == "expired"
    assert w.plan("acme", TEAM) == ("free", "100")


def test_after_its_last_phase_a_subscription_is_free_of_its_schedule(lite: World):
    w = lite
    later(w)
    w.advance(days=31, hours=2)
    assert w.subscription("acme")["schedule"] is None
    assert w.state("acme")["subscriptions"][0]["schedule"] is None
    # So an end can be set on it again, and another change be scheduled.
    later(w, None, None)
    assert w.subscription("acme")["cancel_at_period_end"] is True


def test_a_schedule_of_somebody_else_is_never_written_over(lite: World):
    w = lite
    product = w.stripe("POST", "/v1/products", name="Consulting")["id"]
    price = w.stripe(
        "POST",
        "/v1/prices",
        **{
            "product": product,
            "currency": "usd",
            "unit_amount": "100",
            "recurring[interval]": "month",
        },
    )["id"]
    made = w.stripe(
        "POST", "/v1/subscription_schedules", from_subscription=w.subscription("acme")["id"]
    )
    (now,) = made["phases"]
    w.stripe(
        "POST",
        f"/v1/subscription_schedules/{made['id']}",
        **{
            "phases[0][start_date]": now["start_date"],
            "phases[0][end_date]": now["end_date"],
            "phases[0][items][0][price]": now["items"][0]["price"],
            "phases[1][items][0][price]": price,
            "phases[1][duration][interval]": "month",
        },
    )
    w.settle()
    body = {"family": TEAM, "plan": "starter", "tier": "2k", "interval": "month"}
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
    assert (answer.status_code, answer.json["code"]) == (409, "foreign_schedule")
    assert w.call("DELETE", "/v1/accounts/acme/cancellation").status_code == 409
    assert len(schedule_of(w)["phases"]) == 2


def test_a_trial_ends_with_its_phase_and_not_before(lite: World):
    w = lite
    end = w.subscription("acme")["items"]["data"][0]["current_period_end"]
    edit(w, trial_end=end, proration_behavior="none")
    later(w)
    current, following = schedule_of(w)["phases"]
    assert (current["trial_end"], current["end_date"]) == (end, end)
    assert following["trial_end"] is None
    assert w.subscription("acme")["status"] == "trialing"
