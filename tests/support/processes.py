"""The service and the worker as real processes, to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType

import requests


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """One ``planshift`` command, in a process group of its own."""

    def __init__(self, environment: Mapping[str, str], *arguments: str) -> None:
        self._told = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the process)
        self._running = subprocess.Popen(
            [sys.executable, "-c", "from service.cli import main; main()", *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=self._told,
            start_new_session=True,
        )

    @property
    def runs(self) -> bool:
        return self._running.poll() is None

    def last_words(self) -> str:
        """The end of what it logged."""
        self._told.seek(0)
        return self._told.read().decode(errors="replace")[-4_000:]

    def kill(self) -> None:
        """``kill -9``, all of it at once: no handler runs, nothing is flushed."""
        if self._running.poll() is None:
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait(10)
        self._told.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.kill()


class Service(Process):
    """``planshift serve`` on a free port, ready to answer."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(environment, "serve", "--port", str(port))
        eventually(self._ready, "the service is ready", 30)

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=1).status_code == 200
        except requests.ConnectionError:
            return False


def eventually(happened: object, what: str, seconds: float) -> None:
    """Wait until ``happened()`` is true; fail with ``what`` after ``seconds``."""
    assert callable(happened)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")
