"""What a subscription's schedule is told: the compiler, which is pure.

docs/adr/003-what-cannot-happen-to-a-schedule.md says which known mistake each test is about.
"""

from __future__ import annotations

from typing import Any

from adapter.changes.schedules.compiling import (
    Item,
    Wish,
    compile_goal,
    current_phase,
    says,
    schedule_params,
)
from adapter.gateway.snapshots import CHANGE_KEY, TENANT_KEY

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
