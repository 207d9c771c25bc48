"""Allowances over HTTP: what is left, what was used, and records that count once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from adapter.tables import AccountRow
from tests.support.allowances import conserved
from tests.support.world import START, World, world

pytestmark = pytest.mark.by_turns

USAGE = "/v1/accounts/acme/usage"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        yield made


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[World]:
    """For refusals, in which the database has no part."""
    with world(sqlite_url) as made:
        made.account("acme")
        yield made


def record(id: str, units: int, **more: Any) -> dict[str, Any]:
    return {"id": id, "family": "operations", "units": units, **more}


def later(w: World, **by: float) -> None:
    """Time passes, and Stripe is asked something, which is how its time is known."""
    w.advance(**by)
    w.get("/v1/accounts/acme/payment-methods")


def report(w: World, *records: dict[str, Any]) -> list[dict[str, Any]]:
    answer = w.call("POST", USAGE, {"records": list(records)})
    assert answer.status_code == 200, answer.json
    told: list[dict[str, Any]] = answer.json["records"]
    return told


def refused(w: World, *records: dict[str, Any]) -> tuple[int, str, Any]:
    """Status, code and path of a refusal; it books nothing."""
    before = standing(w)
    answer = w.call("POST", USAGE, {"records": list(records)})
    assert standing(w) == before
    return answer.status_code, answer.json["code"], answer.json.get("path")


def standing(w: World, at: datetime | None = None) -> dict[str, Any]:
    query = f"?at={at.isoformat().replace('+00:00', 'Z')}" if at else ""
    (family,) = w.get(f"/v1/accounts/acme/allowances{query}")["families"]
    found: dict[str, Any] = family
    return found


def test_an_account_begins_with_the_free_plan_s_units(w: World):
    told = standing(w)
    assert (told["left"], told["granted"], told["used"]) == (1_000, 1_000, 0)
    assert [(lot["kind"], lot["subscription"]) for lot in told["lots"]] == [("free", None)]
    assert told["unit"] == "operations"


def test_a_paid_plan_takes_its_place_and_usage_counts_down(w: World):
    w.change("acme", "core", "10k")
    assert standing(w)["left"] == 10_000
    (told,) = report(w, record("run-1", 1_500))
    assert told == {
        "id": "run-1",
        "state": "recorded",
        "metered": False,
        "at": START.isoformat(),
        "units": 1_500,
        "over": 0,
        "balance": 8_500,
    }
    now = standing(w)
    assert (now["left"], now["used"], now["over"]) == (8_500, 1_500, 0)
    assert datetime.fromisoformat(now["next_expiry"]) == START + timedelta(days=31)
    later(w, days=32)
    assert standing(w)["left"] == 10_000
    assert standing(w, START + timedelta(days=1))["left"] == 8_500


def test_a_record_counts_once_however_often_it_is_sent(w: World):
    first = report(w, record("run-1", 100), record("run-2", 200), record("run-1", 100))
    assert [one["state"] for one in first] == ["recorded", "recorded", "repeated"]
    assert [one["balance"] for one in first] == [900, 700, 900]
    later(w, days=40)
    again = report(w, record("run-1", 100))
    assert again == [{**first[0], "state": "repeated"}]
    assert standing(w)["used"] == 0


@pytest.mark.parametrize("other", [{"units": 101}, {"at": START.isoformat()}])
def test_the_same_id_with_another_content_is_refused_and_nothing_is_booked(
    w: World, other: dict[str, Any]
):
    report(w, record("run-1", 100))
    told = refused(w, record("run-2", 5), {**record("run-1", 100), **other})
    assert told == (409, "usage_conflict", "records[1].id")
    assert standing(w)["used"] == 100


def test_the_same_id_in_another_account_is_another_record(w: World):
    w.account("other")
    report(w, record("run-1", 100))
    answer = w.call("POST", "/v1/accounts/other/usage", {"records": [record("run-1", 7)]})
    assert answer.json["records"][0]["balance"] == 993


def test_more_than_is_left_is_booked_as_over_and_does_not_lower_the_next_grant(w: World):
    w.change("acme", "core", "10k")
    told = report(w, record("run-1", 9_000), record("run-2", 3_000), record("run-3", 10))
    assert [(one["over"], one["balance"]) for one in told] == [(0, 1_000), (2_000, 0), (10, 0)]
    now = standing(w)
    assert (now["left"], now["used"], now["over"]) == (0, 10_000, 2_010)
    later(w, days=32)
    then = standing(w)
    assert (then["left"], then["over"]) == (10_000, 0)


def test_work_done_earlier_in_the_period_is_booked_when_it_was_done(w: World):
    w.change("acme", "core", "10k")
    later(w, days=10)
    then = START + timedelta(days=4)
    report(w, record("run-1", 500, at=then.isoformat()))
    report(w, record("run-2", 500, at="2026-01-14t10:00:00+01:00"))
    assert standing(w, then - timedelta(seconds=1))["left"] == 10_000
    assert standing(w, then)["left"] == 9_000


def test_usage_outside_the_present_period_is_refused_with_its_path(lite: World):
    lite.change("acme", "core", "10k")
    later(lite, days=10)
    for days in (-1, 11):
        at = (START + timedelta(days=days)).isoformat()
        told = refused(lite, record("run-1", 5), record("run-2", 5, at=at))
        assert told == (422, "usage_out_of_period", "records[1].at")


def test_usage_may_name_the_subscription_whose_units_it_takes(w: World):
    w.change("acme", "core", "10k")
    sub = w.subscription("acme")["id"]
    (told,) = report(w, record("run-1", 10, subscription=sub))
    assert told["balance"] == 9_990
    assert refused(w, record("run-2", 1, subscription="sub_x"))[:2] == (404, "unknown_subscription")


def test_a_wrong_record_is_refused_with_the_path_of_what_is_wrong(lite: World):
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"family": "chat"}, "unknown_family"),
        ({"units": 0}, "invalid_request"),
        ({"units": "3"}, "invalid_request"),
        ({"at": "2026-01-10"}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
    ]
    for members, code in wrong:
        answer = lite.call("POST", USAGE, {"records": [{**record("run-1", 5), **members}]})
        assert (answer.status_code, answer.json["code"]) == (422, code)
        faults = answer.json.get("errors", [answer.json])
        assert [one["path"] for one in faults] == [f"records[0].{next(iter(members))}"]


def test_a_request_holds_one_to_a_thousand_records(lite: World):
    for number in (0, 1_001):
        records = [record(f"run-{n}", 1) for n in range(number)]
        answer = lite.call("POST", USAGE, {"records": records})
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")


def test_a_thousand_records_are_booked_in_one_request(w: World):
    told = report(w, *(record(f"run-{n}", 1) for n in range(1_000)))
    assert told[-1]["balance"] == 0
    assert standing(w)["used"] == 1_000


def test_an_instant_is_given_with_its_zone_and_within_reason(lite: World):
    for at, code in (("2026-01-10T09:00:00", "invalid_request"), ("soon", "invalid_request")):
        answer = lite.call("GET", f"/v1/accounts/acme/allowances?at={at}")
        assert (answer.status_code, answer.json["code"]) == (422, code)
    answer = lite.call("GET", "/v1/accounts/acme/allowances?at=9999-12-31T23:59:59Z")
    assert (answer.status_code, answer.json["code"]) == (422, "instant_out_of_range")


def test_row_2_3_an_upgrade_at_the_next_cycle_carries_what_is_left(sqlite_url: str):
    """From the renewal to its payment a bridge holds; once it is paid nothing is lost."""
    with world(sqlite_url, catalogue="choose-when") as made:
        made.account("acme")
        small = made.quote("acme", "starter", "1k", family="virtual-team")
        assert made.execute("acme", small, when="now").status_code == 201
        made.settle()
        report(made, record("run-1", 30, family="virtual-team"))
        large = made.quote("acme", "starter", "2k", family="virtual-team")
        assert made.execute("acme", large, when="period_end").status_code == 201
        told = []
        for hours in (31 * 24, 2):
            later(made, hours=hours)
            families = made.get("/v1/accounts/acme/allowances")["families"]
            (team,) = [one for one in families if one["family"] == "virtual-team"]
            told.append((team["left"], sorted(lot["kind"] for lot in team["lots"])))
        assert told == [(1_000, ["bridge"]), (970 + 2_000, ["bridge", "carried", "grant"])]
        with made.parts.database.read() as tx:
            account = tx.scalars(select(AccountRow)).one()
        conserved(made.parts.database, account)


def test_a_family_of_which_nothing_is_held_has_no_units(sqlite_url: str):
    with world(sqlite_url, catalogue="choose-when") as made:
        made.account("acme")
        told = {
            one["family"]: one["left"]
            for one in made.get("/v1/accounts/acme/allowances")["families"]
        }
        frees = {family: made.parts.catalogue.free_offer(family) for family in told}
        assert {family: left > 0 for family, left in told.items()} == {
            family: free is not None for family, free in frees.items()
        }
        (without,) = [family for family, free in frees.items() if free is None]
        answer = made.call("POST", USAGE, {"records": [record("run-1", 1, family=without)]})
        assert (answer.status_code, answer.json["code"]) == (409, "no_allowance_held")
