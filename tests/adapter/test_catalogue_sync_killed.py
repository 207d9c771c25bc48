"""A sync that dies at any instruction is finished by running it again, without duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from adapter.catalogue_sync import Action
from adapter.database import Database
from adapter.errors import Conflict, Unavailable
from adapter.gateway.snapshots import ListedPrice
from adapter.tables import IntentRow
from mappings import Catalogue
from tests.support.sampling import in_turn
from tests.support.syncing import PLUS, Killed, MortalWriter, When, World, open_world, priced, small

pytestmark = pytest.mark.by_turns


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with open_world(database) as opened:
        yield opened


def last() -> Catalogue:
    """After ``prepare``, reaching this takes every kind of write there is."""

    def edit(plans: dict[str, Any]) -> None:
        priced("15.00")(plans)
        plans["plus"]["name"] = "Plus+"
        plans["plus"]["tiers"][1]["prices"]["month"]["usd"] = "26.00"
        mini = {"month": {"usd": "5.00"}, "year": {"usd": "50.00"}}
        plans["mini"] = {"name": "Mini", "rank": 0, "tiers": [{"id": "1k", "size": 1000}]}
        plans["mini"]["tiers"][0]["prices"] = mini
        del plans["max"]

    return small(edit)


# A product and its two prices made, a price replaced, one re-keyed; a product renamed and the
# nicknames of its two other prices with it; two old prices archived, and two of the plan that left,
# then its product.
WRITES = 13


def prepare(world: World) -> None:
    world.sync(small())
    world.sync(small(priced("16.00")))
    world.box.request_log.clear()


Shape = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]


def shape(world: World) -> Shape:
    """Everything at Stripe and in the local table, but for ids."""
    products = [(p.id, p.name, p.active, *p.metadata.items()) for p in world.reader.products()]
    prices = [
        (p.product, p.unit_amount, p.interval, p.active, p.lookup_key or "", p.nickname, *marks(p))
        for p in world.reader.prices()
    ]
    return sorted(products), sorted(prices), sorted(world.local().values())


def marks(price: ListedPrice) -> Iterator[tuple[str, str]]:
    return iter(sorted(price.metadata.items()))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Any) -> Shape:
    """The end of a run that nobody killed."""
    from adapter.database import open_database

    path = tmp_path_factory.mktemp("unkilled") / "test.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = open_database(f"sqlite:///{path}")
    with open_world(database) as world:
        prepare(world)
        world.sync(last())
        assert len(world.writes()) == WRITES
        found = shape(world)
    database.dispose()
    return found


@pytest.mark.parametrize(
    ("database_url", "when", "at"),
    # Before a write on one database, after it on the other.
    in_turn(*((when, at) for when in ("before", "after") for at in range(WRITES))),
    indirect=["database_url"],
)
def test_killed_at_any_write(world: World, expected: Shape, at: int, when: When):
    prepare(world)
    with pytest.raises(Killed):
        world.sync(last(), MortalWriter(world.client, at, when))
    world.sync(last())
    assert shape(world) == expected
    world.writes()
    world.sync(last())
    assert world.writes() == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [0, 1, 7])
def test_killed_during_the_very_first_sync(world: World, at: int, when: When):
    with pytest.raises(Killed):
        world.sync(small(), MortalWriter(world.client, at, when))
    world.sync(small())
    assert len(world.prices()) == 6
    assert world.said(small()) == []


def test_killed_again_and_again_after_each_single_write(world: World, expected: Shape):
    prepare(world)
    deaths = 0
    while True:
        try:
            # Its first write finishes what the one before it left, its second is its own.
            world.sync(last(), MortalWriter(world.client, 1, "before"))
            break
        except Killed:
            deaths += 1
    assert deaths == WRITES - 1
    assert shape(world) == expected


@pytest.mark.parametrize("at", [1, 7, WRITES])
def test_stopped_by_hand_between_two_writes(world: World, expected: Shape, at: int):
    prepare(world)

    def stop(number: int, total: int, action: Action) -> None:
        if number == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.syncing(last()).run(show=lambda _: True, progress=stop)
    world.sync(last())
    assert shape(world) == expected


@pytest.mark.parametrize("when", ["before", "after"])
def test_found_again_after_stripe_forgot_the_key(world: World, when: When):
    with pytest.raises(Killed):
        world.sync(small(), MortalWriter(world.client, 4, when))
    world.clock.advance(hours=25)
    world.box.advance(seconds=25 * 3600)
    world.sync(small())
    assert len(world.prices()) == 6
    assert outcomes(world, "lost") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_catalogue_is_edited_before_the_interrupted_run_is_finished(world: World, when: When):
    world.sync(small())
    with pytest.raises(Killed):
        world.sync(small(priced("16.00")), MortalWriter(world.client, 0, when))
    edited = small(priced("17.00"))
    world.sync(edited)
    amounts = {(p.unit_amount, p.active) for p in world.reader.prices() if on_plus(p.metadata)}
    assert amounts == {(1500, False), (1600, False), (1700, True)}
    assert world.price_of(edited, PLUS).unit_amount == 1700
    world.writes()
    world.sync(edited)
    assert world.writes() == []


def test_a_plan_tells_what_is_interrupted_and_is_not_carried_out_over_it(world: World):
    with pytest.raises(Killed):
        world.sync(small(), MortalWriter(world.client, 2, "after"))
    plan = world.plan(small())
    assert plan.interrupted == ("prices.create planshift.mail.email.plus.1k.month.usd",)
    with pytest.raises(Conflict) as conflict:
        world.syncing(small()).carry_out(plan)
    assert conflict.value.code == "catalogue_sync_interrupted"


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "reset", "429", "500"])
def test_no_usable_answer_is_an_error_that_running_again_mends(world: World, fault: Any):
    # Two of them: the client itself tries once more where that is safe.
    world.box.fail_next("POST", "/v1/prices$", fault, count=1 if fault == "429" else 2)
    with pytest.raises(Unavailable, match="Try again"):
        world.sync(small())
    world.box.faults.clear()
    world.sync(small())
    assert len(world.prices()) == 6
    assert world.said(small()) == []
    assert outcomes(world, "open") == outcomes(world, "unsure") == 0


def on_plus(metadata: Any) -> bool:
    return dict(metadata) == small().metadata_of(PLUS)


def outcomes(world: World, outcome: str) -> int:
    with world.database.read() as tx:
        return len(tx.scalars(select(IntentRow).where(IntentRow.outcome == outcome)).all())
