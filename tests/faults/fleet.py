"""Web and worker processes on one database, any of which may be killed and started anew."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from tests.support.processes import Process, Service


class Fleet:
    """``web`` and ``workers`` processes; the name of each is that of its database connections."""

    def __init__(self, environment: Mapping[str, str], web: int, workers: int) -> None:
        self._environment = environment
        self._running: dict[str, Process] = {}
        for number in range(workers):
            self._start(f"worker-{number}")
        for number in range(web):
            self._start(f"web-{number}")

    @property
    def names(self) -> list[str]:
        return sorted(self._running)

    def urls(self) -> list[str]:
        """Where the web processes listen; one that was killed is still among them."""
        return [one.url for one in list(self._running.values()) if isinstance(one, Service)]

    def any_of(self, kind: str, rnd: Random) -> str:
        return rnd.choice([name for name in self.names if name.startswith(kind)])

    def kill(self, name: str) -> None:
        """``kill -9``."""
        self._running[name].kill()

    def again(self, name: str) -> None:
        """Start anew what was killed."""
        self._start(name)

    def ended(self) -> dict[str, str]:
        """Processes that ended by themselves, with the last that they logged."""
        gone = {name: one for name, one in self._running.items() if not one.runs}
        return {name: one.last_words() for name, one in gone.items()}

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()

    def _start(self, name: str) -> None:
        environment = {**self._environment, "PGAPPNAME": name}
        if name.startswith("web"):
            self._running[name] = Service(environment)
        else:
            self._running[name] = Process(environment, "worker")
