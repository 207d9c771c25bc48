"""Changes and ends during a trial.

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
    newest,
    order,
    refused,
    subscribe,
)
from tests.support.world import DAY, START, World, world

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


def test_an_upgrade_during_a_trial_keeps_the_trial_and_gives_no_second_one(lite: World):
    w = lite
    end = int(START.timestamp()) + 14 * DAY
    subscribe(w, *GROWTH, trial_end=end)
    w.advance(days=5)
    quote = w.quote("acme", *SCALE, family=TEAM)
    now = quote["timings"]["now"]
    assert (now["due_now"]["amount"], now["effective_at"][:10]) == (0, "2026-01-15")
    assert (now["next_invoice"]["total"]["amount"], now["next_invoice_at"][:10]) == (
        44_900,
        "2026-01-24",
    )
    assert w.execute("acme", quote, when="now").status_code == 201
    w.settle()
    sub = w.subscription("acme")
    assert (sub["status"], sub["trial_end"]) == ("trialing", end)
    assert w.plan("acme", TEAM) == SCALE
    # The same again is no way to another trial.
    assert refused(w, *SCALE)["code"] == "already_on_offer"
    w.advance(days=9, hours=2)
    assert (w.subscription("acme")["status"], newest(w)) == ("active", ("paid", 44_900, 44_900))


def test_a_downgrade_during_a_trial_begins_when_the_trial_ends(w: World):
    end = int(START.timestamp()) + 14 * DAY
    subscribe(w, *GROWTH, trial_end=end)
    quote = w.quote("acme", *STARTER, family=TEAM)
    assert quote["timings"]["period_end"]["effective_at"][:10] == "2026-01-24"
    change = order(w, "period_end", *STARTER)
    # Taking it back leaves the trial as it was; ordered again, it comes about at its end.
    assert w.call("POST", f"/v1/plan-changes/{change['id']}/cancel").status_code == 200
    w.settle()
    assert w.subscription("acme")["trial_end"] == end
    change = order(w, "period_end", *STARTER)
    w.advance(days=14, hours=2)
    assert (line_of(w, change)["state"], w.plan("acme", TEAM)) == ("applied", STARTER)
    assert newest(w) == ("paid", 4_500, 4_500)
    assert w.charged("acme") == [4_500]


def test_another_interval_in_a_trial_is_charged_whole_when_the_trial_ends(sqlite_url: str):
    with world(sqlite_url, catalogue="choose-when") as w:
        # Nothing is due yet, so no saved card is asked for.
        customer = w.account("acme", card=None)
        end = int(START.timestamp()) + 14 * DAY
        subscribe(w, *GROWTH, trial_end=end)
        quote = w.quote("acme", *GROWTH, family=TEAM, interval="year")
        (line,) = quote["timings"]["now"]["next_invoice"]["lines"]
        assert (line["amount"], line["period"]["start"][:10]) == (159_000, "2026-01-24")
        order(w, "now", *GROWTH, interval="year")
        assert w.subscription("acme")["trial_end"] == end
        w.use_card(customer, "pm_card_visa")
        w.advance(days=14, hours=2)
        assert newest(w) == ("paid", 159_000, 159_000)
        (item,) = w.subscription("acme")["items"]["data"]
        assert (item["current_period_start"], item["current_period_end"]) == (end, end + 365 * DAY)


def test_a_trial_that_is_cancelled_costs_nothing(lite: World):
    w = lite
    subscribe(w, *GROWTH, trial_end=int(START.timestamp()) + 14 * DAY)
    quote = w.quote("acme", None, family=TEAM)
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    assert quote["timings"]["period_end"]["effective_at"][:10] == "2026-01-24"
    order(w, "period_end", None)
    w.advance(days=14, hours=2)
    assert (w.plan("acme", TEAM), w.charged("acme")) == (("free", "100"), [])
