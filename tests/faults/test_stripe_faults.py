"""Every fault of Stripe's against every write of every kind of change.

Each ends applied exactly once, or as a clear failure with the old plan in force and no money moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from sqlalchemy import update

from adapter.tables import DueWorkRow
from tests.support.sampling import in_turn
from tests.support.world import World, world

FAULTS = ("429", "500", "timeout_before", "timeout_after", "reset")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's pause before its retry is no part of what is tested."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@dataclass(frozen=True)
class Kind:
    """A kind of change: its writes, what comes before it, the change, and what is right after."""

    writes: tuple[str, ...]
    prepare: Callable[[World], None]
    act: Callable[[World], Any]
    after: tuple[str, str]
    invoices: int


def subscribe(w: World) -> None:
    w.change("acme", "core", "10k")


def cancel(when: str) -> Callable[[World], Any]:
    return lambda w: w.call("POST", "/v1/accounts/acme/cancellation", {"when": when})


def to(plan: str, tier: str) -> Callable[[World], Any]:
    return lambda w: w.execute("acme", w.quote("acme", plan, tier))


KINDS = {
    "first purchase": Kind(
        ("/v1/subscriptions$", "/v1/invoices/in_.*/pay$"),
        lambda _: None,
        to("core", "10k"),
        ("core", "10k"),
        1,
    ),
    "upgrade": Kind(("/v1/subscriptions/sub_",), subscribe, to("pro", "40k"), ("pro", "40k"), 2),
    "cancel now": Kind(
        ("/v1/subscriptions/sub_", "/v1/invoices/in_.*/finalize$"),
        subscribe,
        cancel("now"),
        ("free", "1k"),
        2,
    ),
    "cancel at period end": Kind(
        ("/v1/subscriptions/sub_",), subscribe, cancel("period_end"), ("core", "10k"), 1
    ),
}
CASES = [
    (name, n, fault)
    for name, kind in KINDS.items()
    for n, _ in enumerate(kind.writes)
    for fault in FAULTS
]


@pytest.mark.parametrize(
    ("database_url", "name", "n", "fault"), in_turn(*CASES), indirect=["database_url"]
)
def test_a_change_survives_a_fault_of_stripes(w: World, name: str, n: int, fault: Any):
    kind = KINDS[name]
    w.account("acme")
    kind.prepare(w)
    w.advance(days=3)
    # Twice, so that the SDK's own retry meets it too.
    w.box.fail_next("*", kind.writes[n], fault, count=2)
    answer = kind.act(w)
    assert answer.status_code in (201, 202), answer.json
    let_the_worker_take_over(w)
    w.settle()
    (change, *_) = w.get("/v1/accounts/acme/plan-changes")["data"]
    expected = "scheduled" if name == "cancel at period end" else "applied"
    assert change["lines"][0]["state"] == expected
    assert w.plan("acme") == kind.after
    invoices = w.invoices("acme")
    assert len(invoices) == kind.invoices
    assert {invoice["status"] for invoice in invoices} == {"paid"}
    listed = w.stripe(
        "GET", "/v1/subscriptions", customer=w.state("acme")["customer"], status="all"
    )
    assert len(listed["data"]) == 1


def let_the_worker_take_over(w: World) -> None:
    """Let the time pass for which an executing change belongs to its request, and then some."""
    for _ in range(4):
        with w.parts.database.write() as tx:
            past = datetime.now(UTC) - timedelta(seconds=1)
            pending = DueWorkRow.state == "pending"
            tx.execute(update(DueWorkRow).where(pending).values(next_at=past))
        w.worker.round()
