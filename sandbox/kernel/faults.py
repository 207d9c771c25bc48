"""Faults on request: 429, 500, timeouts before or after the effect, resets, slowness; by route,
count and probability. What is drawn depends on the seed and on how often a fault was looked at."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import Literal, cast, get_args

from .habits import chance

FaultKind = Literal["429", "500", "timeout_before", "timeout_after", "reset"]
KINDS: tuple[str, ...] = get_args(FaultKind)


class Dropped(Exception):
    """The client gets no answer: the transport turns this into a timeout or a reset."""

    def __init__(self, kind: FaultKind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass
class Fault:
    """Requests with this method (`*`: any) and a path that matches fail this way.

    `count` of them (None: without end), each with `probability`; `seen` is how many were asked.
    """

    method: str
    pattern: str
    kind: FaultKind
    count: int | None
    probability: float = 1.0
    seen: int = 0

    def concerns(self, method: str, path: str) -> bool:
        known = self.method in ("*", method)
        return self.count != 0 and known and re.search(self.pattern, path) is not None


class Faults:
    """The list of faults still to happen, first come first served."""

    def __init__(self, seed: int = 0) -> None:
        self.planned: list[Fault] = []
        self._seed = seed
        self._lock = threading.Lock()

    def plan(
        self,
        method: str,
        pattern: str,
        kind: str,
        count: int | None = 1,
        probability: float = 1.0,
    ) -> Fault:
        """Adds a fault. ValueError for an unknown kind, a bad pattern or probability."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}: one of {', '.join(KINDS)}")
        if not 0 <= probability <= 1:
            raise ValueError(f"a probability lies between 0 and 1, not at {probability}")
        _check(pattern)
        fault = Fault(method.upper(), pattern, cast(FaultKind, kind), count, probability)
        with self._lock:
            self.planned.append(fault)
        return fault

    def take(self, method: str, path: str) -> FaultKind | None:
        """The fault that befalls this request, spent by it; None if it goes well."""
        with self._lock:
            for fault in self.planned:
                if not fault.concerns(method, path):
                    continue
                fault.seen += 1
                drawn = chance(self._seed, fault.kind, fault.pattern, fault.seen)
                if drawn >= fault.probability:
                    continue
                if fault.count is not None:
                    fault.count -= 1
                    self.planned = [entry for entry in self.planned if entry.count != 0]
                return fault.kind
        return None

    def clear(self) -> None:
        with self._lock:
            self.planned.clear()


@dataclass(frozen=True)
class Slow:
    """Requests with this method and a path that matches take `seconds` longer."""

    method: str
    pattern: str
    seconds: float


class Latency:
    """How long answers take: the first entry that fits a request decides."""

    def __init__(self) -> None:
        self.planned: list[Slow] = []

    def plan(self, method: str, pattern: str, seconds: float) -> Slow:
        """Puts an entry before the others. ValueError for a bad pattern or duration."""
        if not 0 <= seconds <= 60:
            raise ValueError(f"a latency lies between 0 and 60 seconds, not at {seconds}")
        _check(pattern)
        slow = Slow(method.upper(), pattern, seconds)
        self.planned = [slow, *self.planned]
        return slow

    def seconds(self, method: str, path: str) -> float:
        """What this request has to wait."""
        for slow in self.planned:
            if slow.method in ("*", method) and re.search(slow.pattern, path):
                return slow.seconds
        return 0.0

    def wait(self, method: str, path: str) -> None:
        """Lets the caller feel it, in wall time."""
        seconds = self.seconds(method, path)
        if seconds:
            time.sleep(seconds)

    def clear(self) -> None:
        self.planned = []


def _check(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
