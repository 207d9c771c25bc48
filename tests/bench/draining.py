"""How fast workers drain a backlog: from received to applied.

Included: everything a worker does (claims, tickets, the SDK's parsing, snapshots, the mirror,
effects, commits), each worker a process of its own. Left out: HTTP to Stripe, which is a pause of
the given length inside the SDK's HTTP client (``canned``).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import func, insert, select, update

from adapter.database import Database, open_database
from adapter.tables import AccountRow, EventRow
from service.worker import SIDE_BY_SIDE
from tests.support.world import world

from .canned import Canned
from .crew import Hand, hired
from .databases import Databases
from .tables import note, table, title

CUSTOMERS = 300
# Objects a second by one worker when a call to Stripe takes 100 ms.
GOAL, GOAL_TRIP_S = 150, 0.1
WORKERS = {"SQLite": 1, "PostgreSQL": 2}


@dataclass(frozen=True)
class Load:
    """A backlog: ``burst`` events for each of ``customers``, and how long Stripe takes."""

    customers: int
    burst: int
    round_trip_s: float
    workers: int
    times: int

    @property
    def events(self) -> int:
        return self.customers * self.burst


LOADS = (
    *(Load(CUSTOMERS, 1, trip, workers, 3) for trip in (0, GOAL_TRIP_S) for workers in (1, 2)),
    Load(60, burst=5, round_trip_s=0, workers=1, times=3),
)


@dataclass
class Site:
    """A database with accounts, their mirrored subscriptions, and workers that wait."""

    kind: str
    database: Database
    canned: Canned
    hands: list[Hand]
    seconds: dict[Load, list[float]] = field(default_factory=dict)
    busy: dict[Load, list[float]] = field(default_factory=dict)
    unprocessed: int = 0

    def drain(self, load: Load) -> None:
        """Put the backlog in, let the workers go, and note how long it took."""
        self._fill(load)
        busy = self.hands[: load.workers]
        for hand in busy:
            hand.go(load.round_trip_s)
        spans = [hand.done() for hand in busy]
        taken = max(span.end for span in spans) - min(span.begin for span in spans)
        self.seconds.setdefault(load, []).append(taken)
        self.busy.setdefault(load, []).append(sum(span.busy for span in spans))
        self._clear()

    def _fill(self, load: Load) -> None:
        rows = [
            self.canned.event(customer, now=self.canned.now())
            for customer in range(load.customers)
            for _ in range(load.burst)
        ]
        with self.database.write() as tx:
            tx.execute(insert(EventRow), rows)

    def _clear(self) -> None:
        """Count what was not processed, and keep it out of the next measurement."""
        unprocessed = EventRow.state != "processed"
        with self.database.write() as tx:
            self.unprocessed += tx.scalars(select(func.count()).where(unprocessed)).one()
            tx.execute(update(EventRow).where(unprocessed).values(state="processed"))


def measure(made: Databases) -> bool:
    """Drain backlogs on all databases in turn and print; True if everything was processed."""
    with _sites(made) as sites:
        for turn in range(max(load.times for load in LOADS)):
            for load in (one for one in LOADS if turn < one.times):
                for site in sites:
                    if load.workers <= len(site.hands):
                        site.drain(load)
    title("4. Draining a backlog: whole worker, canned answers instead of HTTP to Stripe")
    note(
        f"one subscription per customer, mirrored before; no rate limit; {SIDE_BY_SIDE.events} "
        "customers at a time per worker; medians of 3, all in turn"
    )
    heads = (
        "database",
        "customers x events",
        "round trip",
        "workers",
        "events/s",
        "objects/s",
        "goal",
        "workers' CPU",
    )
    table(heads, [_line(site, load) for site in sites for load in site.seconds])
    for site in sites:
        if site.unprocessed:
            note(f"{site.kind}: {site.unprocessed} events were NOT PROCESSED")
    return not any(site.unprocessed for site in sites)


def _line(site: Site, load: Load) -> tuple[str, ...]:
    seconds = statistics.median(site.seconds[load])
    return (
        site.kind,
        f"{load.customers} x {load.burst}",
        f"{load.round_trip_s * 1e3:.0f} ms",
        str(load.workers),
        f"{load.events / seconds:.0f}",
        f"{load.customers / seconds:.0f}",
        _goal(load, load.customers / seconds),
        f"{statistics.median(site.busy[load]) / load.customers * 1e3:.1f} ms/object",
    )


def _goal(load: Load, objects: float) -> str:
    if load.round_trip_s != GOAL_TRIP_S or load.workers != 1:
        return "reported"
    return f">= {GOAL}: {'met' if objects >= GOAL else 'NOT MET'}"


@contextmanager
def _sites(made: Databases) -> Iterator[list[Site]]:
    sites: list[Site] = []
    try:
        for kind in made.kinds:
            sites.append(_site(kind, made.make(kind)))
        yield sites
    finally:
        for site in sites:
            for hand in site.hands:
                hand.dismiss()
            site.database.dispose()


def _site(kind: str, url: str) -> Site:
    with world(url) as real:
        real.account("bench")
        real.change("bench", "core", "10k")
        canned = Canned.of(real)
    database = open_database(url)
    with database.write() as tx:
        tx.execute(update(EventRow).values(state="processed"))
        tx.execute(insert(AccountRow), [canned.account(one) for one in range(CUSTOMERS)])
    site = Site(kind, database, canned, hired(WORKERS[kind], url, canned))
    # Mirrors every subscription, so that what is measured are updates.
    site.drain(Load(CUSTOMERS, burst=1, round_trip_s=0, workers=1, times=1))
    site.seconds.clear()
    site.busy.clear()
    return site
