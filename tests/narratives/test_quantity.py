"""How many of a plan an account holds, through changes of plan and of number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World, world

TEAM = "virtual-team"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        yield made


def held(w: World) -> tuple[str, int]:
    (line,) = w.state("acme")["subscriptions"][0]["lines"]
    return line["plan"], line["quantity"]


def test_the_number_stays_unless_another_is_asked_for(w: World):
    w.account("acme")
    w.change("acme", "starter", "1k", family=TEAM, quantity=3)
    assert held(w) == ("starter", 3)
    assert w.invoices("acme")[0]["total"] == 3 * 2400
    quote = w.quote("acme", "growth", "2k", family=TEAM)
    assert quote["changes"][0]["quantity"] == 3
    assert w.execute("acme", quote, when="now").status_code == 201
    w.settle()
    assert held(w) == ("growth", 3)
    # More of the same is a change up; fewer, a change down.
    more = w.quote("acme", "growth", "2k", family=TEAM, quantity=5)
    assert more["changes"][0]["direction"] == "upgrade"
    fewer = w.quote("acme", "growth", "2k", family=TEAM, quantity=1)
    assert fewer["changes"][0]["direction"] == "downgrade"
    assert fewer["timings"]["period_end"]["next_invoice"]["total"]["amount"] == 6900
    answer = w.execute("acme", fewer, when="period_end")
    assert answer.status_code == 201, answer.json
    w.settle()
    assert held(w) == ("growth", 3)
    w.advance(days=31, hours=2)
    assert held(w) == ("growth", 1)
    assert w.invoices("acme")[0]["total"] == 6900
