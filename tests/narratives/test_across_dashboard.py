"""What somebody does at Stripe shows up here: mapped back, or reported, and never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.changes import state_of
from tests.support.dashboard import lines, mails, price_of, refusal, unknown_price
from tests.support.sold import EACH, STUDIO, TEAM, Sold
from tests.support.world import World, world

as_team = pytest.mark.parametrize("sold", [TEAM], ids=str)


@pytest.fixture(params=EACH, ids=str)
def sold(request: pytest.FixtureRequest) -> Sold:
    found: Sold = request.param
    return found


@pytest.fixture
def w(database_url: str, sold: Sold) -> Iterator[World]:
    with world(database_url, catalogue=sold.catalogue) as made:
        yield made


def edit(w: World, **params: Any) -> Any:
    """Somebody edits the account's subscription; ``items`` by their place."""
    sub = w.subscription("acme")
    answer = w.stripe("POST", f"/v1/subscriptions/{sub['id']}", **params)
    w.settle()
    return answer


def item(w: World) -> str:
    return str(w.subscription("acme")["items"]["data"][0]["id"])


def test_row_6_5_price_and_quantity_are_mapped_back_and_unknown_ones_reported(w: World, sold: Sold):
    sold.buy(w)
    large = price_of(w, sold, sold.large)
    edit(w, **{"items[0][id]": item(w), "items[0][price]": large, "items[0][quantity]": 1})
    assert (sold.plan(w), lines(w)) == (sold.large, [(*sold.large, 1, False)])
    edit(w, **{"items[0][id]": item(w), "items[0][quantity]": 3})
    assert lines(w) == [(*sold.large, 3, False)]
    # A line of something else beside it takes nothing away.
    strange = unknown_price(w)
    edit(w, **{"items[0][price]": strange})
    assert sold.plan(w) == sold.large
    assert lines(w) == [(*sold.large, 3, False), (None, None, 1, True)]
    for held in w.subscription("acme")["items"]["data"]:
        if held["price"]["id"] == strange:
            edit(w, **{"items[0][id]": held["id"], "items[0][deleted]": "true"})
    assert lines(w) == [(*sold.large, 3, False)]
    # The plan itself moved to a price that is not ours: no plan is guessed.
    edit(w, **{"items[0][id]": item(w), "items[0][price]": strange, "items[0][quantity]": 1})
    assert (sold.plan(w), lines(w)) == (sold.free, [(None, None, 1, True)])
    assert refusal(w, sold, sold.small) == (409, "unknown_price")
    small = price_of(w, sold, sold.small)
    edit(w, **{"items[0][id]": item(w), "items[0][price]": small, "items[0][quantity]": 1})
    assert (sold.plan(w), lines(w)) == (sold.small, [(*sold.small, 1, False)])


def test_row_6_5_paused_resumed_set_to_end_and_cancelled(w: World, sold: Sold):
    sold.buy(w)
    path = f"/v1/subscriptions/{w.subscription('acme')['id']}"
    w.stripe("POST", f"{path}/pause", type="subscription")
    w.settle()
    assert w.state("acme")["subscriptions"][0]["status"] == "paused"
    assert sold.plan(w) == sold.free
    assert refusal(w, sold, sold.large) == (409, "resume_first")
    w.stripe("POST", f"{path}/resume")
    w.settle()
    assert sold.plan(w) == sold.small
    # Set to end there, it can be taken back from here; until then nothing else is changed.
    edit(w, cancel_at_period_end="true")
    assert mails(w, "is set to end") == 1
    assert refusal(w, sold, sold.large) == (409, "cancellation_pending")
    answer = w.call("DELETE", "/v1/accounts/acme/cancellation")
    assert (answer.status_code, answer.json["plan_change"]) == (200, None)
    w.settle()
    assert w.subscription("acme")["cancel_at"] is None
    assert mails(w, "continues") == 1
    # The portal sets a moment instead of the switch.
    w.advance(seconds=60)
    ends = w.subscription("acme")["items"]["data"][0]["current_period_end"]
    edit(w, cancel_at=ends)
    keeping = w.get("/v1/accounts/acme/cancellation")["if_taken_back"]
    assert keeping["next_invoice"]["total"]["amount"] == sold.small_price
    assert w.call("DELETE", "/v1/accounts/acme/cancellation").status_code == 200
    w.settle()
    assert w.subscription("acme")["cancel_at"] is None
    assert (mails(w, "is set to end"), mails(w, "continues")) == (2, 2)
    w.stripe("DELETE", path)
    w.settle()
    assert sold.plan(w) == sold.free
    assert mails(w, "has ended") == 1
    assert w.charged("acme") == [sold.small_price]


def scheduled(w: World) -> Any:
    """A downgrade to Starter 2k at the period's end, as ordered here."""
    answer = TEAM.order(w, ("starter", "2k"), "period_end")
    assert answer.json["lines"][0]["state"] == "scheduled", answer.json
    return answer.json


def schedule(w: World) -> Any:
    name = w.subscription("acme")["schedule"]
    return w.stripe("GET", f"/v1/subscription_schedules/{name}")


