"""A crew: jobs of different owners side by side, never two of one owner at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from adapter.claims import Claims
from adapter.database import is_away
from adapter.jobs import Job, Queue

log = structlog.get_logger(__name__)

# How many jobs are looked up at a time.
BATCH = 50
# An owner whom another process has claimed is left alone that long, and no longer, for that process
# may have died; one over whom we stumbled longer, for nothing suggests that it goes better soon.
CLAIMED_S = 0.4
STUMBLED_S = 30.0


class Crew:
    """Takes jobs from ``queue``, up to ``size`` at once; with 1, one by one in the caller's thread.

    ``freed`` is called whenever a thread has become free; once ``stopping`` says so, nothing more
    is begun.
    """

    def __init__(
        self,
        queue: Queue,
        claims: Claims,
        size: int,
        freed: Callable[[], None],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._queue = queue
        self._claims = claims
        self._size = size
        self._freed = freed
        self._stopping = stopping
        self._pool = ThreadPoolExecutor(size) if size > 1 else None
        self._next: deque[Job] = deque()
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}
        self._guard = threading.Lock()
        self._away: Exception | None = None

    @property
    def busy(self) -> int:
        """How many jobs are under way."""
        return len(self._busy)

    def turn(self) -> int:
        """Begin on what is due as far as there is room; gives how many jobs were begun.

        Raises:
            DBAPIError: the database is away; nothing is lost, try again later.
        """
        if self._away is not None:
            away, self._away = self._away, None
            raise away
        begun, looked = 0, True
        while looked and not begun:
            looked = self._look()
            while self._next and self.busy < self._size and not self._stopping():
                begun += self._begin(self._next.popleft())
        return begun

    def close(self) -> None:
        """Let the threads end once they are done. No ``turn`` may follow."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)

    def _look(self) -> bool:
        """Look up jobs if there is room for any; says whether there are."""
        if self.busy >= self._size or self._stopping():
            return False
        if not self._next:
            self._next.extend(self._queue.due(BATCH, self._left_alone()))
        return bool(self._next)

    def _begin(self, job: Job) -> bool:
        if not self._claims.take(job.owner):
            self._rest(job.owner, CLAIMED_S)
            return False
        self._busy.add(job.owner)
        if self._pool is None:
            self._do(job)
        else:
            self._pool.submit(self._do, job)
        return True

    def _do(self, job: Job) -> None:
        try:
            job.do()
        except Exception as mistake:
            if self._pool is None:
                raise
            self._note(job, mistake)
        finally:
            self._claims.release(job.owner)
            self._busy.discard(job.owner)
            self._freed()

    def _note(self, job: Job, mistake: Exception) -> None:
        """What ended a job in a thread of its own; nobody else hears of it."""
        if is_away(mistake):
            self._away = mistake
            return
        log.error("job_failed", owner=job.owner, exc_info=mistake)
        self._rest(job.owner, STUMBLED_S)

    def _rest(self, owner: str, seconds: float) -> None:
        with self._guard:
            self._resting[owner] = time.monotonic() + seconds

    def _left_alone(self) -> set[str]:
        """Owners whose turn it is not: worked on, or resting."""
        now = time.monotonic()
        with self._guard:
            self._resting = {owner: at for owner, at in self._resting.items() if at > now}
            return self._busy | self._resting.keys()
