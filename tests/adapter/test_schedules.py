"""What a subscription's schedule is told, and what Stripe makes of it.

The first half holds the compiler, which is pure; the second half lets Stripe enter the phases.
docs/adr/003-what-cannot-happen-to-a-schedule.md says which known mistake each test is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapter.changes.schedules.compiling import (
    Item,
    Wish,
    compile_goal,
    current_phase,
    says,
    schedule_params,
)
from adapter.gateway.snapshots import CHANGE_KEY, TENANT_KEY
from tests.support.world import World, world

TEAM = "virtual-team"
START, END, LATER = 1_768_035_600, 1_770_714_000, 1_773_133_200

BASIC = Item("price_basic", 1, {})
BOTS = Item("price_bots", 3, {"seat": "east"})
USAGE = Item("price_usage", None, {})


def wish(item: Item, price: str | None, **more: Any) -> Wish:
    values = {"quantity": 1, "interval": "month" if price else None, "reanchors": False}
    return Wish(item.price, price, **{**values, "change": "pc_1", **more})


def phase(*items: Item, **more: Any) -> dict[str, Any]:
    """A phase as Stripe answers with it."""
    entries = [
        {"price": item.price, "quantity": item.quantity, "discounts": [], "metadata": {}}
        for item in items
    ]
    return {"start_date": START, "end_date": END, "items": entries, "metadata": {}, **more}


def compiled(*items: Item, wishes: list[Wish], phases: list[dict[str, Any]] | None = None) -> Any:
    goal = compile_goal(items, wishes, "month")
    return schedule_params(goal, phases or [phase(*items)], START, "tests")


# -- the compiler -----------------------------------------------------------------------------


def test_the_current_phase_is_sent_again_with_its_dates_and_items():
    past = phase(BASIC, start_date=START - 100, end_date=START)
    planned = phase(Item("price_other", 1, {}), start_date=END, end_date=LATER)
    told = compiled(
        BASIC, BOTS, wishes=[wish(BASIC, "price_new")], phases=[past, phase(BASIC, BOTS), planned]
    )
    current, following = told["phases"]
    assert (current["start_date"], current["end_date"]) == (START, END)
    assert [(item["price"], item["quantity"]) for item in current["items"]] == [
        ("price_basic", 1),
        ("price_bots", 3),
    ]
    # The later phase is replaced, and what nobody asked to change goes on in it.
    assert [(item["price"], item["quantity"]) for item in following["items"]] == [
        ("price_new", 1),
        ("price_bots", 3),
    ]
    assert "start_date" not in following  # it begins where the current one ends
    assert told["end_behavior"] == "release"
    assert told["metadata"] == {TENANT_KEY: "tests"}


def test_a_phase_has_a_duration_and_never_iterations_or_two_ends():
    _, following = compiled(BASIC, wishes=[wish(BASIC, "price_new")])["phases"]
    assert following["duration"] == {"interval": "month", "interval_count": 1}
    assert not following.keys() & {"iterations", "end_date"}


def test_nothing_is_prorated_unless_somebody_says_so():
    told = compiled(BASIC, wishes=[wish(BASIC, "price_new")])
    assert told["proration_behavior"] == "none"
    assert told["phases"][1]["proration_behavior"] == "none"


def test_usage_has_no_quantity_in_any_phase():
    told = compiled(BASIC, USAGE, wishes=[wish(BASIC, "price_new")])
    for sent in told["phases"]:
        (usage,) = (item for item in sent["items"] if item["price"] == "price_usage")
        assert "quantity" not in usage


def test_only_another_interval_begins_a_cycle_of_its_own():
    same = compiled(BASIC, wishes=[wish(BASIC, "price_new")])
    other = compiled(BASIC, wishes=[wish(BASIC, "price_year", interval="year", reanchors=True)])
    assert "billing_cycle_anchor" not in same["phases"][1]
    assert other["phases"][1]["billing_cycle_anchor"] == "phase_start"
    assert other["phases"][1]["duration"]["interval"] == "year"


def test_the_next_phase_names_the_change_and_the_items_keep_their_tags():
    _, following = compiled(BASIC, BOTS, wishes=[wish(BASIC, "price_new")])["phases"]
    assert following["metadata"][CHANGE_KEY] == "pc_1"
    assert following["items"][1]["metadata"] == {"seat": "east"}


def test_items_keep_their_tags_in_the_current_phase_too():
    # A schedule made from a subscription has lost them.
    current, _ = compiled(BASIC, BOTS, wishes=[wish(BASIC, "price_new")])["phases"]
    assert current["items"][1]["metadata"] == {"seat": "east"}


def test_everything_a_phase_says_is_said_again():
    kept = {
        "application_fee_percent": 2.5,
        "collection_method": "charge_automatically",
        "default_payment_method": "pm_1",
        "description": "Agreed by phone",
        "default_tax_rates": [{"id": "txr_1", "object": "tax_rate"}],
        "invoice_settings": {"days_until_due": 14},
        "automatic_tax": {"enabled": True, "liability": None},
        "discounts": [{"discount": "di_1", "coupon": "half", "promotion_code": None}],
        "metadata": {"deal": "7"},
    }
    now = phase(BASIC, **kept, trial_end=END, add_invoice_items=[{"price": "price_setup"}])
    now["items"][0] |= {"tax_rates": [{"id": "txr_2"}], "discounts": [{"coupon": "third"}]}
    current, following = compiled(BASIC, wishes=[wish(BASIC, "price_new")], phases=[now])["phases"]
    for sent in (current, following):
        assert sent["default_tax_rates"] == ["txr_1"]
        assert sent["discounts"] == [{"discount": "di_1"}]  # a coupon named would begin anew
        assert sent["items"][0]["tax_rates"] == ["txr_2"]
        assert sent["items"][0]["discounts"] == [{"coupon": "third"}]
        assert sent["metadata"]["deal"] == "7"
        assert sent["automatic_tax"] == {"enabled": True}
        assert sent["invoice_settings"] == {"days_until_due": 14}
        for name in ("application_fee_percent", "collection_method", "description"):
            assert sent[name] == kept[name]
        # Billed when the phase began, and never again.
        assert "add_invoice_items" not in sent
    assert current["trial_end"] == END
    assert "trial_end" not in following


def test_a_phase_without_discounts_says_nothing_of_them():
    for sent in compiled(BASIC, wishes=[wish(BASIC, "price_new")])["phases"]:
        assert "discounts" not in sent
        assert "discounts" not in sent["items"][0]


def test_what_every_line_wants_comes_to_one_goal():
    both = (BASIC, BOTS)
    ends = [wish(BASIC, None), wish(BOTS, None)]
    assert compile_goal(both, [], "month").kind == "nothing"
    assert compile_goal(both, ends, "month").kind == "ends"
    one_ends = compile_goal(both, ends[:1], "month")
    assert (one_ends.kind, [then.price for _, then in one_ends.next_items]) == (
        "changes",
        ["price_bots"],
    )
    # No phase is ever without items: the end of all of them is the end of the subscription.
    told = schedule_params(compile_goal(both, ends, "month"), [phase(*both)], START, "tests")
    assert (len(told["phases"]), told["end_behavior"]) == (1, "cancel")


def test_a_schedule_that_says_it_already_is_known():
    goal = compile_goal((BASIC,), [wish(BASIC, "price_new")], "month")
    planned = phase(Item("price_new", 1, {}), start_date=END, end_date=LATER)
    assert says(goal, "release", [phase(BASIC), planned], START)
    assert not says(goal, "cancel", [phase(BASIC), planned], START)
    assert not says(goal, "release", [phase(BASIC)], START)
    # Made by a process that died before it said what comes next: one phase, and no goal reached.
    assert current_phase([phase(BASIC)], START)["end_date"] == END


# -- at Stripe --------------------------------------------------------------------------------


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


def state_of(w: World, change: Any) -> str:
    (line,) = w.get(f"/v1/plan-changes/{change['id']}")["lines"]
    return str(line["state"])


def edit(w: World, **params: Any) -> Any:
    """Somebody edits the subscription in the dashboard."""
    edited = w.stripe("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}", **params)
    w.settle()
    return edited


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
