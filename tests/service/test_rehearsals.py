"""Rehearsals: those that come along hold, and what a scenario may do, it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.rehearsal import (
    shipped,
    to_json,
)
from tests.support.rehearsing import BUYS, Rehearse, load, missed, player


@pytest.fixture
def play(tmp_path: Path) -> Rehearse:
    return player(tmp_path)


@pytest.mark.parametrize("name", shipped())
def test_every_scenario_that_comes_along_holds(play: Rehearse, name: str):
    performance = play("", load(name))
    assert missed(performance) == []
    assert sum(len(played.findings) for played in performance.played) > 10
    first, last = performance.scenario.start, performance.played[-1].until
    if name == "operations":
        assert (last - first).days == 365


def test_the_same_scenario_comes_out_the_same(play: Rehearse):
    """With all that is drawn by chance: how webhooks travel."""
    chancy = "[[steps]]\nhabits = { duplicate = 0.5, reorder = 0.5, twin = 0.5, drop = 0.2 }\n"
    chancy += BUYS + "[[steps]]\npass = { months = 2 }\n"
    assert to_json(play(chancy)) == to_json(play(chancy))


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
