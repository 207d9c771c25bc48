"""Seats the judge in every sandbox that a test opens, in this process or in one it starts."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Exchange, Sandbox

from .bench import Bench
from .document import NoDocument, located
from .openapi import seated

BENCH = Bench(seated)
ELSEWHERE = pytest.StashKey["Elsewhere"]()


class Elsewhere:
    """What sandboxes in processes of their own have recorded (``python -m sandbox --record``)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def hand_over(self, bench: Bench) -> None:
        """Shows the bench what came since the last time; half a line waits for its end."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            entry = json.loads(line)
            if "event" in entry:
                bench.announced(entry["event"])
            else:
                bench.exchanged(Exchange(**entry["exchange"]))


def pytest_configure(config: pytest.Config) -> None:
    """Without the document nothing is tested: a judge that is absent must not look like consent."""
    try:
        located()
    except NoDocument as missing:
        raise pytest.UsageError(str(missing)) from None
    config.addinivalue_line("markers", "dispute(complaint): the judge is overruled")
    folder = tempfile.TemporaryDirectory(prefix="judged-")
    config.add_cleanup(folder.cleanup)
    record = Path(folder.name) / "exchanges"
    os.environ["SANDBOX_RECORD"] = str(record)
    config.stash[ELSEWHERE] = Elsewhere(record)
    _seat(Sandbox)


def _seat(kind: type[Sandbox]) -> None:
    make = kind.__init__

    @functools.wraps(make)
    def observed(self: Sandbox, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self.observers.append(BENCH)

    kind.__init__ = observed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    _pronounce(item, [str(mark.args[0]) for mark in item.iter_markers("dispute")])
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    _pronounce(item, [])
    return result


def _pronounce(item: pytest.Item, disputed: list[str]) -> None:
    item.config.stash[ELSEWHERE].hand_over(BENCH)
    if found := BENCH.verdict(disputed):
        pytest.fail("Stripe's document says otherwise:\n" + "\n".join(found), pytrace=False)
