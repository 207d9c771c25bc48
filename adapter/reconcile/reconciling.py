"""Reconcile: prove that the rows here say what Stripe says, and repair those that do not.

By hand it is one walk from beginning to end. A walk that is interrupted is begun anew, since that
costs one call per 100 subscriptions and nothing that was repaired has to be repaired again. The
worker walks a page at a time and keeps its place, so that it holds up no other work, and neither
deploys nor deaths keep it from its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from mappings import Catalogue

from .. import sweeps
from ..clock import Clock
from ..database import Database
from ..due import Work, arm, arm_first
from ..gateway.read import Reader
from ..mirror import Mirror
from .findings import Difference, Failure, Finding, UnknownPrice
from .looking import Looking
from .notes import forget
from .walking import Tell, Walk, Walker

log = structlog.get_logger(__name__)

NAME = "reconcile"
OWNER = "sweep:reconcile"
EVERY = timedelta(days=1)
# A service that was just set up has better things to do first.
FIRST = timedelta(hours=1)
# What reads differently in a list may have moved a moment ago: its event gets this time to come.
GRACE = timedelta(seconds=10)


class Reconciling:
    """Walks, and says what it found."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        mirror: Mirror,
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        looking = Looking(database, reader, mirror, catalogue, clock)
        self._database = database
        self._walker = Walker(database, reader, looking, catalogue, clock)
        self._clock = clock

    def run(
        self,
        *,
        repair: bool,
        tell: Tell,
        progress: Callable[[Walk], None],
        wait: Callable[[float], None] = time.sleep,
    ) -> Walk:
        """Walk once from beginning to end; ``tell`` hears of each finding, ``progress`` of each
        step. Without ``repair`` nothing is written but reconcile's own notes.
        """
        walk = self._walker.begun()
        while not walk.ended:
            if walk.about_to_look and self._walker.doubts(walk):
                wait(GRACE.total_seconds())
            walk = self._walker.step(walk, repair=repair, tell=tell)
            progress(walk)
        with self._database.write() as tx:
            row = sweeps.locked(tx, NAME)
            sweeps.conclude(row, walk.began, self._clock.now(), walk.counts)
            forget(tx, self._clock.now())
        return walk

    def status(self) -> sweeps.SweepStatus:
        """When the last one ended, by hand or by itself, and what it found."""
        return sweeps.status(self._database, Work.RECONCILE, NAME)

    def schedule(self) -> None:
        """Have the worker do it every day, and repair; once that is so, this does nothing."""
        with self._database.write() as tx:
            arm_first(tx, Work.RECONCILE, NAME, OWNER, self._clock.now() + FIRST)

    def do_due(self, name: str) -> None:
        """One step of the walk under way, and the next one soon; after the last, in a day."""
        with self._database.read() as tx:
            stored = sweeps.standing(tx, name).cursor
        walk = Walk.of(stored) if stored else self._walker.begun()
        walk = self._walker.step(walk, repair=True, tell=_log)
        now = self._clock.now()
        again = now + self._pause(walk)
        with self._database.write() as tx:
            row = sweeps.locked(tx, name)
            row.cursor = walk.to_json()
            if walk.ended:
                sweeps.finish(row, walk.began, now, walk.counts)
                forget(tx, now)
                log.info("reconciled", **walk.counts)
            arm(tx, Work.RECONCILE, name, OWNER, again)

    def _pause(self, walk: Walk) -> timedelta:
        if walk.ended:
            return EVERY
        return GRACE if walk.about_to_look and self._walker.doubts(walk) else timedelta(0)


def left(walk: Walk) -> int:
    """How many differences are still there, counting what could not be looked at."""
    counts = walk.counts
    found, repaired = counts.get("differences", 0), counts.get("repaired", 0)
    return found - repaired + counts.get("failed", 0)


def _log(finding: Finding) -> None:
    """What was found goes to the log by its ids, for a person to follow up."""
    match finding:
        case Difference():
            log.warning(
                "drift_repaired" if finding.repaired else "drift",
                kind=finding.kind,
                id=finding.id,
                field=finding.field,
            )
        case UnknownPrice():
            log.warning("unknown_price", subscription=finding.subscription, price=finding.price)
        case Failure():
            pass  # it is in the log already, with its traceback
