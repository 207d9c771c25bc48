"""The worker: processes events, does due work, sends notices; over and over until told to stop.

Each of these has a loop of its own, so that none waits for another: a mail server that is slow
delays no event. All state is in the database, so any number of workers may run on PostgreSQL (one
on SQLite), and killing one loses nothing.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import structlog

from adapter.database import Database, is_away
from adapter.jobs import Queue
from adapter.notices.sending import send_due
from adapter.notices.smtp import Mailer
from adapter.only_one import only_one

from .crew import BATCH, Crew
from .left import Left, dead, put_off
from .settings import SettingsError
from .wiring import Parts

log = structlog.get_logger(__name__)

POLL_S = 0.2
# How long to leave a database alone that does not answer.
DATABASE_PAUSE_S = 1.0
# How long a loop rests that has failed in a way nobody foresaw.
STUMBLED_PAUSE_S = 5.0
# What is under way when the worker is told to stop has this long; orchestrators kill after 30 s.
STOP_S = 25.0


@dataclass(frozen=True)
class Sizes:
    """How many customers are worked on at a time, for events and for due work."""

    events: int
    work: int


IN_LINE = Sizes(events=1, work=1)
# Threads mostly wait for Stripe: with 100 ms a call, 32 of them ask 320 times a second at most.
SIDE_BY_SIDE = Sizes(events=32, work=8)


@dataclass(frozen=True)
class Round:
    """What one round did, by loop."""

    done: Mapping[str, int]

    @property
    def idle(self) -> bool:
        return not any(self.done.values())


class Loop:
    """Takes turns until told to stop; ``turn`` gives how much it did, 0 for nothing; ``busy`` how
    much of what it began is under way.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], int],
        wake: threading.Event,
        busy: Callable[[], int] = lambda: 0,
    ) -> None:
        self.name = name
        self.turn = turn
        self.wake = wake
        self.busy = busy

    def run(self, stop: threading.Event) -> None:
        """Turn after turn; a database that is away is waited for, and nothing else ends it."""
        while not stop.is_set():
            pause = self.tried()
            if pause:
                self.rest(pause)

    def empty(self, stop: threading.Event) -> int:
        """Turns until nothing is due and nothing under way, or told to stop; gives how much was
        done.

        Raises:
            DBAPIError: the database is away.
        """
        done = 0
        while not stop.is_set():
            begun = self.turn()
            done += begun
            if not begun:
                if not self.busy():
                    break
                self.rest(POLL_S)
        return done

    def rest(self, seconds: float) -> None:
        """Wait until there may be something to do, but not longer than ``seconds``."""
        self.wake.wait(seconds)
        self.wake.clear()

    def tried(self) -> float:
        """One turn; gives how many seconds to wait before the next."""
        try:
            return 0.0 if self.turn() else POLL_S
        except Exception as mistake:
            if is_away(mistake):
                log.warning("database_unavailable", loop=self.name, error=type(mistake).__name__)
                return DATABASE_PAUSE_S
            log.exception("loop_failed", loop=self.name)
            return STUMBLED_PAUSE_S


class Worker:
    """Runs its loops until ``stop`` is called. ``IN_LINE`` does one thing after the other."""

    def __init__(self, parts: Parts, mailer: Mailer | None, sizes: Sizes = IN_LINE) -> None:
        self._parts = parts
        self._mailer = mailer
        self._stop = threading.Event()
        self._scheduled = False
        self._crews: list[Crew] = []
        self._loops = (
            self._crew("events", parts.processing, sizes.events),
            self._crew("work", parts.due_work, sizes.work),
            Loop("notices", self._send_notices, threading.Event()),
        )

    def stop(self) -> None:
        """Finish what is under way, then end."""
        self._stop.set()
        for loop in self._loops:
            loop.wake.set()

    def round(self) -> Round:
        """One turn of each loop, one after the other."""
        return Round({loop.name: loop.turn() for loop in self._loops})

    def schedule(self) -> int:
        """Put what comes again by itself among the due work, where it is done by one worker."""
        self._parts.backfill.schedule()
        self._parts.reconciling.schedule()
        self._scheduled = True
        return 1

    def until_idle(self) -> Left:
        """All loops until nothing is due and nothing under way, or told to stop; for ``--once``.

        Gives what could not be done.

        Raises:
            DBAPIError: the database is away.
        """
        dead_before = dead(self._parts.database).total()
        try:
            # What one loop has done may leave something to do for another.
            while sum(loop.empty(self._stop) for loop in self._loops):
                pass
        finally:
            while self._busy:
                self._await_freed()
        died = dead(self._parts.database).total() - dead_before
        return Left(self._stop.is_set(), put_off(self._parts.database).total(), died)

    def run(self) -> bool:
        """All loops at once until stopped; True if all that was under way could be finished."""
        log.info("worker_started", mail="on" if self._mailer else "kept unsent (no SMTP settings)")
        threads = [
            threading.Thread(target=loop.run, args=(self._stop,), name=loop.name, daemon=True)
            for loop in self._loops
        ]
        for thread in threads:
            thread.start()
        scheduling = Loop("schedule", self.schedule, self._stop)
        while not self._scheduled and not self._stop.wait(scheduling.tried()):
            pass
        self._stop.wait()
        return self._finished(threads, time.monotonic() + STOP_S)

    @property
    def _busy(self) -> int:
        """How many jobs are under way in threads of their own."""
        return sum(crew.busy for crew in self._crews)

    def _await_freed(self) -> None:
        if self._busy:
            self._loops[0].rest(POLL_S)

    def _finished(self, threads: list[threading.Thread], deadline: float) -> bool:
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for crew in self._crews:
            crew.close()
        while self._busy and time.monotonic() < deadline:
            self._await_freed()
        unfinished = self._busy + sum(thread.is_alive() for thread in threads)
        log.info("worker_stopped", unfinished=unfinished)
        return not unfinished

    def _crew(self, name: str, queue: Queue, size: int) -> Loop:
        wake = threading.Event()
        crew = Crew(queue, self._parts.claims, size, wake.set, self._stop.is_set)
        self._crews.append(crew)
        return Loop(name, crew.turn, wake, lambda: crew.busy)

    def _send_notices(self) -> int:
        parts = self._parts
        sender = parts.settings.mail_from or ""
        return send_due(parts.database, self._mailer, sender, parts.clock, BATCH, self._stop.is_set)


@contextmanager
def the_worker(database: Database) -> Iterator[None]:
    """Be the one worker of a SQLite database; on PostgreSQL there may be any number.

    Raises:
        SettingsError: another worker is at it.
    """
    with only_one(database, "worker") if database.is_sqlite else nullcontext(True) as mine:
        if not mine:
            raise SettingsError(
                "Another worker runs on this SQLite database; use PostgreSQL for more than one."
            )
        yield


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` on SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
