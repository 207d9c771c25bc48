"""Rehearsals: those that come along hold, a wrong expectation is told, a bad document is taken
apart; and what a scenario may do, it does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.rehearsal import (
    Performance,
    ScenarioError,
    parse_scenario,
    rehearse,
    shipped,
    to_json,
)
from tests.support.shops import on_sale, stocked

Rehearse = Callable[..., Performance]

SMALL = """
name = "Small"
catalogue = "cancel-first"
start = 2026-01-10T09:00:00Z

[accounts.acme]
"""
BUYS = """
[[steps]]
change = { plan = "professional", tier = "50" }
"""


@pytest.fixture
def play(tmp_path: Path) -> Rehearse:
    """Plays a scenario at a Stripe that has its catalogue already."""

    def run(steps: str, document: str | None = None) -> Performance:
        scenario = parse_scenario(document or SMALL + steps)
        sold, start = scenario.catalogue_name, scenario.start
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return rehearse(
            scenario,
            folder,
            box=stocked(sold, start, None),
            stock=lambda _, parts: on_sale(parts.database, sold, start),
        )

    return run


def missed(performance: Performance) -> list[str]:
    return [
        f"{played.step.number} {one.what}: {one.expected} / {one.found}"
        for played in performance.played
        for one in played.findings
        if not one.held
    ]


def planshift(*arguments: str) -> Result:
    # A machine that goes out by a proxy, and a shell with the settings of a real deployment.
    shell = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    shell |= {"STRIPE_API_KEY": "sk_live_real", "PLANSHIFT_DATABASE_URL": "postgresql://real/real"}
    return CliRunner().invoke(main, ["rehearse", *arguments], env=shell)


@pytest.mark.parametrize("name", shipped())
def test_every_scenario_that_comes_along_holds(play: Rehearse, name: str):
    performance = play("", load(name))
    assert missed(performance) == []
    assert sum(len(played.findings) for played in performance.played) > 10
    first, last = performance.scenario.start, performance.played[-1].until
    if name == "operations":
        assert (last - first).days == 365


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


def test_the_same_scenario_comes_out_the_same(play: Rehearse):
    """With all that is drawn by chance: how webhooks travel."""
    chancy = "[[steps]]\nhabits = { duplicate = 0.5, reorder = 0.5, twin = 0.5, drop = 0.2 }\n"
    chancy += BUYS + "[[steps]]\npass = { months = 2 }\n"
    assert to_json(play(chancy)) == to_json(play(chancy))


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


def test_one_that_comes_along_is_listed_and_shown_to_start_from():
    listed = planshift("--list").output
    for name in shipped():
        assert name in listed
        assert planshift("--show", name).output == load(name)
    assert planshift("--show", "none").exit_code == 2
    assert planshift().exit_code == 2


def load(name: str) -> str:
    return shipped()[name].read_text()


def test_changes_survive_what_befalls_them(play: Rehearse):
    """They are resumed without anybody waiting for it, and charged once."""
    kinds = {"one": "429", "two": "500", "three": "timeout_after"}
    steps = [
        f"""
        [accounts.{ref}]

        [[steps]]
        fault = {{ method = "POST", path = "/v1/subscriptions$", kind = "{kind}", count = 2 }}

        [[steps]]
        say = "the fault is the service's, not that of who looks on"
        stripe = {{ account = "{ref}", path = "/v1/subscriptions" }}
        expect = {{ account = "{ref}", refused = "400", balance = "0" }}

        [[steps]]
        change = {{ account = "{ref}", plan = "professional", tier = "50" }}
        expect = {{ plan = "professional/50", change = "applied", charged = "29.00" }}
        """
        for ref, kind in kinds.items()
    ]
    assert missed(play("".join(steps))) == []


def test_events_that_never_come_are_fetched(play: Rehearse):
    done = play(
        """
        [[steps]]
        habits = { drop = 1 }

        [[steps]]
        change = { plan = "professional", tier = "50" }

        [[steps]]
        card = { card = "chargeCustomerFail" }

        [[steps]]
        pass = { months = 1, hours = 2 }
        expect = { status = "active", mails = [] }

        [[steps]]
        calm = true

        [[steps]]
        backfill = true
        expect = { status = "past_due", mails = ["did not go through"] }
        """
    )
    assert missed(done) == []


def test_customers_pay_at_pages_and_answer_their_bank(play: Rehearse):
    done = play(
        """
        [[steps]]
        card = { card = "none" }

        [[steps]]
        say = "nothing saved: a Checkout page"
        change = { plan = "professional", tier = "50" }
        expect = { change = "awaiting_payment", charged = "0" }

        [[steps]]
        pay = { card = "threeDSecure2Required", answer = "complete" }
        expect = { change = "applied", plan = "professional/50", charged = "29.00" }

        [[steps]]
        say = "somebody gives it back, at Stripe itself"
        stripe = { path = "/v1/refunds", params = { charge = "{charge}" } }
        expect = { refunded = "29.00", plan = "professional/50" }

        [[steps]]
        say = "an invoice that is declined at its page, too"
        card = { card = "chargeCustomerFail" }

        [[steps]]
        pass = { months = 1, hours = 2 }

        [[steps]]
        pay = { card = "chargeCustomerFail" }
        expect = { refused = "declined", status = "past_due" }

        [[steps]]
        say = "a switch, and what somebody does at Stripe itself"
        switch = { void_restores = "active" }

        [[steps]]
        stripe = { method = "DELETE", path = "/v1/subscriptions/{subscription}" }
        expect = { plan = "free/3", mails = ["has ended"] }
        """
    )
    assert missed(done) == []


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
