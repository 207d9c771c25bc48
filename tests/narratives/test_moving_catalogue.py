"""The catalogue moves, or the dashboard does, while a change is scheduled.

Cases that other systems got wrong; docs/adr/004-plan-change-cases.md says which is which.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pytest

from adapter.gateway.pacing import Urgency
from mappings import parse_catalogue
from service.wiring import build
from tests.support.changes import line_of
from tests.support.teams import GROWTH, STARTER, TEAM, newest, order, price_of
from tests.support.world import DAY, World, world

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


def resold(w: World, *edits: tuple[str, str]) -> None:
    """The catalogue is edited and synced while changes are under way."""
    text = (files("mappings") / "catalogues" / "choose-when.toml").read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    parts = build(
        w.parts.settings, catalogue=parse_catalogue(text, source="edited"), urgency=Urgency.FREE
    )
    parts.catalogue_sync.run(lambda _plan: True)
    parts.database.dispose()
    w.settle()


TWO_K = """  { id = "2k",  size =  2_000, prices = { month = { usd = "45.00", eur = "41.50" }, \
year = { usd = "450.00", eur = "415.00" } } },
"""


def is_active(w: World, price: str) -> bool:
    return bool(w.stripe("GET", f"/v1/prices/{price}")["active"])


def test_a_plan_retired_while_a_change_to_it_is_scheduled_is_kept_for_it(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    price, unused = price_of(w, *STARTER), price_of(w, *STARTER, interval="year")
    change = order(w, "period_end", *STARTER)
    resold(w, (TWO_K, ""))
    assert (is_active(w, price), is_active(w, unused)) == (True, False)
    w.advance(days=31, hours=2)
    assert (line_of(w, change)["state"], newest(w)) == ("applied", ("paid", 4_500, 4_500))
    # Whoever is on it stays on it.
    resold(w, (TWO_K, ""))
    assert is_active(w, price)


def test_a_price_in_a_phase_of_a_live_schedule_is_not_archived(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    price = price_of(w, *STARTER)
    made = w.stripe(
        "POST", "/v1/subscription_schedules", from_subscription=w.subscription("acme")["id"]
    )
    (now,) = made["phases"]
    phases = {
        "phases[0][start_date]": now["start_date"],
        "phases[0][end_date]": now["end_date"],
        "phases[0][items][0][price]": now["items"][0]["price"],
        "phases[1][items][0][price]": price,
        "phases[1][duration][interval]": "month",
    }
    w.stripe("POST", f"/v1/subscription_schedules/{made['id']}", **phases)
    w.settle()
    resold(w, (TWO_K, ""))
    assert is_active(w, price)
    w.stripe("POST", f"/v1/subscription_schedules/{made['id']}/release")
    w.settle()
    resold(w, (TWO_K, ""))
    assert not is_active(w, price)


def test_a_price_edited_while_a_change_is_scheduled_changes_neither_it_nor_its_kind(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    change = order(w, "period_end", *STARTER)
    # Dearer than what is held: by price it would be an upgrade now.
    resold(w, ('usd = "45.00"', 'usd = "145.00"'))
    w.advance(days=31, hours=2)
    line = line_of(w, change)
    assert (line["state"], newest(w)) == ("applied", ("paid", 4_500, 4_500))
    assert w.get(f"/v1/plan-changes/{change['id']}")["lines"][0]["decision"]["rule"] == "downgrade"


def test_a_phase_moved_in_the_dashboard_moves_the_change(w: World):
    order(w, "now", *GROWTH)
    change = order(w, "period_end", *STARTER)
    schedule = w.subscription("acme")["schedule"]
    now, following = w.stripe("GET", f"/v1/subscription_schedules/{schedule}")["phases"]
    w.stripe(
        "POST",
        f"/v1/subscription_schedules/{schedule}",
        **{
            "phases[0][start_date]": now["start_date"],
            "phases[0][end_date]": now["end_date"] - 16 * DAY,
            "phases[0][items][0][price]": now["items"][0]["price"],
            "phases[1][items][0][price]": following["items"][0]["price"],
            "phases[1][duration][interval]": "month",
            "phases[1][proration_behavior]": "none",
        },
    )
    w.settle()
    assert line_of(w, change)["effective_at"][:10] == "2026-01-25"
    w.advance(days=15, hours=2)
    # In the middle of a paid period there is nothing to pay, so nothing to wait for.
    assert (line_of(w, change)["state"], w.plan("acme", TEAM)) == ("applied", STARTER)
    assert w.charged("acme") == [15_900]
    w.advance(days=16)
    assert w.charged("acme") == [15_900, 4_500]
