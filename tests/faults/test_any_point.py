"""The service dies at any point of any change, and Stripe fails any of its calls.

Each story ends as it does when nothing goes wrong: the change made once or failed once, the same
money moved, everybody told once, nothing left open. `make test` tells each with one death, and
every other one with a fault too, chosen by seed; `make soak` with all of them, on both databases.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from random import Random

import pytest

from sandbox.kernel.faults import KINDS
from tests.conftest import DATABASES
from tests.faults import points
from tests.faults.conftest import Stages
from tests.faults.scenario import Scenario
from tests.faults.scenarios import SCENARIOS
from tests.faults.stories import Course, Deaths, Fault
from tests.support.killing import A_DAY, A_WHILE
from tests.support.sampling import SOAK

# A fault that the SDK's own retry mends, and one that outlasts it and a resumption too.
TIMES = (1, 4)
# How far from a death the next one is, at most.
NEAR = 12
# So many of each story, at random: between the sample of every run and all of the soak.
MORE = int(os.environ.get("MISHAPS", "0"))

pytestmark = pytest.mark.usefixtures("no_waiting")


def mishaps(scenario: Scenario, course: Course) -> Iterator[tuple[str, Deaths | Fault]]:
    """What goes wrong in this scenario, and on which database: everything, or a few."""
    drawn = Random(scenario.name)
    ways = range(len(course.points))
    deaths = [Deaths((n,), away) for n in ways for away in (A_WHILE, A_DAY)]
    deaths += [Deaths((n, n + drawn.randint(1, NEAR))) for n in ways]
    faults = [Fault(n, kind, times) for n, _ in course.calls for kind in KINDS for times in TIMES]
    if SOAK:
        yield from product(DATABASES, [*deaths, *faults])
    elif MORE:
        at_random = Random()
        for _ in range(MORE):
            yield at_random.choice(DATABASES), at_random.choice([*deaths, *faults])
    else:
        # Preparing a database costs as much as a story: where one is prepared for a death on
        # PostgreSQL, there is no fault.
        turn = DATABASES[SCENARIOS.index(scenario) % len(DATABASES)]
        yield turn, drawn.choice(deaths)
        if turn == "sqlite":
            yield turn, drawn.choice(faults)


@pytest.mark.timeout(7_200 if SOAK or MORE else 120)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_it_ends_as_it_should(
    scenario: Scenario,
    stages: Stages,
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
):
    course = stages.course(scenario)
    with subtests.test("no point is lost"):
        points.check(scenario.name, course)
    if points.UPDATE:
        return
    told: Counter[str] = Counter()
    for database, mishap in mishaps(scenario, course):
        told["deaths" if isinstance(mishap, Deaths) else "faults"] += 1
        name = mishap.named(course)
        with subtests.test(name, database=database):
            mishap.tell(scenario, stages.of(scenario, database), course)
    if SOAK or MORE:
        record_property("numbers", f"{told['deaths']:,} deaths, {told['faults']:,} faults")
