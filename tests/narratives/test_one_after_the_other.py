"""One change after another, and what is held already.

Cases that other systems got wrong; docs/adr/004-plan-change-cases.md says which is which.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.changes import line_of
from tests.support.teams import (
    GROWTH,
    SCALE,
    STARTER,
    TEAM,
    asked,
    order,
    refused,
    subscribe,
)
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        made.account("acme")
        yield made


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[World]:
    """For stories in which the database has no part."""
    with world(sqlite_url, catalogue="choose-when") as made:
        made.account("acme")
        yield made


def test_what_is_held_already_is_refused_and_names_what_is_scheduled(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    told = refused(w, *GROWTH)
    assert (told["code"], told["scheduled"]) == ("already_on_offer", None)
    change = order(w, "period_end", *STARTER)
    told = refused(w, *GROWTH)
    assert (told["code"], told["scheduled"]) == ("already_on_offer", change["id"])
    assert change["id"] in told["remedy"]
    assert line_of(w, change)["state"] == "scheduled"


def test_the_last_of_several_changes_in_a_day_counts(lite: World):
    w = lite
    order(w, "now", *STARTER)
    order(w, "now", *GROWTH)
    first = order(w, "period_end", *SCALE)
    second = order(w, "period_end", "starter", "1k")
    assert line_of(w, first)["state"] == "superseded"
    # A scheduled upgrade, then one at once: what was scheduled gives way.
    order(w, "now", *SCALE)
    assert line_of(w, second)["state"] == "superseded"
    third = order(w, "period_end", *GROWTH)
    # An end now leaves no period after which it could come about.
    order(w, "now", None)
    assert line_of(w, third)["state"] == "expired"
    assert w.plan("acme", TEAM) == ("free", "100")
    assert [sub["status"] for sub in w.state("acme")["subscriptions"]] == ["canceled"]


def test_ending_twice_and_undoing_nothing_are_refused(lite: World):
    w = lite
    assert refused(w, None)["code"] == "nothing_to_cancel"
    nothing = w.call("DELETE", "/v1/accounts/acme/cancellation")
    assert (nothing.status_code, nothing.json["code"]) == (409, "not_cancelled")
    order(w, "now", *GROWTH)
    assert w.call("DELETE", "/v1/accounts/acme/cancellation").status_code == 409
    end = order(w, "period_end", None)
    again = w.execute("acme", w.quote("acme", None, family=TEAM), when="period_end")
    assert (again.status_code, again.json["code"]) == (409, "cancellation_pending")
    # An end at once is earlier: then the plan has ended, and there is one mail of each.
    order(w, "now", None)
    assert line_of(w, end)["state"] == "applied"
    subjects = w.mail.subjects()
    assert [sum(word in one for one in subjects) for word in ("set to end", "has ended")] == [1, 1]
    assert w.plan("acme", TEAM) == ("free", "100")


def test_a_subscription_cancelled_at_stripe_is_bought_anew_at_full_price(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    quote = w.quote("acme", *SCALE, family=TEAM)
    w.stripe("DELETE", f"/v1/subscriptions/{w.subscription('acme')['id']}")
    # Its news are under way: Stripe refuses, and nothing is charged.
    early = w.execute("acme", quote, when="now")
    assert early.status_code == 409, early.json
    w.settle()
    assert refused(w, None)["code"] == "nothing_to_cancel"
    quote = w.quote("acme", *SCALE, family=TEAM)
    assert (quote["kind"], quote["timings"]["now"]["due_now"]["amount"]) == ("start", 44_900)
    order(w, "now", *SCALE)
    assert w.charged("acme") == [15_900, 44_900]


def test_what_belongs_to_another_account_cannot_be_named(lite: World):
    w = lite
    w.account("globex")
    w.change("globex", *GROWTH, family=TEAM)
    theirs = w.subscription("globex")["id"]
    for plan in (SCALE, (None,)):
        assert asked(w, *plan, subscription=theirs).status_code == 404


def test_one_of_two_paid_plans_that_ends_leaves_the_other_in_effect(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    held = w.subscription("acme")["id"]
    other = subscribe(w, *STARTER)["id"]
    order(w, "now", None, subscription=held)
    assert w.plan("acme", TEAM) == STARTER
    order(w, "now", None, subscription=other)
    assert w.plan("acme", TEAM) == ("free", "100")
