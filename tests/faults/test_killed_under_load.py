"""Processes die, and the database goes away, while Stripe's events and callers' orders keep coming.

Whatever was acknowledged is processed in the end, by whom does not matter; what was ordered is done
once. `make test` plays two rounds, `make soak` twenty.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

import pytest
import requests
from sqlalchemy import func, select, text

from adapter.allowances.ledger import Kind
from adapter.keys import SCOPES
from adapter.tables import AllowanceLotRow, EventRow, NoticeRow
from sandbox.server import Server, open_server
from service.settings import Settings
from service.wiring import Parts, build
from tests.faults.fleet import Fleet
from tests.laws import mirrored
from tests.support.postgres import SAFE, NoPostgres, PostgresServer, private_server
from tests.support.processes import eventually
from tests.support.sampling import SOAK
from tests.support.sending import Sender
from tests.support.shops import on_sale, stocked

ROUNDS = 20 if SOAK else 2
ACCOUNTS = 12 if SOAK else 3
OUTAGES = ("immediate", "fast", "immediate", "fast") if SOAK else ("immediate",)
# So much is sent, at least, between one death and the next.
BETWEEN = 40 if SOAK else 8
SECRET = "whsec_of_the_tests"
# How long Stripe takes, so that a worker is often killed while it waits for it.
ROUND_TRIP_S = 0.03
PATIENCE_S = 180

# Events of the owners that a process has claimed: claims are advisory locks of its connection.
CLAIMED = text("""
    SELECT e.id FROM events e
    JOIN pg_locks l ON l.locktype = 'advisory' AND l.granted
     AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(e.owner, 0)
    JOIN pg_stat_activity a ON a.pid = l.pid AND a.application_name = :name
    WHERE e.state = 'pending'
""")

pytestmark = pytest.mark.timeout(3_600 if SOAK else 600)
Numbers = Callable[[str, object], None]


@dataclass
class Company:
    """Accounts with a plan each, the Stripe that has them, and the database, seen from here."""

    stripe_server: Server
    environment: dict[str, str]
    parts: Parts
    refs: list[str] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.parts.keys.create('load', SCOPES)}"}

    def stripe(self, method: str, path: str, **params: Any) -> Any:
        """A call by somebody else; so it is named as in a World."""
        headers = {"Authorization": "Bearer sk_test_somebody_else"}
        kind = "params" if method == "GET" else "data"
        url = self.stripe_server.url + path
        answer = requests.request(method, url, headers=headers, timeout=10, **{kind: params})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def opens(self, url: str, headers: dict[str, str]) -> None:
        """Every account buys its plan."""
        for number in range(ACCOUNTS):
            ref = f"acme-{number}"
            customer = asked(url, headers, "PUT", f"/v1/accounts/{ref}", {"email": "a@b.example"})
            path = "/v1/payment_methods/pm_card_visa/attach"
            card = self.stripe("POST", path, customer=customer["customer"])["id"]
            default = {"invoice_settings[default_payment_method]": card}
            self.stripe("POST", f"/v1/customers/{customer['customer']}", **default)
            wanted = {"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}
            path = f"/v1/accounts/{ref}"
            quote = asked(url, headers, "POST", f"{path}/quotes", {"changes": [wanted]})
            asked(url, headers, "POST", f"{path}/plan-changes", {"quote": quote["id"]})
            self.refs.append(ref)
        self.subscriptions = self.stripe("GET", "/v1/subscriptions", limit=100)["data"]
        assert len(self.subscriptions) == ACCOUNTS

    def edits(self, number: int) -> None:
        """Somebody sets a plan to end, or lets it go on, in the dashboard."""
        sub = self.subscriptions[number % ACCOUNTS]["id"]
        ends = self.stripe("GET", f"/v1/subscriptions/{sub}")["cancel_at_period_end"]
        wanted = "false" if ends else "true"
        self.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end=wanted)

    def pending(self) -> int:
        with self.parts.database.read() as tx:
            waiting = select(func.count()).where(EventRow.state == "pending")
            return int(tx.execute(waiting).scalar_one())

    def states(self, ids: set[str]) -> Counter[str]:
        """The states of these events; ``lost`` are those that are not there."""
        with self.parts.database.read() as tx:
            rows = tx.execute(select(EventRow.id, EventRow.state)).all()
        found = {name: state for name, state in rows}  # noqa: C416
        return Counter(found.get(one, "lost") for one in ids)

    def claimed_by(self, name: str) -> set[str]:
        with self.parts.database.read() as tx:
            return set(tx.execute(CLAIMED, {"name": name}).scalars())


def asked(url: str, headers: dict[str, str], method: str, path: str, body: Any) -> Any:
    answer = requests.request(method, url + path, json=body, headers=headers, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


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


class Buyer:
    """A caller that buys packs, and asks again under the same key until it is answered."""

    def __init__(self, company: Company, fleet: Fleet, headers: dict[str, str]) -> None:
        self.bought = 0
        self._company = company
        self._fleet = fleet
        self._headers = headers
        self._threads: list[threading.Thread] = []

    def buys(self, number: int) -> None:
        """Begin to buy one; it is seen through whatever dies."""
        thread = threading.Thread(target=self._buy, args=(number,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def done(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert self.bought == len(self._threads), "an order was never answered"

    def _buy(self, number: int) -> None:
        ref = self._company.refs[number % ACCOUNTS]
        body = {"family": "operations", "pack": "extra-1k", "quantity": 1}
        headers = {**self._headers, "Idempotency-Key": f"pack {number}"}
        deadline = time.monotonic() + PATIENCE_S
        for turn in range(100_000):
            urls = self._fleet.urls()
            path = f"{urls[turn % len(urls)]}/v1/accounts/{ref}/purchases"
            try:
                status = requests.post(path, json=body, headers=headers, timeout=30).status_code
            except requests.RequestException:
                status = 0
            if status in (200, 201, 202):
                self.bought += 1
                return
            # 409: the request that died is still taken to be under way.
            assert status in (0, 409, 429) or status >= 500, status
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)


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
    assert fleet.is_whole(), "a process ended over it"
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
