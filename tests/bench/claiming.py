"""What a claim costs as the inbox grows: choosing owners, reading one's pending events."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, DateTime, bindparam, event, text

from adapter.database import Database
from service.crew import BATCH
from service.settings import Settings
from service.wiring import build
from tests.support.shops import loaded
from webhooks import Processing

from .databases import Databases
from .servers import environment
from .tables import microseconds, note, table, title

SIZES = (10_000, 100_000, 1_000_000)
PENDING = 200
OWNERS = 100
ROUNDS = 30
# Partial ones, over what is pending.
INDEXES = ("ix_events_due", "ix_events_pending")
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN (COSTS OFF) "}

# One statement for both databases.
_FILL = text(
    f"""
    INSERT INTO events (id, type, occurred_at, received_at, object_type, object_id, customer_id,
                        owner, state, next_at, attempts)
    WITH RECURSIVE n(i) AS (
        SELECT CAST(:first AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < :last
    )
    SELECT 'evt_' || CAST(i AS VARCHAR(20)), 'customer.subscription.updated', :now, :now,
           'subscription', 'sub_' || CAST(i % {OWNERS} AS VARCHAR(20)),
           'cus_' || CAST(i % {OWNERS} AS VARCHAR(20)),
           'cus_' || CAST(i % {OWNERS} AS VARCHAR(20)), :state, :now, 0
    FROM n
    """
).bindparams(bindparam("now", type_=DateTime(timezone=True)))
# The last of the processed came in pending, as in life: on PostgreSQL that leaves dead entries in
# the partial indexes for the queries to cope with.
LAST = 10_000
_PROCESSED = text(
    "UPDATE events SET state = 'processed', processed_at = received_at WHERE state = 'pending'"
)


@dataclass
class Inbox:
    """An inbox of a size, with what its two queries took (seconds)."""

    kind: str
    size: int
    database: Database
    processing: Processing
    owners: list[float] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)

    def claim(self) -> None:
        """Both queries once, timed."""
        begin = time.perf_counter()
        found = self.processing.due(BATCH, ())
        chosen = time.perf_counter()
        events, _known = self.processing._pending(found[0].owner)
        self.pending.append(time.perf_counter() - chosen)
        self.owners.append(chosen - begin)
        assert len(found) == BATCH
        assert len(events) == PENDING // OWNERS

    @property
    def cost(self) -> float:
        return statistics.median(self.owners) + statistics.median(self.pending)


def measure(made: Databases) -> None:
    """Fill, claim in turn, and print; with the plans."""
    inboxes = [_inbox(made, kind, size) for kind in made.kinds for size in SIZES]
    for _ in range(ROUNDS):
        for inbox in inboxes:
            inbox.claim()
    title("3. Cost per claim as the inbox grows (microseconds, medians)")
    note(
        f"{PENDING} events pending beside the processed ones; the sizes take turns, {ROUNDS} times"
    )
    first = {inbox.kind: inbox for inbox in reversed(inboxes)}
    heads = ("database", "processed", f"choose {BATCH} owners", "read one's events", "ratio")
    table(heads, [_line(inbox, first[inbox.kind]) for inbox in inboxes])
    for inbox in inboxes:
        if inbox.size == SIZES[-1]:
            _show_plans(inbox)
        inbox.database.dispose()


def _line(inbox: Inbox, first: Inbox) -> tuple[str, ...]:
    owners, pending = statistics.median(inbox.owners), statistics.median(inbox.pending)
    ratio = f"{inbox.cost / first.cost:.2f}"
    return (inbox.kind, f"{inbox.size:,}", microseconds(owners), microseconds(pending), ratio)


def _inbox(made: Databases, kind: str, size: int) -> Inbox:
    settings = Settings.from_environment(environment(made.make(kind)))
    parts = build(settings, catalogue=loaded("operations"))
    now = parts.clock.now() - timedelta(minutes=1)
    fresh = size - LAST
    if fresh:
        with parts.database.write() as tx:
            tx.execute(_FILL, {"first": 1, "last": fresh, "now": now, "state": "processed"})
    with parts.database.write() as tx:
        pending = {"now": now, "state": "pending"}
        tx.execute(_FILL, {"first": fresh + 1, "last": size, **pending})
    with parts.database.write() as tx:
        tx.execute(_PROCESSED)
    with parts.database.write() as tx:
        tx.execute(_FILL, {"first": size + 1, "last": size + PENDING, **pending})
        if kind == "PostgreSQL":
            tx.execute(text("ANALYZE events"))  # as autovacuum does within a minute
    return Inbox(kind, size, parts.database, parts.processing)


def _show_plans(inbox: Inbox) -> None:
    queries = zip(("choose owners", "read events"), INDEXES, _plans(inbox), strict=True)
    for name, index, lines in queries:
        used = "uses" if any(index in line for line in lines) else "DOES NOT USE"
        note(f"\n{inbox.kind}, {inbox.size:,} processed, {name}: {used} {index}")
        for line in lines:
            note(f"    {line}")


def _plans(inbox: Inbox) -> list[list[str]]:
    """The plan of each statement that a claim sends, with its own parameters."""
    sent: list[tuple[str, Any]] = []

    def keep(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> None:
        if statement.startswith("SELECT"):
            sent.append((statement, parameters))

    event.listen(inbox.database.engine, "before_cursor_execute", keep)
    inbox.claim()
    event.remove(inbox.database.engine, "before_cursor_execute", keep)
    return [_plan(inbox.database, *one) for one in sent]


def _plan(database: Database, statement: str, parameters: Any) -> list[str]:
    explain = EXPLAIN[database.engine.dialect.name] + statement
    with database.engine.connect() as connection:
        rows: Sequence[Any] = connection.exec_driver_sql(explain, parameters).all()
    return [str(row[-1]) for row in rows]
