"""Wall time, passed in wherever it is needed so that tests can stop it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells wall time: signatures, leases, backoff and the age of keys go by it."""

    def now(self) -> datetime: ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class FrozenClock:
    """A clock that moves only when told; for tests."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


def to_unix(moment: datetime) -> int:
    """An aware datetime as Stripe's whole unix seconds."""
    return int(moment.timestamp())


def iso(moment: datetime | None) -> str | None:
    """A moment as RFC 3339 text, for JSON."""
    return None if moment is None else moment.isoformat()


@dataclass(frozen=True)
class Moment:
    """Now, on both clocks (wall time rules histories and notices, billing time allowances)."""

    wall: datetime
    billing: datetime
