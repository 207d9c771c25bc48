"""Processes die, and the database goes away, while Stripe's events and callers' orders keep coming.

Whatever was acknowledged is processed in the end, by whom does not matter; what was ordered is done
once. `make test` plays two rounds, `make soak` twenty.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from statistics import median

import pytest
from sqlalchemy import func, select

from adapter.allowances.ledger import Kind
from adapter.tables import AllowanceLotRow, NoticeRow
from sandbox.server import open_server
from service.settings import Settings
from service.wiring import build
from tests.faults.company import ACCOUNTS, PATIENCE_S, Buyer, Company
from tests.faults.fleet import Fleet
from tests.laws import mirrored
from tests.support.postgres import SAFE, NoPostgres, PostgresServer, private_server
from tests.support.processes import eventually
from tests.support.sampling import SOAK
from tests.support.sending import Sender
from tests.support.shops import on_sale, stocked

ROUNDS = 20 if SOAK else 2
OUTAGES = ("immediate", "fast", "immediate", "fast") if SOAK else ("immediate",)
# So much is sent, at least, between one death and the next.
BETWEEN = 40 if SOAK else 8
SECRET = "whsec_of_the_tests"
# How long Stripe takes, so that a worker is often killed while it waits for it.
ROUND_TRIP_S = 0.03

pytestmark = pytest.mark.timeout(3_600 if SOAK else 600)
Numbers = Callable[[str, object], None]


@pytest.fixture
def on_its_own() -> Iterator[PostgresServer]:
    """A PostgreSQL server that may be stopped, and keeps what it has committed."""
    try:
        server = private_server(SAFE)
    except NoPostgres as reason:
        pytest.skip(f"*** POSTGRESQL NOT TESTED: {reason} ***")
    yield server
    server.stop()


@pytest.fixture
def founded() -> Iterator[Callable[[str], Company]]:
    """Makes the company of a test, on an empty database."""
    with ExitStack() as lent:

        def found(url: str) -> Company:
            box = stocked("operations", None, None)
            server = open_server(port=0, box=box).start()
            lent.callback(server.close)
            environment = {
                "STRIPE_API_KEY": "sk_test_planshift_tests",
                "STRIPE_API_BASE": server.url,
                "STRIPE_WEBHOOK_SECRET": SECRET,
                "PLANSHIFT_DATABASE_URL": url,
                "PLANSHIFT_CATALOGUE": "operations",
                "PLANSHIFT_STRIPE_TIMEOUT": "2",
            }
            parts = build(Settings.from_environment(environment))
            lent.callback(parts.database.dispose)
            on_sale(parts.database, "operations", None)
            return Company(server, environment, parts)

        yield found


@dataclass
class Rounds:
    """Processes are killed one after the other while events and orders come."""

    company: Company
    fleet: Fleet
    sender: Sender
    buyer: Buyer
    waits: list[float] = field(default_factory=list)

    def play(self, victims: Iterable[str]) -> None:
        for number, name in enumerate(victims):
            self._events(BETWEEN)
            self.company.edits(number)
            self.buyer.buys(number)
            theirs = self._claims(name) if name.startswith("worker") else set()
            self.fleet.kill(name)
            died = time.monotonic()
            if len(self.fleet.names) > 2:
                self._taken_over(theirs, died)
            self.fleet.again(name)
            if len(self.fleet.names) == 2:
                self._taken_over(theirs, time.monotonic())
            print(f"round {number + 1}: {name} died", file=sys.__stderr__, flush=True)

    def told(self, what: str) -> str:
        """How soon somebody went on with what a dead worker had begun."""
        took = f"half within {median(self.waits):.2f} s, all within {max(self.waits):.2f} s"
        return f"{ROUNDS} deaths, {what} {took}"

    def _events(self, number: int) -> None:
        enough = len(self.sender.acked) + number
        eventually(lambda: len(self.sender.acked) >= enough, "events come in", PATIENCE_S)

    def _claims(self, name: str) -> set[str]:
        """It is struck while it has claimed something; on SQLite only it knows."""
        if self.company.parts.database.is_sqlite:
            return set(self.sender.acked)
        theirs: set[str] = set()
        eventually(
            lambda: theirs.update(self.company.claimed_by(name)) or theirs, "a claim", PATIENCE_S
        )
        return theirs

    def _taken_over(self, theirs: set[str], since: float) -> None:
        if theirs:
            eventually(
                lambda: not self.company.states(theirs)["pending"], "others go on", PATIENCE_S
            )
            self.waits.append(time.monotonic() - since)


def nothing_is_lost_or_done_twice(company: Company, sender: Sender, buyer: Buyer) -> str:
    """Look at everything once it has come to rest; gives how much that was."""
    eventually(lambda: not company.pending(), "everything is processed", PATIENCE_S)
    assert company.states(sender.acked) == Counter(processed=len(sender.acked))
    for ref in company.refs:
        assert mirrored.differences(company, ref) == []
    with company.parts.database.read() as tx:
        packs = select(func.count()).where(AllowanceLotRow.kind == Kind.PACK)
        granted = tx.execute(packs).scalar_one()
        occasions = list(tx.scalars(select(NoticeRow.occasion)))
    assert len(occasions) == len(set(occasions))
    charges = company.stripe("GET", "/v1/charges", limit=100)["data"]
    paid = [charge for charge in charges if charge["status"] == "succeeded"]
    assert (granted, len(paid)) == (buyer.bought, ACCOUNTS + buyer.bought)
    answers = ", ".join(f"{n}x{status or 'broken off'}" for status, n in sender.answers.items())
    events = f"{len(sender.acked)} events acknowledged, 0 lost"
    return f"{events}; {buyer.bought} orders done once; {answers}"


def a_last_word(company: Company, fleet: Fleet) -> None:
    """Of every subscription one event more, after all that was done to it."""
    with Sender(company.subscriptions, SECRET, fleet.urls, threads=1, pause_s=0) as last:
        eventually(lambda: len(last.acked) >= ACCOUNTS, "a last event of each", PATIENCE_S)


def test_postgresql_with_two_of_each(
    on_its_own: PostgresServer, founded: Callable[[str], Company], record_property: Numbers
):
    company = founded(on_its_own.url(on_its_own.create_database()))
    headers = company.headers
    with Fleet(company.environment, web=2, workers=2) as fleet:
        company.opens(fleet.urls()[0], headers)
        company.stripe_server.box.latency.plan("GET", "/v1/", ROUND_TRIP_S)
        buyer = Buyer(company, fleet, headers)
        with Sender(company.subscriptions, SECRET, fleet.urls) as sender:
            rounds = Rounds(company, fleet, sender, buyer)
            rnd = Random(1)
            rounds.play(fleet.any_of(("worker", "web")[n % 2], rnd) for n in range(ROUNDS))
            away = [outage(company, on_its_own, fleet, sender, mode) for mode in OUTAGES]
        buyer.done()
        a_last_word(company, fleet)
        found = nothing_is_lost_or_done_twice(company, sender, buyer)
    deaths = rounds.told("a dead worker's events were taken over:")
    record_property("numbers", f"{deaths}; {'; '.join(away)}; {found}")


def outage(
    company: Company, server: PostgresServer, fleet: Fleet, sender: Sender, mode: str
) -> str:
    """PostgreSQL stops and comes back; nobody is started anew."""
    eventually(lambda: company.at_work() >= set(fleet.names), "all are at work", PATIENCE_S)
    before = sender.answers.total() - sender.answers[200]
    acked = len(sender.acked)
    company.parts.database.dispose()
    server.goes_away(mode)
    eventually(
        lambda: sender.answers.total() - sender.answers[200] >= before + 6, "5xx", PATIENCE_S
    )
    refused = {status for status in sender.answers if status not in (0, 200)}
    assert refused, "nobody noticed"
    assert min(refused) >= 500, sender.answers
    server.comes_back()
    began = time.monotonic()
    here = len(sender.acked)
    eventually(lambda: len(sender.acked) > here, "events are taken in again", PATIENCE_S)
    taken = time.monotonic() - began
    mine = set(sender.acked) - set(list(sender.acked)[:acked])
    eventually(lambda: not company.states(mine)["pending"], "they are processed", PATIENCE_S)
    assert fleet.ended() == {}, "a process ended over it"
    processed = time.monotonic() - began
    return f"back after {mode}: taken in within {taken:.1f} s, processed within {processed:.1f} s"


def test_sqlite_with_one_of_each(
    sqlite_url: str, founded: Callable[[str], Company], record_property: Numbers
):
    company = founded(sqlite_url)
    headers = company.headers
    with Fleet(company.environment, web=1, workers=1) as fleet:
        company.opens(fleet.urls()[0], headers)
        company.stripe_server.box.latency.plan("GET", "/v1/", ROUND_TRIP_S)
        buyer = Buyer(company, fleet, headers)
        with Sender(company.subscriptions, SECRET, fleet.urls) as sender:
            rounds = Rounds(company, fleet, sender, buyer)
            rounds.play(["worker-0"] * ROUNDS)
        buyer.done()
        a_last_word(company, fleet)
        found = nothing_is_lost_or_done_twice(company, sender, buyer)
    deaths = rounds.told("the next worker, from its start on, had gone on:")
    record_property("numbers", f"{deaths}; {found}")
