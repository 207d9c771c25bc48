"""A service that dies at a chosen point and comes back, in one process.

A *point* is a place where a process may die and it matters: before a write is sent to Stripe,
after Stripe answered and before the answer is used, before and after every commit that changes
rows. They are found by wrapping the one door to Stripe and the one door to the database, so code
that is new has its points without saying so.

A world is prepared once and frozen; each death is died in a copy of it.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import responses
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from adapter.clock import WallClock
from adapter.database import Database
from adapter.gateway.pacing import Urgency
from adapter.gateway.write import Answer, CommittedIntent
from adapter.tables import DueWorkRow, EventRow, NoticeRow
from sandbox import Sandbox, mount
from service.wiring import Parts, build
from service.worker import Worker
from tests.support.apps import app_for
from tests.support.copies import copied_box, copied_database, drop_database
from tests.support.world import API, SERVICE, Outbox, World

CHANGES = ("INSERT", "UPDATE", "DELETE")
# Longer than a change belongs to its request, and than a notice to the worker that took it.
A_WHILE = timedelta(minutes=10)
# Longer than Stripe remembers an idempotency key.
A_DAY = timedelta(hours=25)


class Killed(BaseException):
    """The process is gone. No Exception, so nothing that handles errors may catch it."""


class Fate:
    """Counts the points a service passes, and ends it at the chosen ones.

    Once dead, a process does nothing any more: what still runs on the way out is stopped at its
    next write. ``passed`` tells every point, in order.
    """

    def __init__(self, *deaths: int) -> None:
        self.passed: list[str] = []
        self.dead = False
        self._deaths = frozenset(deaths)

    def alive(self) -> None:
        """Raises Killed if the process is gone."""
        if self.dead:
            raise Killed("it is dead already")

    def point(self, what: str) -> None:
        """The process passes a point, or dies at it."""
        self.alive()
        self.passed.append(what)
        if len(self.passed) - 1 in self._deaths:
            self.dead = True
            raise Killed(what)


class Later:
    """Wall time as it will be when the service is looked after again."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


class Life:
    """One copy of a frozen world: web process and worker may die in it, Stripe does not.

    Their clock can be put forward by ``waits``; Stripe's stands still unless a test moves it.
    """

    def __init__(self, world: World, url: str, fate: Fate) -> None:
        self.w = world
        self.fate = fate
        self._settings = replace(world.parts.settings, database_url=url)
        self._secrets = world.parts.edge.secrets
        self._catalogue = world.parts.catalogue
        self._clock = Later()
        self._processes: list[Parts] = []
        self._lent = ExitStack()
        self.start()

    def start(self) -> None:
        """Web process and worker begin, after whatever processes there were are gone."""
        self.stop()
        self.fate.dead = False
        web, behind = self._process(), self._process()
        self.w.parts = web
        self.w.app = self._lent.enter_context(app_for(web))
        self.w.http = self.w.app.test_client()
        self.w.worker = Worker(behind, self.w.mail)

    def stop(self) -> None:
        """Let go of the database."""
        self._lent.close()
        while self._processes:
            self._processes.pop().database.dispose()

    def waits(self, time: timedelta) -> None:
        """Let wall time pass."""
        self._clock.by += time
        for process in self._processes:
            process.reader.time.observe(formatdate(self.w.box.now(), usegmt=True))

    def rests(self) -> bool:
        """Deliver and work until nothing is left for now; says whether there was anything.

        Raises Killed if a process dies over it: somebody has to ``start`` it again.
        """
        for turn in count():
            assert turn < 100, "the system does not come to rest"
            delivered = self.w.box.deliver_pending()
            if self.w.worker.round().idle and not delivered:
                return turn > 0
        raise AssertionError

    def recovers(self, away: timedelta = A_WHILE) -> None:
        """Restart what died, and let time pass until the worker finds nothing left to do."""
        self.waits(away)
        for turn in count():
            assert turn < 20, "the system does not recover"
            try:
                if self.fate.dead:
                    self.start()
                    self.waits(A_WHILE)
                if not self.rests() and turn and not self._tries_again():
                    return
                self.waits(A_WHILE)
            except Killed:
                continue

    def _tries_again(self) -> bool:
        """Whether something failed and waits for its next attempt."""
        with self.w.parts.database.read() as tx:
            waiting = (
                select(queue.seq).where(queue.state == "pending", queue.attempts > 0)
                for queue in (EventRow, DueWorkRow, NoticeRow)
            )
            return any(tx.scalars(each.limit(1)).first() is not None for each in waiting)

    def _process(self) -> Parts:
        parts = build(self._settings, self._clock, self._catalogue, Urgency.FREE)
        # A process that is just up knows Stripe's time only from the first answer.
        parts.reader.time.observe(formatdate(self.w.box.now(), usegmt=True))
        parts.edge.secrets[:] = self._secrets
        # The sandbox signs by the machine's clock, which cannot be put forward.
        parts.edge._clock = WallClock()
        _watch_writer(parts, self.fate)
        _watch_commits(parts.database, self.fate)
        self._processes.append(parts)
        return parts


