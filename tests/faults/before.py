"""Who there is before a story, and what has happened to them."""

from __future__ import annotations

from typing import Any

from tests.faults.acts import executes, reports
from tests.faults.scenario import API, PLUS, TEAM, WORKSPACE, Asks, Do
from tests.support.buying import without_saved_method
from tests.support.world import World


def an_account(w: World) -> None:
    w.account("acme")


def a_subscriber(w: World) -> None:
    w.account("acme")
    w.change("acme", "core", "10k")


def a_large_subscriber(w: World) -> None:
    w.account("acme")
    w.change("acme", "core", "20k")


def a_team(w: World) -> None:
    """A subscriber of the Virtual Team, whose changes may wait for the period's end."""
    w.account("acme")
    w.change("acme", "growth", "5k", family=TEAM)


def an_enterprise(w: World) -> None:
    """A subscriber of a catalogue in which one goes down only by way of an end."""
    w.account("acme")
    w.change("acme", "enterprise", "500", family=WORKSPACE)
    w.advance(days=10)


def a_metered_subscriber(w: World) -> None:
    """Some days on Plus, with usage that the meter has."""
    w.account("acme")
    w.change("acme", *PLUS, family=API)
    w.advance(days=10)
    reports(100_000, "before").request(w)
    w.settle()


def three_lines(w: World) -> None:
    """An account with three families on one subscription, ten days into its period."""
    w.account("acme")
    ordered(mail="1k", bots="2k", texts="1k")(w)
    done(executes())(w)
    w.advance(days=10)


def without_cards(w: World) -> None:
    without_saved_method(w)


def used(units: int) -> Do:
    """Some of the allowance is used up."""

    def report(w: World) -> None:
        body = {"records": [{"id": "run-1", "family": "operations", "units": units}]}
        answer = w.call("POST", "/v1/accounts/acme/usage", body)
        assert answer.status_code < 300, answer.json

    return report


def days(number: int) -> Do:
    return lambda w: w.advance(days=number)


def card(name: str) -> Do:
    return lambda w: w.use_card(w.state("acme")["customer"], name)


def another_card(name: str) -> Do:
    """A saved payment method that is not the default."""

    def attach(w: World) -> None:
        customer = w.state("acme")["customer"]
        w.stripe("POST", f"/v1/payment_methods/{name}/attach", customer=customer)
        w.settle()

    return attach


def quoted(plan: str | None, tier: str | None = None, **more: Any) -> Do:
    def quote(w: World) -> None:
        # A world keeps what it was told; its copies know it too.
        w.agreed = w.quote("acme", plan, tier, **more)

    return quote


def ordered(**wanted: str | None) -> Do:
    """One order of several families: the size of each, None for the free plan."""
    changes = [
        {
            "family": family,
            "plan": "pro" if tier else "free",
            "tier": tier,
            "interval": "month" if tier else None,
        }
        for family, tier in wanted.items()
    ]

    def quote(w: World) -> None:
        answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": changes})
        assert answer.status_code == 201, answer.json
        w.agreed = answer.json

    return quote


def done(act: Asks) -> Do:
    """An act that is over before the story begins."""

    def do(w: World) -> None:
        answer = act.request(w)
        assert answer.status_code == 201, answer.json
        w.settle()

    return do


def scheduled(plan: str | None, tier: str | None = None, **more: Any) -> Do:
    """A change of the Virtual Team that waits for the period's end."""

    def schedule(w: World) -> None:
        on_team(plan, tier, **more)(w)
        done(executes(when="period_end"))(w)

    return schedule


def on_team(plan: str | None, tier: str | None = None, **more: Any) -> Do:
    return quoted(plan, tier, family=TEAM, **more)
