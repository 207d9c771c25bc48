"""What time it is on test clocks, for the work that waits for them.

A test clock stands still until somebody advances it, and only asking tells; each question counts
against the 25 that Stripe takes in a second in test mode. So they are asked for seldom, all of them
together no faster than ``SHARE`` allows, and in between the last answer stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from .clock import Clock
from .gateway.failures import GatewayFailure
from .gateway.read import Reader

log = structlog.get_logger(__name__)

SELDOM = timedelta(seconds=5)
AT_ONCE = timedelta(0)
SHARE = timedelta(seconds=0.5)
"""The least time between two questions, on average."""


class ClockReadings:
    """Reads test clocks, each at most once in ``every``, or more seldom where there are many. One
    thread uses it; ``every`` is zero where nobody counts questions.
    """

    def __init__(self, reader: Reader, clock: Clock, every: timedelta) -> None:
        self._reader = reader
        self._clock = clock
        self._every = every
        self._known: dict[str, tuple[datetime, datetime | None]] = {}

    def of(self, names: Sequence[str]) -> dict[str, datetime]:
        """Their moments. One that did not answer is left out, and holds back nobody else's work."""
        now = self._clock.now()
        pause = max(self._every, len(names) * SHARE) if self._every else self._every
        self._known = {name: known for name, known in self._known.items() if name in names}
        for name in names:
            asked, _ = self._known.get(name, (None, None))
            if asked is None or now - asked >= pause:
                self._known[name] = now, self._read(name)
        return {name: shown for name, (_, shown) in self._known.items() if shown is not None}

    def _read(self, name: str) -> datetime | None:
        try:
            return self._reader.billing_now(name)
        except GatewayFailure as failure:
            log.warning("test_clock_unknown", clock=name, why=str(failure))
            return None
