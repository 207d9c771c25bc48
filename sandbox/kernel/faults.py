"""Faults on request: 429, 500, timeouts before or after the effect, resets; by route and count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

FaultKind = Literal["429", "500", "timeout_before", "timeout_after", "reset"]
KINDS: tuple[str, ...] = get_args(FaultKind)


class Dropped(Exception):
    """The client gets no answer: the transport turns this into a timeout or a reset."""

    def __init__(self, kind: FaultKind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass
class Fault:
    """The next `count` requests with this method and a path that matches fail this way."""

    method: str
    pattern: str
    kind: FaultKind
    count: int

    def hits(self, method: str, path: str) -> bool:
        known = self.method in ("*", method)
        return self.count > 0 and known and re.search(self.pattern, path) is not None


class Faults:
    """The list of faults still to happen, first come first served."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def plan(self, method: str, pattern: str, kind: str, count: int = 1) -> Fault:
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}: one of {', '.join(KINDS)}")
        fault = Fault(method.upper(), pattern, cast(FaultKind, kind), count)
        self.planned.append(fault)
        return fault

    def take(self, method: str, path: str) -> FaultKind | None:
        for fault in self.planned:
            if fault.hits(method, path):
                fault.count -= 1
                self.planned = [entry for entry in self.planned if entry.count > 0]
                return fault.kind
        return None

    def clear(self) -> None:
        self.planned.clear()
