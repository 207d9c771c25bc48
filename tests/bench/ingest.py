"""Durable ingest against the same server verifying the same requests without storing them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select

from adapter.database import open_database
from adapter.tables import EventRow
from service.serving import THREADS

from .databases import Databases
from .load import CONNECTIONS, Slice, burst
from .payloads import deliveries
from .servers import STORING, VERIFYING, served
from .tables import milliseconds, note, table, title

GOAL = 0.5
ROUNDS = 9
BURST_S = 1.0
# More than any server here answers in a burst.
MOST = 8_000
WARM = 300
VERIFY_ONLY = "verify only"


@dataclass
class Target:
    """A server under load, and what it acknowledged."""

    name: str
    port: int
    database_url: str | None
    acked: set[str] = field(default_factory=set)
    slices: list[Slice] = field(default_factory=list)

    def load(self, name: str, seconds: float, count: int = MOST) -> Slice:
        """One burst; what is acknowledged is remembered."""
        seen = burst(self.port, list(deliveries(name, count)), seconds)
        self.acked.update(seen.acked)
        return seen

    def missing(self) -> int:
        """How many acknowledged events are not in the database."""
        return len(self.acked - self.stored())

    def stored(self) -> set[str]:
        """The ids in the inbox."""
        assert self.database_url is not None
        database = open_database(self.database_url)
        with database.read() as tx:
            found = set(tx.scalars(select(EventRow.id)))
        database.dispose()
        return found

    @property
    def latencies(self) -> list[float]:
        return sorted(taken for one in self.slices for taken in one.latencies)


@contextmanager
def targets(made: Databases) -> Iterator[list[Target]]:
    """All servers, ready and warm: the one that stores nothing first."""
    with ExitStack() as stack:
        url = made.make("SQLite")
        port = stack.enter_context(served(VERIFYING, url, made.folder / "verifying.log"))
        found = [Target(VERIFY_ONLY, port, None)]
        for kind in made.kinds:
            url = made.make(kind)
            port = stack.enter_context(served(STORING, url, made.folder / f"{kind}.log"))
            found.append(Target(kind, port, url))
        for target in found:
            target.load("warm", BURST_S, WARM)
        yield found


def measure(found: Sequence[Target]) -> bool:
    """Load all targets in turn and print; True if nothing acknowledged is missing."""
    for number in range(ROUNDS):
        # Every other round backwards, so that none always follows the same neighbour.
        for target in found if number % 2 else reversed(found):
            target.slices.append(target.load(str(number), BURST_S))
    title("1. Durable ingest: verify, store, commit, then 200")
    note(
        f"{CONNECTIONS} keep-alive connections, 3.5 KB events, fresh id and signature each; "
        f"1 process of {THREADS} threads; {ROUNDS} interleaved bursts of {BURST_S} s, medians"
    )
    base = found[0]
    table(
        ("server", "requests/s", "p50 ms", "p99 ms", "ratio", "goal"),
        [_line(target, base) for target in found],
    )
    incomplete = [target for target in found[1:] if not _complete(target)]
    return not incomplete


def _line(target: Target, base: Target) -> tuple[str, ...]:
    rate = statistics.median(one.rate for one in target.slices)
    taken = target.latencies
    p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    shown = (target.name, f"{rate:.0f}", milliseconds(p50), milliseconds(p99))
    if target is base:
        return (*shown, "1", "")
    # Bursts of one round are neighbours in time, so their ratio has the least noise in it.
    rounds = zip(target.slices, base.slices, strict=True)
    ratios = [one.rate / other.rate for one, other in rounds]
    return (*shown, _spread(ratios), _goal(target, statistics.median(ratios)))


def _spread(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def _goal(target: Target, ratio: float) -> str:
    if target.name != "SQLite":
        return "reported"
    return f">= {GOAL}: {'met' if ratio >= GOAL else 'NOT MET'}"


def _complete(target: Target) -> bool:
    """Compare what was answered 200 with what is stored, and say so."""
    stored, missing = len(target.stored()), target.missing()
    refused: Counter[int] = sum((one.statuses for one in target.slices), Counter())
    refused.pop(200, None)
    note(
        f"{target.name}: {len(target.acked)} answered 200, {stored} stored, {missing} MISSING"
        if missing
        else f"{target.name}: {len(target.acked)} answered 200, {stored} stored, none missing"
    )
    if refused:
        note(f"{target.name}: other answers {dict(refused)}")
    return not missing and not refused
