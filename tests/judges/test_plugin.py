"""The judge sits in every sandbox, whoever opens it and in whichever process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox import Sandbox
from tests.support.processes import eventually, free_port

from . import plugin
from .bench import Bench
from .openapi import seated

KEY = {"Authorization": "Bearer sk_test_somebody_else"}


def test_it_sits_in_every_sandbox_of_this_process():
    assert plugin.BENCH in Sandbox(0).observers


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A sandbox in a process of its own, with the file it records into."""
    record, port = tmp_path / "record", free_port()
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--record", str(record)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: listens(url), "the sandbox listens", 20)
            yield url, record
        finally:
            process.kill()


def listens(url: str) -> bool:
    try:
        return requests.get(f"{url}/_sandbox/state", timeout=1).ok
    except requests.ConnectionError:
        return False


def test_what_another_process_recorded_is_judged(apart: tuple[str, Path]):
    url, record = apart
    made = requests.post(f"{url}/v1/customers", {"name": "Acme"}, headers=KEY, timeout=5)
    assert made.status_code == 200
    bench, elsewhere = Bench(seated), plugin.Elsewhere(record)
    elsewhere.hand_over(bench)
    assert bench.verdict() == []
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == ["event", "exchange"]

    lines[1]["exchange"]["body"]["colour"] = "red"
    with record.open("a") as file:
        file.write(json.dumps(lines[1]) + '\n{"exchange": {"half a line')
    elsewhere.hand_over(bench)
    assert bench.verdict() == ["answer of POST /v1/customers: (whole): unknown colour"]


def test_processes_started_by_tests_record_for_the_judge():
    assert Path(os.environ["SANDBOX_RECORD"]).parent.is_dir()
