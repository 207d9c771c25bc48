"""How often Stripe is called: one limit that all processes share, web and worker.

Stripe allows an account 100 requests a second in live mode and 25 in test mode, and 25 to any one
endpoint, counting all ids of an object as one (https://docs.stripe.com/rate-limits). Calls here
stand in lines, rows of the database: one for all of them, and in live mode one per endpoint. A row
says when the next call may be made; a process moves that on by a block of calls, which it then
makes at their times, so a line costs one write per block and none per call.

Four fifths of what Stripe allows are given out evenly. The last fifth is for processes for which
somebody waits (``Urgency.PROMPT``): they may be a quarter of a second ahead of their time. A worker
never reserves more than a block ahead, so its backlog does not hold them up; it waits for them.

A 429 makes everybody pause and go at half the speed, which comes back with the calls that go well.
Stripe's ``Stripe-Rate-Limited-Reason`` tells which limit was met; a 429 over a lock on an object
(``lock_timeout``, without that header) or over a limit of the object itself says nothing about
speed. Stripe documents no ``Retry-After``; one that a proxy sets is kept to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

import structlog
from sqlalchemy import BigInteger, case, literal_column, update

from ..database import Database
from ..rows import insert_once
from ..tables import PaceRow

log = structlog.get_logger(__name__)

LIVE, TEST, ENDPOINT = 100, 25, 25
SHARE = 0.8
AHEAD_S = 0.25
# Calls reserved at a time, unless more threads wait; at most a fifth of a second's worth.
BLOCK = 5
# Whoever waits for an answer is told to come again rather than kept waiting any longer.
LONGEST_S = 5.0
PAUSE_S = 1.0
SLOWEST = 16

ALL = "all"
_PER_OBJECT = "resource-specific"

# The clock is the database's: those of several machines differ.
_NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS BIGINT)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
}


class Urgency(Enum):
    """Who waits for the answers of Stripe: somebody, a machine, or nobody that there is a limit
    for (a Stripe that runs on this machine).
    """

    PROMPT = "prompt"
    PATIENT = "patient"
    FREE = "free"


@dataclass(frozen=True)
class Limits:
    """Calls a second that are given out: to all endpoints together, and to each of them."""

    all: float
    each: float

    @classmethod
    def of(cls, *, livemode: bool) -> Limits:
        return cls((LIVE if livemode else TEST) * SHARE, ENDPOINT * SHARE)


class Line:
    """A row, and the block of calls that this process has reserved in it."""

    def __init__(self, database: Database, name: str, per_second: float) -> None:
        self._database = database
        self._name = name
        self._gap_us = int(1_000_000 / per_second)
        self._now = literal_column(_NOW[database.engine.dialect.name], BigInteger)
        self._start = case((PaceRow.next_us > self._now, PaceRow.next_us), else_=self._now)
        self._most = max(1, int(per_second / 5))
        self._guard = threading.Lock()
        self._asking = 0
        self._left = 0
        self._at = self._gap = 0.0

    def take(self, wait: Callable[[float], None]) -> float:
        """Take the next place; gives its moment in seconds of ``time.monotonic``, maybe past.

        ``wait`` is called with it before anybody else of this process takes one.
        """
        self._asking += 1
        with self._guard:
            self._asking -= 1
            if not self._left:
                self._reserve(min(max(BLOCK, self._asking), max(BLOCK, self._most)))
            self._left -= 1
            mine = self._at
            self._at += self._gap
            wait(mine)
            return mine

    def slow(self, seconds: float) -> None:
        """Everybody pauses and goes on at half the speed; once for all who were told so at once."""
        pause = int(seconds * 1e6)
        half = case(
            (PaceRow.gap_us * 2 > self._gap_us * SLOWEST, self._gap_us * SLOWEST),
            else_=PaceRow.gap_us * 2,
        )
        told = (PaceRow.name == self._name) & (PaceRow.slowed_us < self._now - pause)
        changes = {"next_us": self._start + pause, "gap_us": half, "slowed_us": self._now}
        with self._guard:
            self._left = 0
            with self._database.write() as tx:
                tx.execute(update(PaceRow).where(told).values(changes))

    def _reserve(self, calls: int) -> None:
        gap = PaceRow.gap_us - (PaceRow.gap_us - self._gap_us) // 4
        move_on = (
            update(PaceRow)
            .where(PaceRow.name == self._name)
            .values(next_us=self._start + calls * gap, gap_us=gap)
            .returning(PaceRow.next_us - calls * PaceRow.gap_us - self._now, PaceRow.gap_us)
        )
        with self._database.write() as tx:
            found = tx.execute(move_on).first()
            if found is None:
                insert_once(tx, PaceRow, {"name": self._name, "gap_us": self._gap_us})
                found = tx.execute(move_on).one()
        wait_us, gap_us = found
        self._left, self._gap = calls, gap_us / 1e6
        self._at = time.monotonic() + wait_us / 1e6


class Pacing:
    """Lets calls to Stripe through, each at its time."""

    def __init__(
        self,
        database: Database,
        limits: Limits,
        urgency: Urgency,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._limits = limits
        self._urgency = urgency
        self._sleep = sleep
        self._guard = threading.Lock()
        self._lines: dict[str, Line] = {}

    def admit(self, method: str, url: str) -> bool:
        """Wait for the call's time; False if whoever asks should rather come again.

        Raises:
            DBAPIError: the database is away.
        """
        lines = self._lines_of(method, url)
        match self._urgency:
            case Urgency.FREE:
                return True
            case Urgency.PATIENT:
                # In line one by one, so that no more than a block is ever reserved ahead.
                for line in lines:
                    line.take(self._wait)
                return True
            case Urgency.PROMPT:
                at = max(line.take(lambda _at: None) for line in lines) - AHEAD_S
                if at - time.monotonic() > LONGEST_S:
                    log.warning("stripe_is_busy", wait_s=LONGEST_S)
                    return False
                self._wait(at)
                return True

    def _wait(self, at: float) -> None:
        seconds = at - time.monotonic()
        if seconds > 0:
            self._sleep(seconds)

    def turned_away(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Stripe answered 429: slow down the line whose limit was met, if one was."""
        reason = headers.get("Stripe-Rate-Limited-Reason")
        log.warning("stripe_rate_limited", reason=reason)
        locked = reason is None and b"lock_timeout" in body
        if self._urgency is Urgency.FREE or reason == _PER_OBJECT or locked:
            return
        lines = self._lines_of(method, url)
        met = lines[0] if (reason or "").startswith("endpoint") else lines[-1]
        met.slow(_retry_after(headers) or PAUSE_S)

    def _lines_of(self, method: str, url: str) -> list[Line]:
        """The lines a call stands in, one after the other."""
        lines = [self._line(ALL, self._limits.all)]
        if self._limits.each < self._limits.all:
            lines.insert(0, self._line(endpoint(method, url), self._limits.each))
        return lines

    def _line(self, name: str, per_second: float) -> Line:
        with self._guard:
            if name not in self._lines:
                self._lines[name] = Line(self._database, name, per_second)
            return self._lines[name]


def endpoint(method: str, url: str) -> str:
    """What counts as one endpoint: method, kind of object, and how deep the path goes.

    That takes some together which Stripe tells apart, never the other way round.
    """
    parts = urlsplit(url).path.strip("/").split("/")[1:]
    return f"{method.upper()} {parts[0]}/{len(parts)}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return float(headers["Retry-After"])
    except (KeyError, ValueError):
        return None
