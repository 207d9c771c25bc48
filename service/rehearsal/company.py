"""A company in this process: its service and worker, a Stripe of its own, and an outbox.

The service is the real one and talks to its Stripe over loopback. What happens is decided here and
in one thread: webhooks are delivered and the worker takes its turns when ``settle`` says so, on
clocks that stand still meanwhile. So the same scenario comes out the same every time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from werkzeug.serving import WSGIRequestHandler, make_server

from adapter.clock import WallClock
from adapter.due import BILLING, RECURRING, WALL
from adapter.keys import SCOPES
from adapter.migrations import migrate
from adapter.tables import DueWorkRow, EventRow
from sandbox import Sandbox
from sandbox.server import open_server
from webhooks import Edge

from ..app import create_app
from ..demo.clients import STRIPE_KEY, Planshift, Stripe, Unexpected
from ..demo.processes import HOST
from ..demo.stack import SENDER, register_endpoint
from ..left import dead
from ..settings import Settings
from ..wiring import Parts, build
from ..worker import Worker
from .scenario import Scenario

# How often everything may turn before it comes to rest, and how long a retry is waited for.
MOST_TURNS = 2_000
LONGEST_WAIT = timedelta(hours=1)
# How long a request that is to meet a timeout is kept waiting: nobody learns from more.
SILENCE_S = 0.05
UNLIMITED = "1000000/second"

Stock = Callable[[Sandbox, Parts], None]


class Interrupted(Exception):
    """A rehearsal cannot go on; the text says why. That is not about its expectations."""

    @classmethod
    def restless(cls) -> Interrupted:
        return cls("The service does not come to rest: that is a fault of its own; report it.")

    @classmethod
    def refused_account(cls, ref: str, why: str) -> Interrupted:
        return cls(f"Account {ref} cannot be made: {why}")


class SteppedClock:
    """Wall time that stands still between ``step``s, and leaps over the waits of retries."""

    def __init__(self) -> None:
        self._leapt = timedelta(0)
        self._at = datetime.now(UTC)

    def now(self) -> datetime:
        return self._at

    def step(self) -> None:
        """Catch up with the wall."""
        self._at = max(self._at, datetime.now(UTC) + self._leapt)

    def leap(self, to: datetime) -> None:
        """Let the time until ``to`` be over at once."""
        self._leapt += max(to - self._at, timedelta(0))
        self._at = max(self._at, to)


class Outbox:
    """A mailer that keeps what it is given, with the moment at Stripe."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self.sent: list[tuple[int, EmailMessage]] = []

    def send(self, message: EmailMessage) -> None:
        self.sent.append((self._box.now(), message))


