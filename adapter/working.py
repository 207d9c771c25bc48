"""Doing due work: resuming what a process left unfinished."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from .backoff import wait
from .changes.activating import Activating
from .changes.orders import Orders
from .changes.undoing import Undoing
from .checkouts.sessions import Checkouts
from .clock import Clock
from .clock_readings import ClockReadings
from .database import Database, is_away
from .due import BILLING, RECURRING, WALL, Work, clocks_waited_for, due
from .errors import Unavailable
from .gateway.client import StripeTime
from .gateway.failures import NotExecuted, StoredFailure, Unanswered
from .jobs import Job
from .purchases.orders import Purchases
from .tables import DueWorkRow

log = structlog.get_logger(__name__)

# These pass by themselves, so they are tried again without limit; anything else needs a person.
PASSING = (Unavailable, Unanswered, NotExecuted, StoredFailure)


@dataclass(frozen=True)
class Workers:
    """Which function does which kind of due work."""

    by_kind: Mapping[Work, Callable[[str], None]]

    @classmethod
    def of(
        cls,
        orders: Orders,
        undoing: Undoing,
        activating: Activating,
        checkouts: Checkouts,
        purchases: Purchases,
    ) -> Workers:
        return cls(
            {
                Work.CARRY_OUT: orders.resume,
                Work.UNDO: undoing.redo,
                Work.CLOSE_PAGE: undoing.close_page,
                Work.RESTORE_METHOD: orders.restore_method,
                Work.UNCANCEL: undoing.resume_uncancel,
                Work.RECOMPILE: undoing.recompile,
                Work.ACTIVATE: activating.try_other_methods,
                Work.GIVE_UP: activating.give_up,
                Work.CHECKOUT: checkouts.resume,
                Work.BUY: purchases.resume,
            }
        )

    def also(self, more: Mapping[Work, Callable[[str], None]]) -> Workers:
        """With the kinds that other rooms do."""
        return Workers({**self.by_kind, **more})


class DueWork:
    """A queue of jobs: per owner what is due of it."""

    def __init__(
        self,
        database: Database,
        time: StripeTime,
        readings: ClockReadings,
        workers: Workers,
        clock: Clock,
    ) -> None:
        self._database = database
        self._time = time
        self._readings = readings
        self._workers = workers
        self._clock = clock

    def due(self, limit: int, besides: Collection[str]) -> list[Job]:
        """What is due on each clock. A test clock that does not answer holds back only its own."""
        moments = {WALL: self._clock.now(), BILLING: self._time.now()}
        with self._database.read() as tx:
            test_clocks = clocks_waited_for(tx)
        moments |= self._readings.of(test_clocks)
        with self._database.read() as tx:
            rows = [row for name, now in moments.items() for row in due(tx, name, now, limit)]
        by_owner: dict[str, list[DueWorkRow]] = {}
        for row in rows:
            if row.owner not in besides:
                by_owner.setdefault(row.owner, []).append(row)
        return [Job(owner, partial(self._do_all, found)) for owner, found in by_owner.items()]

    def _do_all(self, rows: list[DueWorkRow]) -> None:
        for row in rows:
            if self._still_due(row):
                self._do(row)

    def _still_due(self, row: DueWorkRow) -> bool:
        """Whether nobody has done it, put it off or asked for it anew since it was found."""
        with self._database.read() as tx:
            fresh = tx.get(DueWorkRow, row.seq)
        return fresh is not None and (fresh.state, fresh.generation, fresh.next_at) == (
            row.state,
            row.generation,
            row.next_at,
        )

    def _do(self, row: DueWorkRow) -> None:
        try:
            self._workers.by_kind[Work(row.kind)](row.subject)
        except PASSING as passing:
            self._postpone(row, str(passing))
        except Exception as error:
            if is_away(error):
                raise  # nothing is wrong with the work
            log.exception("due_work_failed", kind=row.kind, subject=row.subject)
            if row.kind in RECURRING:
                self._postpone(row, str(error))
            else:
                self._bury(row, error)

    def _postpone(self, row: DueWorkRow, why: str) -> None:
        with self._database.write() as tx:
            fresh = tx.get_one(DueWorkRow, row.seq)
            fresh.attempts += 1
            fresh.error = why
            # Trying again is a matter of wall time, whatever clock made it due.
            fresh.next_at = self._clock.now() + wait(fresh.attempts)
            fresh.clock = WALL

    def _bury(self, row: DueWorkRow, error: Exception) -> None:
        with self._database.write() as tx:
            fresh = tx.get_one(DueWorkRow, row.seq)
            fresh.attempts += 1
            fresh.state = "dead"
            fresh.error = "".join(traceback.format_exception(error))
