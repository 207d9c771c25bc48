"""The same money whatever Stripe turns out to do where nobody has proven it.

Each open point of the facts is a switch of the sandbox. One life of an account, with a declined
and a paid upgrade that credits unused time and a cancellation with credit, is played under the
other value of every one: what is charged is what was quoted, and nothing drifts. So is what each of
the five systems sells, as it comes along as a rehearsal. `make test` turns three at a time, `make
soak` each alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from sandbox import Switches
from service.rehearsal import load_scenario, rehearse, shipped
from tests.support.sampling import SOAK
from tests.support.shops import on_sale, stocked
from tests.support.world import World, world

TEAM = "virtual-team"

# Settings of an account or a test's patience, not beliefs about Stripe.
SETTINGS = {
    "draft_seconds",
    "incomplete_seconds",
    "meter_lag_seconds",
    "meter_identifier_seconds",
    "settlement_seconds",
    "retry_days",
    "upcoming_days",
    "default_api_version",
    "minimum_charge",
    "schedule_expiring_days",
}


def others() -> Iterator[tuple[str, Any]]:
    """Every value of every open point that is not our belief, with its name."""
    hints = get_type_hints(Switches)
    for field in fields(Switches):
        if field.name in SETTINGS:
            continue
        kind = hints[field.name]
        values = (True, False) if kind is bool else get_args(kind)
        for value in values:
            if value != field.default:
                yield field.name, value


def turned(together: int) -> Iterator[Any]:
    """The others, so many of them in one life; neighbours, which meet in the same code, never."""
    every = list(others())
    lives = -(-len(every) // together)
    for first in range(lives):
        group = every[first::lives]
        named = "+".join(f"{name}={value}" for name, value in group)
        assert len(dict(group)) == len(group), f"two values of one point: {named}"
        yield pytest.param(dict(group), id=named)


@pytest.fixture
def w(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[World]:
    with world(sqlite_url, catalogue="choose-when", switches=Switches(**request.param)) as made:
        yield made


@pytest.mark.parametrize("w", list(turned(1 if SOAK else 3)), indirect=True)
def test_an_account_is_charged_what_it_was_quoted(w: World):
    customer = w.account("acme")
    buys(w, "starter", "2k", 4500)
    w.advance(days=10)

    w.use_card(customer, "pm_card_chargeCustomerFail")
    declined = w.execute("acme", w.quote("acme", "growth", "5k", family=TEAM), when="now")
    assert declined.status_code == 402, declined.json
    w.settle()
    assert w.plan("acme", TEAM) == ("starter", "2k")
    assert w.state("acme")["subscriptions"][0]["status"] in ("active", "past_due")

    w.use_card(customer, "pm_card_visa")
    w.stripe("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}", **{"metadata[seen]": "1"})
    w.settle()
    if w.state("acme")["subscriptions"][0]["status"] == "past_due":
        # Where a voided upgrade leaves the subscription past due, nothing is changed until it is
        # resolved, and the refusal says so.
        body = {"family": TEAM, "plan": "growth", "tier": "5k", "interval": "month"}
        refused = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
        assert (refused.status_code, refused.json["code"]) == (409, "payment_outstanding")
    else:
        # 21 of January's 31 days are left of 45.00, counted from five seconds before now.
        buys(w, "growth", "5k", 15900 - 3048)
    leaves(w)


@pytest.mark.parametrize("switches", list(turned(1 if SOAK else 6)))
def test_what_was_used_is_billed_once(sqlite_url: str, switches: dict[str, Any]):
    """A plan that is billed by usage: a month of it, and its end in the next one."""
    with world(sqlite_url, catalogue="metered", switches=Switches(**switches)) as w:
        w.account("acme")
        w.change("acme", "plus", "usage", family="api")
        w.advance(days=5)
        reports(w, 100_000)
        w.advance(days=26, hours=2)
        assert w.charged("acme") == [4_000]
        reports(w, 25_000)
        w.advance(days=3)
        quote = w.quote("acme", None, family="api")
        assert quote["timings"]["now"]["due_now"]["amount"] == 1_000
        answer = w.execute("acme", quote)
        assert answer.status_code == 201, answer.json
        w.settle()
        w.advance(days=32)
        assert (w.plan("acme", "api"), w.charged("acme")) == (("free", "free"), [4_000, 1_000])


def narratives() -> Iterator[Any]:
    """What each of the five sells, under the others: all of it in `make soak`, by turns else."""
    names, groups = sorted(shipped()), list(turned(1 if SOAK else 3))
    for at, group in enumerate(groups):
        for name in names if SOAK else names[at % len(names) :][:1]:
            yield pytest.param(name, *group.values, id=f"{name}-{group.id}")


@pytest.mark.parametrize(("name", "switches"), list(narratives()))
def test_the_narrative_of_each_system_comes_out_the_same(
    tmp_path: Path, name: str, switches: dict[str, Any]
):
    scenario = load_scenario(name)
    sold, start = scenario.catalogue_name, scenario.start
    performance = rehearse(
        scenario,
        tmp_path,
        box=stocked(sold, start, Switches(**switches)),
        stock=lambda _, parts: on_sale(parts.database, sold, start),
    )
    assert performance.played
    assert [
        f"step {played.step.number}, {one.what}: {one.expected} expected, {one.found} found"
        for played in performance.played
        for one in played.findings
        if not one.held
    ] == []


def reports(w: World, units: int) -> None:
    w.get("/v1/accounts/acme/payment-methods")
    body = {"records": [{"id": f"use-{units}", "family": "api", "units": units}]}
    assert w.call("POST", "/v1/accounts/acme/usage", body).status_code == 200
    w.settle()


def buys(w: World, plan: str, tier: str, due: int) -> None:
    """A change now: quoted, executed, and found at Stripe as it was quoted."""
    quote = w.quote("acme", plan, tier, family=TEAM)
    now = quote["timings"]["now"]
    assert now["due_now"]["amount"] == due
    answer = w.execute("acme", quote, when="now")
    assert answer.status_code == 201, answer.json
    w.settle()
    assert answer.json["lines"][0]["drift"] is None
    assert w.plan("acme", TEAM) == (plan, tier)
    newest = w.invoices("acme")[0]
    assert (newest["total"], newest["amount_paid"]) == (now["total"]["amount"], due)


def leaves(w: World) -> None:
    """Cancelled now: what was quoted as credit is on the balance, and nothing is billed again."""
    body = {"family": TEAM, "plan": None}
    quote = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]}).json
    credit = quote["timings"]["now"]["credited_to_balance"]["amount"]
    answer = w.execute("acme", quote, when="now")
    assert answer.status_code == 201, answer.json
    w.settle()
    assert w.plan("acme", TEAM) == ("free", "100")
    assert -w.state("acme")["balance"]["amount"] == credit
    before = len(w.invoices("acme"))
    w.advance(days=32)
    assert len(w.invoices("acme")) == before