def make_schedule(w: World, price: str) -> Any:
    """Somebody schedules ``price`` for the next period."""
    sub = w.subscription("acme")
    made = w.stripe("POST", "/v1/subscription_schedules", from_subscription=sub["id"])
    now, held = made["phases"][0], made["phases"][0]["items"][0]
    answer = w.stripe(
        "POST",
        f"/v1/subscription_schedules/{made['id']}",
        **{
            "phases[0][start_date]": now["start_date"],
            "phases[0][end_date]": now["end_date"],
            "phases[0][items][0][price]": held["price"],
            "phases[0][items][0][quantity]": held["quantity"],
            "phases[1][items][0][price]": price,
            "phases[1][items][0][quantity]": 1,
            "phases[1][duration][interval]": "month",
            "phases[1][duration][interval_count]": 1,
            "phases[1][proration_behavior]": "none",
        },
    )
    w.settle()
    return answer


@as_team
def test_row_6_5_a_schedule_made_there_is_shown_entered_and_mapped_back(w: World, sold: Sold):
    sold.buy(w)
    make_schedule(w, price_of(w, sold, ("starter", "2k")))
    (sub,) = w.state("acme")["subscriptions"]
    assert sub["schedule"]["ours"] is False
    w.advance(days=31, hours=2)
    assert sold.plan(w) == ("starter", "2k")
    assert w.charged("acme") == [15900, 4500]


@as_team
def test_row_6_5_a_schedule_of_known_prices_is_adopted(w: World, sold: Sold):
    sold.buy(w)
    theirs = make_schedule(w, price_of(w, sold, sold.large))
    change = scheduled(w)
    assert schedule(w)["id"] == theirs["id"]
    w.advance(days=31, hours=2)
    assert (state_of(w, change), sold.plan(w)) == ("applied", ("starter", "2k"))
    assert w.charged("acme") == [15900, 4500]


@as_team
def test_row_6_5_a_schedule_of_unknown_prices_is_left_alone_but_the_plan_can_end(
    w: World, sold: Sold
):
    sold.buy(w)
    theirs = make_schedule(w, unknown_price(w))
    assert refusal(w, sold, ("starter", "2k")) == (409, "foreign_schedule")
    later = w.execute("acme", sold.quote(w, None), when="period_end")
    assert (later.status_code, later.json["code"]) == (409, "foreign_schedule")
    assert len(schedule(w)["phases"]) == len(theirs["phases"]) == 2
    assert sold.order(w, None).status_code == 201
    assert sold.plan(w) == sold.free
    assert mails(w, "has ended") == 1


@as_team
def test_row_6_5_a_schedule_of_ours_that_is_released_cancels_the_change_with_a_mail(
    w: World, sold: Sold
):
    sold.buy(w)
    change = scheduled(w)
    w.stripe("POST", f"/v1/subscription_schedules/{schedule(w)['id']}/release")
    w.settle()
    assert state_of(w, change) == "cancelled"
    assert mails(w, "Your change to Starter 2k monthly is cancelled") == 1
    w.advance(days=31, hours=2)
    assert sold.plan(w) == sold.small


@as_team
def test_row_6_5_an_edit_under_our_schedule_is_kept_beyond_it(w: World, sold: Sold):
    sold.buy(w)
    change = scheduled(w)
    solo = price_of(w, STUDIO, STUDIO.small)
    edit(w, **{"items[0][price]": solo, "proration_behavior": "none"})
    assert state_of(w, change) == "scheduled"
    assert len(schedule(w)["phases"][-1]["items"]) == 2
    w.advance(days=31, hours=2)
    assert state_of(w, change) == "applied"
    assert (sold.plan(w), STUDIO.plan(w)) == (("starter", "2k"), STUDIO.small)
    # 45.00 and 39.00
    assert w.charged("acme") == [15900, 8400]


@as_team
def test_row_6_5_the_plan_itself_edited_under_our_schedule_still_changes_when_it_was_to(
    w: World, sold: Sold
):
    sold.buy(w)
    change = scheduled(w)
    large = price_of(w, sold, sold.large)
    edit(
        w,
        **{
            "items[0][id]": item(w),
            "items[0][price]": large,
            "items[0][quantity]": 1,
            "proration_behavior": "none",
        },
    )
    assert (sold.plan(w), state_of(w, change)) == (sold.large, "scheduled")
    w.advance(days=31, hours=2)
    assert (sold.plan(w), state_of(w, change)) == (("starter", "2k"), "applied")
    assert w.charged("acme") == [15900, 4500]


@as_team
def test_row_6_5_a_subscription_cancelled_under_our_schedule_ends_the_change_with_it(
    w: World, sold: Sold
):
    sold.buy(w)
    change = scheduled(w)
    w.stripe("DELETE", f"/v1/subscriptions/{w.subscription('acme')['id']}")
    w.settle()
    assert (state_of(w, change), sold.plan(w)) == ("expired", sold.free)
    assert (mails(w, "has ended"), mails(w, "is cancelled")) == (1, 0)
    assert w.state("acme")["open_changes"] == []