def _watch_writer(parts: Parts, fate: Fate) -> None:
    send = parts.writer.send

    def watched(intent: CommittedIntent) -> Answer:
        name = f"{intent.operation} ({_step(intent.key)})"
        fate.point(f"before {name} is sent")
        try:
            answer = send(intent)
        except Exception:
            fate.point(f"after {name} failed")
            raise
        fate.point(f"after {name} was answered")
        return answer

    parts.writer.send = watched  # type: ignore[method-assign]


def _watch_commits(database: Database, fate: Fate) -> None:
    """Points around each transaction that changes rows; those that only look have none.

    Nor has the taking of a ticket: a number that is never used is the same as none taken.
    """
    statements = count()
    seen = {"last": 0, "ticket": False}
    begin, take = database.write, database.next_ticket

    def executed(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip()[:6].upper() in CHANGES:
            seen["last"] = next(statements) + 1

    event.listen(database.engine, "before_cursor_execute", executed)

    @contextmanager
    def write() -> Iterator[Session]:
        fate.alive()
        by = _commits(sys._getframe(2))
        with begin() as tx:
            before = seen["last"]
            yield tx
            tx.flush()
            matters = seen["last"] != before and not seen["ticket"]
            if matters:
                fate.point(f"before the commit of {by}")
        if matters:
            fate.point(f"after the commit of {by}")

    def next_ticket() -> int:
        fate.alive()
        seen["ticket"] = True
        try:
            return take()
        finally:
            seen["ticket"] = False

    database.write = write  # type: ignore[method-assign]
    database.next_ticket = next_ticket  # type: ignore[method-assign]


def _commits(frame: FrameType) -> str:
    """Whose commit it is, by the function that makes it; with the step where it is one's."""
    step = frame.f_locals.get("key") or frame.f_locals.get("step")
    return frame.f_code.co_qualname + (f" ({_step(step)})" if isinstance(step, str) else "")


def _step(key: str) -> str:
    """``step:attempt`` of an idempotency key."""
    return ":".join(key.split(":")[-2:])


@dataclass(frozen=True)
class Frozen:
    """A world at rest, from which any number of lives can be begun."""

    world: World
    url: str

    @classmethod
    def of(cls, life: Life, folder: Path) -> Frozen:
        """What ``life`` has come to. It is over with that."""
        life.stop()
        url = life._settings.database_url
        return cls(_likeness(life.w, copied_box(life.w.box)), copied_database(url, folder))

    @contextmanager
    def life(self, fate: Fate | None = None) -> Iterator[Life]:
        """A life of its own, in copies of the database and of all that Stripe holds."""
        with (
            tempfile.TemporaryDirectory() as folder,
            responses.RequestsMock(assert_all_requests_are_fired=False) as mock,
        ):
            url = copied_database(self.url, Path(folder))
            box = copied_box(self.world.box)
            w = _likeness(self.world, box)
            w.mock = mock
            mount(box, mock, API)
            mock.add_callback("POST", f"{SERVICE}/webhooks/stripe", w._webhook)
            life = Life(w, url, fate or Fate())
            try:
                yield life
            finally:
                life.stop()
                drop_database(url)


def _likeness(world: World, box: Sandbox) -> World:
    alike = copy.copy(world)
    alike.box = box
    alike.mail = Outbox()
    alike.mail.messages.extend(world.mail.messages)
    return alike
