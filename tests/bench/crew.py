"""Workers in processes of their own, which start on a word and say when they were done."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from service import logs
from service.settings import Settings
from service.wiring import build
from service.worker import SIDE_BY_SIDE, Worker
from tests.support.shops import loaded

from .canned import Canned, Pause
from .load import Broken
from .servers import environment

READY_S = 60.0
LONGEST_S = 120.0
STOP_S = 10.0


@dataclass(frozen=True)
class Span:
    """From when to when, in seconds of the machine's monotonic clock, with how many of them the
    process had a processor.
    """

    begin: float
    end: float
    busy: float


@dataclass
class Hand:
    """One worker process, seen from here."""

    process: SpawnProcess
    wire: Connection

    def go(self, round_trip_s: float) -> None:
        """Drain what there is; Stripe answers after ``round_trip_s`` seconds."""
        self.wire.send(round_trip_s)

    def done(self) -> Span:
        """When it began and ended, and what that took.

        Raises:
            Broken: it died, or takes too long.
        """
        return self._heard(LONGEST_S)

    def ready(self) -> None:
        """Wait until it can start."""
        self._heard(READY_S)

    def dismiss(self) -> None:
        """End it."""
        self.wire.close()
        self.process.join(STOP_S)
        if self.process.is_alive():
            self.process.kill()

    def _heard(self, seconds: float) -> Span:
        try:
            if self.wire.poll(seconds):
                return Span(*self.wire.recv())
        except EOFError as gone:
            raise Broken("a worker process has died") from gone
        raise Broken(f"a worker process took more than {seconds:.0f} s")


def hired(count: int, database_url: str, canned: Canned) -> list[Hand]:
    """``count`` workers on one database, ready."""
    spawn = multiprocessing.get_context("spawn")
    hands = []
    for _ in range(count):
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_work, args=(theirs, database_url, canned), daemon=True)
        process.start()
        theirs.close()
        hands.append(Hand(process, ours))
    for hand in hands:
        hand.ready()
    return hands


def _work(wire: Connection, database_url: str, canned: Canned) -> None:
    """The process: drain at every word, until the wire is closed."""
    logs.configure()
    settings = Settings.from_environment(environment(database_url))
    worker = Worker(build(settings, catalogue=loaded(settings.catalogue)), None, SIDE_BY_SIDE)
    pause = Pause()
    worker.until_idle()
    wire.send((0.0, 0.0, 0.0))
    with canned.answering(pause):
        while True:
            try:
                pause.seconds = wire.recv()
            except EOFError:
                return
            begin, busy = time.monotonic(), time.process_time()
            worker.until_idle()
            wire.send((begin, time.monotonic(), time.process_time() - busy))
