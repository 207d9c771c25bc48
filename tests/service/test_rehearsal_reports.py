"""What a rehearsal reports: wrong expectations, and what ends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.rehearsal import (
    shipped,
    to_json,
)
from tests.support.rehearsing import BUYS, SMALL, Rehearse, load, missed, planshift, player


@pytest.fixture
def play(tmp_path: Path) -> Rehearse:
    return player(tmp_path)


def test_a_wrong_expectation_says_which_and_the_rest_is_played(tmp_path: Path):
    text = load("cancel-first").replace('balance = "-67.06"', 'balance = "-67.07"')
    fault = 'fault = { method = "POST", path = "/v1/subscriptions$", kind = "500" }'
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace("[[steps]]", f"[[steps]]\n{fault}\n\n[[steps]]", 1))
    done = planshift(str(path), "--no-colour", "--log", str(tmp_path / "log"))
    assert done.exit_code == 1, done.output
    assert "step 5: balance: expected -67.07, found -67.06" in done.output
    assert "20 of 21 expectations held in 7 steps" in done.output
    # What happened, when, and what it cost.
    assert "20 Jan 2026 acme: 67.06 USD credited to the balance, which is -67.06 USD" in done.output
    assert "20 Mar 2026 acme: 19.94 USD taken from visa …4242" in done.output
    assert "e-mail: You are now on Professional 50 projects" in done.output
    assert "118.94 USD" in done.output
    # What the service logged of the fault is kept where it was asked for, and not on the screen.
    logged = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert "change_unanswered" in {line["event"] for line in logged}
    assert "change_unanswered" not in done.output


def test_the_report_for_programs_says_the_same(play: Rehearse):
    text = load("cancel-first").replace('balance = "-67.06"', 'balance = "-67.07"')
    report = json.loads(json.dumps(to_json(play("", text))))
    assert report["held"] is False
    wrong = [one for step in report["steps"] for one in step["expectations"] if not one["held"]]
    assert wrong == [{"what": "balance", "expected": "-67.07", "found": "-67.06", "held": False}]
    assert report["cost"]["acme"]["charged"] == ["118.94 USD"]


def test_one_that_comes_along_is_listed_and_shown_to_start_from():
    listed = planshift("--list").output
    for name in shipped():
        assert name in listed
        assert planshift("--show", name).output == load(name)
    assert planshift("--show", "none").exit_code == 2
    assert planshift().exit_code == 2


def test_what_is_refused_and_not_expected_fails_the_step(play: Rehearse):
    done = play(
        """
        [[steps]]
        withdraw = {}

        [[steps]]
        pay = {}

        [[steps]]
        until = 2025-01-01

        [[steps]]
        stripe = { path = "/v1/subscriptions/{subscription}" }
        """
    )
    told = missed(done)
    assert [one.split(":")[0] for one in told] == [f"{step} not refused" for step in range(1, 5)]
    assert "in_the_past" in told[2]


def test_an_account_that_stripe_does_not_take_ends_it_in_one_line(tmp_path: Path):
    path = tmp_path / "scenario.toml"
    path.write_text(SMALL + 'card = "chargeDeclined"\n' + BUYS)
    ended = planshift(str(path))
    assert ended.exit_code == 1
    assert "Account acme cannot be made" in ended.output
    assert "Traceback" not in ended.output
