"""Jobs side by side: different owners at once, one owner never twice, no one held up by another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy.exc import OperationalError

from adapter.claims import Claims
from adapter.database import Database
from adapter.jobs import Job
from service.crew import Crew

LONG_S = 20.0


class Jobs:
    """A queue of jobs that stay due until they are done."""

    def __init__(self, **todo: Callable[[], object]) -> None:
        self.todo = todo
        self.done: list[str] = []

    def due(self, limit: int, besides: Collection[str]) -> list[Job]:
        waiting = [owner for owner in self.todo if owner not in {*besides, *self.done}]
        return [Job(owner, self._job(owner)) for owner in waiting[:limit]]

    def _job(self, owner: str) -> Callable[[], None]:
        def do() -> None:
            self.todo[owner]()
            self.done.append(owner)

        return do


@contextmanager
def crew_for(jobs: Jobs, database: Database, size: int) -> Iterator[Crew]:
    free = threading.Semaphore(0)
    with closing(Crew(jobs, Claims(database), size, free.release)) as crew:
        crew.freed = free  # type: ignore[attr-defined]
        yield crew


def one_ends(crew: Crew) -> None:
    assert crew.freed.acquire(timeout=LONG_S)  # type: ignore[attr-defined]


def test_two_owners_are_worked_on_at_once(database: Database):
    both = threading.Barrier(2, timeout=LONG_S)
    jobs = Jobs(ada=both.wait, bob=both.wait)
    with crew_for(jobs, database, 2) as crew:
        assert crew.turn() == 2
        one_ends(crew)
        one_ends(crew)
    assert sorted(jobs.done) == ["ada", "bob"]


def test_one_owner_is_never_worked_on_twice_at_once_nor_by_two_crews(database: Database):
    go = threading.Event()
    jobs = Jobs(ada=lambda: go.wait(LONG_S))
    with crew_for(jobs, database, 2) as crew:
        assert crew.turn() == 1
        assert (crew.turn(), crew.busy) == (0, 1)
        claims = crew._claims
        assert not claims.take("ada")
        if not database.is_sqlite:
            assert not Claims(database).take("ada"), "another process"
        go.set()
        one_ends(crew)
        assert claims.take("ada")
        claims.release("ada")


def test_a_slow_owner_and_a_failing_one_hold_back_nobody(database: Database):
    slow = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    jobs = Jobs(slow=lambda: slow.wait(LONG_S), failing=fail, cid=list, dan=list, eve=list)
    with crew_for(jobs, database, 2) as crew:
        while len(jobs.done) < 3:
            crew.turn()
            one_ends(crew)
        assert jobs.done == ["cid", "dan", "eve"]
        # The one that stumbled is not stumbled over again at once.
        assert crew.turn() == 0
        slow.set()
        one_ends(crew)


def turn_and_see(crew: Crew) -> None:
    """A turn, and the next one once a job of it has ended."""
    crew.turn()
    one_ends(crew)
    crew.turn()


@pytest.mark.parametrize("size", [1, 2])
def test_a_database_that_is_away_is_told_to_the_loop(database: Database, size: int):
    def away() -> None:
        raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

    jobs = Jobs(ada=away)
    with crew_for(jobs, database, size) as crew:
        with pytest.raises(OperationalError):
            turn_and_see(crew)
        jobs.todo["ada"] = list
        assert crew.turn() == 1, "it is tried again as soon as the loop says so"
        one_ends(crew)
    assert jobs.done == ["ada"]
