"""The worker: processes events, does due work, sends notices; over and over until told to stop.

All state is in the database, so any number of workers may run on PostgreSQL (one on SQLite), and
killing one loses nothing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import OperationalError

from adapter.notices.sending import send_due
from adapter.notices.smtp import Mailer

from .wiring import Parts

log = structlog.get_logger(__name__)

POLL_S = 0.2
# How long to leave a database alone that does not answer.
DATABASE_PAUSE_S = 1.0
BATCH = 50


@dataclass(frozen=True)
class Round:
    """What one round did."""

    events: int
    work: int
    notices: int

    @property
    def idle(self) -> bool:
        return not (self.events or self.work or self.notices)


class Worker:
    """Runs rounds until ``stop`` is set."""

    def __init__(self, parts: Parts, mailer: Mailer | None) -> None:
        self._parts = parts
        self._mailer = mailer
        self._stop = threading.Event()
        self._scheduled = False

    def stop(self) -> None:
        """Finish the round under way, then end."""
        self._stop.set()

    def round(self) -> Round:
        """One round: everything that is due now, up to a batch of each."""
        parts = self._parts
        return Round(
            events=parts.processing.run(BATCH),
            work=parts.due_work.run(BATCH),
            notices=send_due(
                parts.database, self._mailer, parts.settings.mail_from or "", parts.clock, BATCH
            ),
        )

    def schedule(self) -> None:
        """Put what comes again by itself among the due work, where it is done by one worker."""
        self._parts.backfill.schedule()
        self._scheduled = True

    def until_idle(self, most: int = 1000) -> None:
        """Rounds until there is nothing to do; for ``--once`` and for tests."""
        for _ in range(most):
            if self.round().idle:
                return

    def run(self) -> None:
        """Rounds until stopped; a database that is away is waited for."""
        log.info("worker_started", mail="on" if self._mailer else "kept unsent (no SMTP settings)")
        while not self._stop.is_set():
            pause = self._tried_round()
            if pause:
                self._stop.wait(pause)
        log.info("worker_stopped")

    def _tried_round(self) -> float:
        try:
            if not self._scheduled:
                self.schedule()
            return POLL_S if self.round().idle else 0.0
        except OperationalError as away:
            log.warning("database_unavailable", error=type(away).__name__)
            return DATABASE_PAUSE_S


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` on SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
