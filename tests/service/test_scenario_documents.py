"""A scenario that is badly written is told everything at once, with its places."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.rehearsal import (
    ScenarioError,
    parse_scenario,
)
from tests.support.rehearsing import BUYS, SMALL, planshift


def test_a_document_that_is_none_is_told_everything_at_once(tmp_path: Path):
    path = tmp_path / "bad.toml"
    path.write_text(
        """
        name = "Bad"
        catalogue = "cancel-first"
        start = "soon"
        speed = 3

        [switches]
        retry_days = "often"

        [accounts."not a ref"]

        [[steps]]
        change = { tier = "50", when = "tomorrow" }

        [[steps]]
        pass = { days = -1 }
        expect = { charged = 10.60 }

        [[steps]]
        cancel = {}
        keep = {}

        [[steps]]
        say = "nothing"
        """
    )
    refused = planshift(str(path))
    assert refused.exit_code == 2
    for line in (
        "start: is a date such as 2026-01-10",
        "speed: Unknown field.",
        "steps[1].change.plan: Missing data for required field.",
        "steps[1].change.when: Must be one of: now, period_end.",
        "steps[2].pass.days: Must be greater than or equal to 0",
        'steps[2].expect[0].charged: is an amount, written as a text such as "10.60"',
        "steps[3]: does one thing, not cancel and keep",
        "steps[4]: does one of change, cancel",
    ):
        assert line in refused.output, line
    assert "accounts" in refused.output
    assert "Traceback" not in refused.output


def test_so_is_one_that_names_what_is_not_there():
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(
            """
            name = "Names"
            catalogue = "choose-when"
            start = 2026-01-10

            [switches]
            half_cent = "up"

            [accounts.one]
            card = "gold"
            email = "a@b.example"

            [accounts.two]
            email = "a@b.example"

            [[steps]]
            change = { account = "three", family = "virtual-team", plan = "huge" }

            [[steps]]
            change = { account = "one", plan = "growth" }

            [[steps]]
            change = { account = "one", family = "virtual-team", plan = "growth", tier = "7" }
            expect = { plan = "growth/7" }

            [[steps]]
            buy = { account = "one", family = "no-family", pack = "x" }

            [[steps]]
            habits = { hurry = 1 }

            [[steps]]
            switch = { warp = 9 }

            [[steps]]
            [steps.change]
            account = "one"
            family = "virtual-team"
            plan = "growth"
            also = [{ plan = "basic" }, { family = "content-studio", plan = "huge" }]

            [[steps]]
            pass = { days = 1 }
            expect = [{ status = "active" }, { account = "one" }]
            """
        )
    told = {f"{one.path} {one.code}" for one in refused.value.problems}
    assert told == {
        "switches.half_cent not_a_switch",
        "accounts.one.card unknown_card",
        "accounts same_email",
        "steps[1].change.account unknown_account",
        "steps[1].change.plan unknown_plan",
        "steps[2].change which_family",
        "steps[3].change.tier unknown_tier",
        "steps[3].expect.plan unknown_tier",
        "steps[4].buy.family unknown_family",
        "steps[5].habits not_a_habit",
        "steps[6].switch.warp not_a_switch",
        "steps[7].change.also[0] which_family",
        "steps[7].change.also[1].plan unknown_plan",
        "steps[8].expect[0] which_account",
        "steps[8].expect[0] which_family",
        "steps[8].expect[1] empty",
    }


def test_a_catalogue_with_problems_and_text_that_is_no_toml_are_told(tmp_path: Path):
    shop = tmp_path / "shop.toml"
    shop.write_text("name = 3")
    path = tmp_path / "scenario.toml"
    path.write_text(SMALL.replace("cancel-first", "shop.toml") + BUYS)
    refused = planshift(str(path))
    assert (refused.exit_code, "catalogue: name" in refused.output) == (2, True), refused.output
    path.write_text("name =")
    refused = planshift(str(path))
    assert (refused.exit_code, "at end of document" in refused.output) == (2, True)
    refused = planshift("no-such-scenario")
    assert refused.exit_code == 2
    assert "cancel-first" in refused.output
