"""``operations``: plans by tiers, up and down, and what is shown and asked before.

Every paid plan holds so many operations a month; down takes along what was not used. Accounts begin
on 10 January 2026 at 09:00.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.buying import buy
from tests.support.changes import line_of
from tests.support.operations import (
    begins,
    by_kind,
    executes,
    left,
    money,
    standing,
    uses,
)
from tests.support.world import World, world


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def test_row_5_1_a_higher_plan_then_a_higher_tier_then_the_longer_interval(sqlite_url: str):
    month, year = "month", "year"
    held = {
        ("core", "750k", month): [("teams", "10k", month, "upgrade"), ("free", None, None, "down")],
        ("core", "20k", month): [
            ("core", "40k", month, "upgrade"),
            ("core", "20k", year, "upgrade"),  # 20,000 a month are 240,000 a year
            ("core", "40k", year, "upgrade"),
            ("pro", "10k", month, "upgrade"),
            ("core", "10k", month, "down"),
            ("core", "10k", year, "down"),
            ("core", "20k", month, "same"),
        ],
        ("core", "20k", year): [
            ("core", "20k", month, "down"),  # 240,000 a year to 20,000 a month
            ("core", "40k", month, "upgrade"),
            ("enterprise", "10k", month, "upgrade"),
            ("core", "10k", year, "down"),
        ],
        ("pro", "10k", year): [("core", "750k", year, "down")],
    }
    with world(sqlite_url) as w:
        for number, ((plan, tier, interval), wanted) in enumerate(held.items()):
            ref = f"acme{number}"
            w.account(ref)
            w.change(ref, plan, tier, interval=interval)
            for to_plan, to_tier, to_interval, expected in wanted:
                asked = {"family": "operations", "plan": to_plan, "tier": to_tier}
                body = {"changes": [{**asked, "interval": to_interval}]}
                found = w.call("POST", f"/v1/accounts/{ref}/quotes", body).json
                if expected == "same":
                    assert found["code"] == "already_on_offer"
                    continue
                (change,) = found["changes"]
                assert change["direction"].startswith(expected), (change["why"], asked)


def test_row_5_2_both_ways_charge_now_and_begin_a_cycle_and_free_waits(w: World):
    begins(w, "core", "10k")
    w.advance(days=10)
    up = w.quote("acme", "pro", "40k")
    # 60.40, less 10,000 unused operations at 0.00106.
    assert money(up) == (1060, 4980, 4980)
    assert up["timings"]["now"]["next_invoice_at"] == "2026-02-20T09:00:00+00:00"
    executes(w, up)
    w.advance(days=5)
    down = w.quote("acme", "core", "20k")
    # 19.40 whole: nothing is paid back on the way down.
    assert money(down) == (0, 1940, 1940)
    assert down["timings"]["now"]["next_invoice_at"] == "2026-02-25T09:00:00+00:00"
    executes(w, down)
    assert w.plan("acme") == ("core", "20k")
    to_free = w.quote("acme", "free")
    assert list(to_free["timings"]) == ["period_end"]
    answer = w.execute("acme", to_free)
    assert answer.status_code == 201, answer.json
    w.settle()
    assert w.plan("acme") == ("core", "20k")
    w.advance(days=32)
    assert (w.plan("acme"), line_of(w, answer.json)["state"]) == (("free", "1k"), "applied")
    assert w.charged("acme") == [1060, 4980, 1940]
    # No cash goes back, and none of it to the balance either.
    charges = w.stripe("GET", "/v1/charges", customer=w.state("acme")["customer"])["data"]
    assert {charge["amount_refunded"] for charge in charges} == {0}
    assert w.balance_moves("acme") == []


def test_row_5_5_on_the_way_down_they_are_transferred_for_one_cycle(w: World):
    begins(w, "pro", "40k")
    uses(w, 30_000)
    w.advance(days=3)
    quote = w.quote("acme", "core", "40k")
    assert money(quote) == (0, 3530, 3530)
    executes(w, quote)
    assert by_kind(w) == {"grant": 40_000, "carried": 10_000}
    assert (left(w), standing(w)["next_expiry"]) == (50_000, "2026-02-13T09:00:00+00:00")
    w.advance(days=31, hours=2)
    assert by_kind(w) == {"grant": 40_000}


def test_row_5_5_a_cycle_of_an_annual_plan_is_a_year(w: World):
    begins(w, "teams", "40k")
    uses(w, 30_000)
    quote = w.quote("acme", "pro", "10k", interval="year")
    executes(w, quote, selections={"retain_team": "team_1"})
    assert by_kind(w) == {"grant": 120_000, "carried": 10_000}
    assert left(w, "2027-01-10T08:59:59Z") == 130_000
    assert by_kind(w, "2027-01-10T09:00:00Z").get("carried") is None


def test_row_5_6_an_annual_core_plan_is_reset_month_by_month(w: World):
    begins(w, "pro", "40k")
    uses(w, 30_000)
    quote = w.quote("acme", "core", "40k", interval="year")
    assert money(quote) == (0, 35300, 35300)
    executes(w, quote)
    assert buy(w, quantity=2).status_code == 201
    w.settle()
    assert by_kind(w) == {"grant": 40_000, "carried": 10_000, "pack": 2_000}
    assert standing(w)["not_yet_granted"] == 11 * 40_000
    # All of it lapses at the first monthly reset; the year goes on.
    assert standing(w)["next_expiry"] == "2026-02-10T09:00:00+00:00"
    w.advance(days=31)
    assert buy(w).status_code == 201
    assert by_kind(w) == {"grant": 40_000, "pack": 1_000}
    assert standing(w)["next_expiry"] == "2026-03-10T09:00:00+00:00"
    assert w.state("acme")["plans"][0]["in_effect"]["period_end"] == "2027-01-10T09:00:00+00:00"


def test_row_5_7_the_quote_shows_what_is_held_beside_what_is_wanted(w: World):
    begins(w, "enterprise", "20k")
    quote = w.quote("acme", "core", "10k", interval="year", in_use={"teams": 1})
    (change,) = quote["changes"]
    shown = ("name", "plan", "tier", "interval", "price", "limits", "allowance")
    held, wanted = ({name: change[side][name] for name in shown} for side in ("current", "new"))
    assert (held["name"], wanted["name"]) == ("Enterprise 20k monthly", "Core 10k annual")
    assert (held["price"]["text"], wanted["price"]["text"]) == ("158.00 USD", "106.00 USD")
    assert (held["interval"], wanted["interval"]) == ("month", "year")
    assert (held["limits"]["users"], wanted["limits"]["users"]) == (None, 3)
    assert wanted["allowance"] == {"units": 10_000, "reset": "month"}
    assert {
        "feature audit_log",
        "limit teams: unlimited -> 1",
        "limit log_retention_days: 60 -> 30",
    } <= set(change["lost"])
    # What is lost has to be acknowledged; going up there is nothing to acknowledge.
    answer = w.execute("acme", quote, acknowledgements=[])
    assert (answer.status_code, answer.json["code"]) == (422, "acknowledgement_required")
    assert (answer.json["path"], answer.json["required"]) == ("acknowledgements", ["downgrade"])
    assert w.charged("acme") == [15800]
    executes(w, quote)
    assert w.quote("acme", "teams", "10k")["requires"]["acknowledgements"] == []


def test_row_5_8_where_fewer_teams_fit_the_one_to_keep_is_named(w: World):
    begins(w, "teams", "40k")
    assert w.quote("acme", "core", "40k", in_use={"teams": 1})["requires"]["selections"] == []
    quote = w.quote("acme", "core", "40k", in_use={"teams": 3})
    assert quote["requires"]["selections"] == ["retain_team"]
    answer = w.execute("acme", quote)
    assert (answer.status_code, answer.json["code"]) == (422, "selection_required")
    assert (answer.json["path"], answer.json["required"]) == ("selections", ["retain_team"])
    assert "Which team is kept?" in answer.json["detail"]
    assert w.plan("acme") == ("teams", "40k")
    change = executes(w, quote, selections={"retain_team": "team_7"})
    # The internal service reads the choice with the change, and with what the account may do.
    assert w.get(f"/v1/plan-changes/{change['id']}")["selections"] == {"retain_team": "team_7"}
    (family,) = w.get("/v1/accounts/acme/entitlements")["families"]
    assert (family["in_effect"]["limits"]["teams"], family["selections"]) == (
        1,
        {"retain_team": "team_7"},
    )


def test_row_5_8_on_the_way_to_free_too(w: World):
    begins(w, "teams", "10k")
    quote = w.quote("acme", "free")
    assert w.execute("acme", quote).json["code"] == "selection_required"
    answer = w.execute("acme", quote, selections={"retain_team": "team_2"})
    assert answer.json["lines"][0]["state"] == "scheduled"
    (family,) = w.get("/v1/accounts/acme/entitlements")["families"]
    assert (family["in_effect"]["plan"], family["selections"]) == ("teams", {})
    w.settle()
    w.advance(days=31, hours=2)
    (family,) = w.get("/v1/accounts/acme/entitlements")["families"]
    assert (family["in_effect"]["plan"], family["selections"]) == (
        "free",
        {"retain_team": "team_2"},
    )
