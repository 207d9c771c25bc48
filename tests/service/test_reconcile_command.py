"""`planshift reconcile`: what it says to people and to machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.commands import Planshift, planshift_on
from tests.support.reconciling import edits, many_foreign, subscribed, unheard
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@pytest.fixture
def planshift(w: World, database_url: str) -> Planshift:
    return planshift_on(database_url)


def test_the_command_tells_a_person_and_a_machine_and_says_it_by_its_exit_code(
    w: World, planshift: Planshift, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("adapter.reconcile.reconciling.GRACE", timedelta(0))
    subscribed(w, "acme")
    many_foreign(w, 2)
    clean = planshift("reconcile")
    assert (clean.exit_code, clean.stdout.splitlines()[-1]) == (
        0,
        "No differences: what is here is what Stripe has.",
    )
    assert "2 subscriptions of customers that are not accounts here." in clean.stdout
    assert "sub_0 of cus_" not in clean.stdout
    assert "... 1 subscription" in clean.stderr
    assert "foreign  sub_0 of cus_" in planshift("reconcile", "--verbose").stdout
    unheard(w)
    sub = edits(w, "acme", cancel_at_period_end="true")
    found = planshift("reconcile")
    assert found.exit_code == 1
    assert (
        f"DIFFERS  {sub} (acme)  cancel_at_period_end: false here, true at Stripe, the same at"
        in found.stdout
    )
    assert (
        "4 differences: 'planshift reconcile --repair' takes over what Stripe has." in found.stdout
    )
    repaired = planshift("reconcile", "--repair", "--json")
    lines = [json.loads(line) for line in repaired.stdout.splitlines()]
    assert repaired.exit_code == 0
    assert [next(iter(line)) for line in lines] == [*["difference"] * 4, "summary"]
    assert lines[0]["difference"] | {"since": None} == {
        "kind": "subscription",
        "id": sub,
        "account": "acme",
        "field": "cancel_at",
        "ours": None,
        "theirs": "2026-02-10T09:00:00+00:00",
        "since": None,
        "repaired": True,
    }
    assert lines[-1]["summary"]["left"] == 0
    w.box.fail_next("GET", "/v1/subscriptions", "500", count=20)
    failed = planshift("reconcile")
    assert (failed.exit_code, failed.stdout) == (2, "")
    assert "Error:" in failed.stderr
