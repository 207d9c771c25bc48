"""Servers to put under load, as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.processes import eventually, free_port

from .load import Broken
from .payloads import SECRET

STORING = ("-c", "from service.cli import main; main()")
VERIFYING = ("-m", "tests.bench.verifying")
START_S = 60.0
STOP_S = 10.0


def environment(database_url: str) -> dict[str, str]:
    """The settings of everything that is measured."""
    return {
        "STRIPE_API_KEY": "sk_test_planshift_bench",
        # Nothing is there (answers are canned), and so there is no limit to keep either.
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "PLANSHIFT_DATABASE_URL": database_url,
        "PLANSHIFT_CATALOGUE": "operations",
    }


@contextmanager
def served(program: tuple[str, ...], database_url: str, log: Path) -> Iterator[int]:
    """Run ``planshift serve`` (or its stand-in) on a free port, which is given.

    Raises:
        Broken: it does not start; the text ends with what it printed last.
    """
    port = free_port()
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, *program, "serve", "--port", str(port)],
            env={**os.environ, **environment(database_url)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(lambda: _ready(running, port, log), "the server is ready", START_S)
        yield port
    finally:
        _stop(running)


def _ready(running: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    if running.poll() is not None:
        raise Broken(f"the server has ended: {log.read_text()[-2000:]}")
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _stop(running: subprocess.Popen[bytes]) -> None:
    if running.poll() is not None:
        return
    running.terminate()
    try:
        running.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(STOP_S)
