"""Webhooks in any order, late, twice, under two ids, or lost and asked for: the same end.

A story (orders, cards, time, the dashboard) is told twice: with a post that brings every letter at
once, and with one that brings what it likes. `make test` tells a few, the same every time; `make
soak` tells thousands.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.laws.late import Ending, Habit, Tale, broken_laws, in_order, told_late
from tests.laws.moves import REF, SOLD, Move, purchases, scenes
from tests.support.copies import copied_database, drop_database
from tests.support.killing import Frozen, Life
from tests.support.world import world

SOAK = bool(os.environ.get("SOAK"))
STORIES = int(os.environ.get("STORIES", "1500"))
# Preparing a database costs more on PostgreSQL.
EXAMPLES = (
    {"sqlite": STORIES, "postgresql": STORIES // 3} if SOAK else {"sqlite": 6, "postgresql": 3}
)
SCENES = 5 if SOAK else 2
BRINGS = ("nothing", "nothing", "everything", "the newest", "some", "backwards")

pytestmark = pytest.mark.usefixtures("no_waiting")


@st.composite
def tales(draw: st.DrawFn) -> Tale:
    """A purchase, and what comes after it; each with what the post does then."""
    catalogue = draw(st.sampled_from(sorted(SOLD)))
    first = draw(purchases(catalogue))
    then = draw(st.lists(scenes(catalogue), min_size=1, max_size=SCENES))
    moves = (first, *(move for scene in then for move in scene))
    # In one of three nothing at all is brought before the end.
    brings = st.sampled_from(BRINGS if draw(st.integers(0, 2)) else BRINGS[:1])
    habits = [Habit(draw(brings), draw(st.integers(1, 2))) for _ in moves]
    return Tale(catalogue, moves, tuple(habits))


class Beginnings:
    """An account with a card, on each catalogue; any number of lives may begin from there."""

    def __init__(self, empty: str, folder: Path) -> None:
        self._empty = empty
        self._folder = folder
        self._made: dict[str, Frozen] = {}

    def life(self, catalogue: str) -> AbstractContextManager[Life]:
        if catalogue not in self._made:
            url = copied_database(self._empty, self._folder)
            with world(url, catalogue=catalogue) as w:
                w.account(REF)
            self._made[catalogue] = Frozen(w, url)
        return self._made[catalogue].life()

    def end(self) -> None:
        for made in self._made.values():
            drop_database(made.url)


@pytest.fixture
def late(database_url: str, tmp_path: Path) -> Iterator[Beginnings]:
    """Where a story begins whose letters come late."""
    made = Beginnings(database_url, tmp_path)
    yield made
    made.end()


@pytest.fixture
def prompt(sqlite_template: Path, tmp_path: Path) -> Callable[[Tale], Ending]:
    """How a story ends whose letters all come at once; the database has no part in that."""
    beginnings = Beginnings(f"sqlite:///{sqlite_template}", tmp_path)

    @cache
    def ending(catalogue: str, moves: tuple[Move, ...]) -> Ending:
        with beginnings.life(catalogue) as life:
            end = in_order(life, moves)
            assert broken_laws(life.w) == []
            return end

    return lambda tale: ending(tale.catalogue, tale.moves)


@pytest.mark.timeout(0 if SOAK else 300)
def test_the_end_is_stripes_whatever_the_post_does(
    late: Beginnings,
    prompt: Callable[[Tale], Ending],
    database_url: str,
    record_property: Callable[[str, object], None],
):
    tried: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES[database_url.partition(":")[0]],
        deadline=None,
        # A story that fails is short enough to read; making it shorter takes minutes.
        phases=[phase for phase in Phase if SOAK or phase is not Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(tales(), st.randoms(use_true_random=False))
    def law(tale: Tale, rnd: Random) -> None:
        expected = prompt(tale)
        with late.life(tale.catalogue) as life:
            end, post = told_late(life, tale, rnd)
            note(told_as(tale, expected, end))
            assert broken_laws(life.w) == []
        tried["stories"] += 1
        # Who knows less may be answered otherwise, and so come to another end.
        if end.answers == expected.answers:
            assert end.unlike(expected) == []
            tried["with the answers of a prompt post"] += 1
        tried.update(post.counts)

    law()
    record_property("numbers", ", ".join(f"{number:,} {what}" for what, number in tried.items()))


def told_as(tale: Tale, prompt: Ending, late: Ending) -> str:
    """A story with the answers of both tellings, for whoever has to find out."""
    steps = zip(tale.moves, tale.habits, prompt.answers, late.answers, strict=True)
    return "\n".join(f"{move}\n  {habit}: {one}; late: {two}" for move, habit, one, two in steps)