class Company:
    """Everything running. ``planshift`` and ``stripe`` are how the outside reaches it."""

    def __init__(
        self, box: Sandbox, parts: Parts, clock: SteppedClock, planshift: Planshift, stripe: Stripe
    ) -> None:
        self.box = box
        self.planshift = planshift
        self.stripe = stripe
        self.mail = Outbox(box)
        self._parts = parts
        self._clock = clock
        self._worker = Worker(parts, self.mail)

    def now(self) -> datetime:
        """The moment at Stripe."""
        return datetime.fromtimestamp(self.box.now(), UTC)

    def at_stripe(self, method: str, path: str, **params: object) -> Any:
        """What somebody else does or looks at there: faults are planned for the service alone.

        Raises:
            Unexpected: it is refused.
        """
        told = {name: str(value) for name, value in params.items()}
        reply = self.box.ask(method, path, told)
        if reply.status != 200:
            raise Unexpected(f"{method} {path}", reply.status, reply.body)
        return reply.body

    def settle(self) -> None:
        """Deliver, process, work, until nothing is left to do, nor to be tried again soon.

        Raises:
            Interrupted: it does not end.
        """
        deadline = self._clock.now() + LONGEST_WAIT
        for _ in range(MOST_TURNS):
            delivered = self.box.deliver_pending()
            self.tell_time()
            if self._worker.round().idle and not delivered and not self._leap(deadline):
                return
        raise Interrupted.restless()

    def pass_until(self, target: datetime) -> None:
        """Let time pass, from one thing that happens to the next, and all it causes with each."""
        while self.now() < target:
            self.box.advance(to=min(target, *self._coming()))
            self.settle()

    def tell_time(self) -> None:
        """What any answer of Stripe's would show: the present moment there."""
        self._clock.step()
        self._parts.reader.time.observe(format_datetime(self.now(), usegmt=True))

    def backfill(self) -> int:
        """Fetch the events that never came; gives how many those were."""
        return self._parts.backfill.run().missing

    def stuck(self) -> dict[str, int]:
        """What waits for a person, by table."""
        return {name: count for name, count in dead(self._parts.database).items() if count}

    def _coming(self) -> list[datetime]:
        """The next moments after now at which something happens, there or here."""
        now = self.now()
        due = self.box.next_due()
        found = [datetime.fromtimestamp(due, UTC)] if due is not None else []
        found += [moment] if (moment := self._first_work(BILLING)) else []
        ahead = [moment for moment in found if moment > now]
        return ahead or [datetime.max.replace(tzinfo=UTC)]

    def _leap(self, deadline: datetime) -> bool:
        """Go to the next try of something that failed; says whether there is one."""
        with self._parts.database.read() as tx:
            event = tx.scalar(select(func.min(EventRow.next_at)).where(EventRow.state == "pending"))
        moments = [moment for moment in (event, self._first_work(WALL)) if moment is not None]
        if not moments or min(moments) > deadline:
            return False
        self._clock.leap(min(moments))
        self.tell_time()
        return True

    def _first_work(self, clock: str) -> datetime | None:
        with self._parts.database.read() as tx:
            return tx.scalar(
                select(func.min(DueWorkRow.next_at))
                .where(DueWorkRow.state == "pending", DueWorkRow.clock == clock)
                .where(DueWorkRow.kind.not_in([kind.value for kind in RECURRING]))
            )


def synced(_: Sandbox, parts: Parts) -> None:
    """The catalogue at Stripe, by the ordinary sync."""
    parts.catalogue_sync.run(lambda _plan: True)


@contextmanager
def open_company(
    scenario: Scenario, folder: Path, box: Sandbox | None = None, stock: Stock = synced
) -> Iterator[Company]:
    """The company of a scenario, with its catalogue on sale and its webhook endpoint registered.

    ``box`` and ``stock`` are for those who have a Stripe with the catalogue already.
    """
    box = box or Sandbox(scenario.start, seed=scenario.seed)
    box.silence = SILENCE_S
    clock = SteppedClock()
    with _no_proxy(), _serving_stripe(box) as address:
        parts = build(_settings(scenario, address, folder), clock, scenario.catalogue)
        # The edge keeps real time, which the sandbox signs in.
        edge = Edge(parts.database, parts.edge.secrets, parts.settings.livemode, WallClock())
        parts = replace(parts, edge=edge)
        try:
            migrate(parts.database)
            stock(box, parts)
            key = parts.keys.create("rehearsal", SCOPES)
            with _serving(create_app(parts, UNLIMITED)) as service:
                company = Company(box, parts, clock, Planshift(service, key), Stripe(address))
                edge.secrets.append(register_endpoint(company.stripe, service))
                company.settle()
                yield company
        finally:
            parts.database.dispose()


def _settings(scenario: Scenario, stripe: str, folder: Path) -> Settings:
    return Settings.from_environment(
        {
            "STRIPE_API_KEY": STRIPE_KEY,
            "STRIPE_API_BASE": stripe,
            "PLANSHIFT_DATABASE_URL": f"sqlite:///{folder / 'rehearsal.db'}",
            "PLANSHIFT_CATALOGUE": scenario.catalogue_name,
            "PLANSHIFT_MAIL_FROM": SENDER,
            "PLANSHIFT_SALES_EMAIL": "sales@planshift.example",
        }
    )


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the report tells what happened."""


@contextmanager
def _serving(app: Any) -> Iterator[str]:
    server = make_server(HOST, 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _serving_stripe(box: Sandbox) -> Iterator[str]:
    server = open_server(HOST, 0, box=box).start()
    try:
        yield server.url
    finally:
        server.close()


@contextmanager
def _no_proxy() -> Iterator[None]:
    """Loopback is reached directly, whatever proxies this machine goes out by."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ.update(dict.fromkeys(before, HOST))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
