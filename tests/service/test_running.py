"""``planshift run``: everything in one terminal, ready to be called, gone with Ctrl-C."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from service.demo.processes import HOST, free_ports, listens

COMMAND = (sys.executable, "-m", "service.cli", "run")


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``planshift run`` and what it said until it was ready."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder), "STRIPE_API_KEY": "sk_live_never"},
    ) as process:
        assert process.stdout is not None
        said = ""
        try:
            while "Ctrl-C stops everything" not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            yield process, said
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.timeout(120)
def test_it_runs_until_interrupted_and_its_examples_work(tmp_path: Path):
    port, sandbox = free_ports(2)
    ports = ("--port", str(port), "--sandbox-port", str(sandbox))
    with running(tmp_path, *ports) as (process, said):
        found = re.search(r"export KEY=(psk_\S+)", said)
        assert found is not None
        examples = [line for line in said.splitlines() if line.strip().startswith("curl ")]
        answers = [answer_to(example, found[1]) for example in examples]
        assert answers == [201, 201, 200]
        assert requests.get(f"http://{HOST}:{port}/readyz", timeout=5).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout is not None
        assert "Stopped." in process.stdout.read()
    assert not listens(port)
    assert not listens(sandbox)
    assert list(tmp_path.iterdir()) == []


def answer_to(example: str, key: str) -> int:
    """The status that a curl line brings, without needing curl."""
    words = shlex.split(example.replace("$KEY", key))
    options = list(pairwise(words))
    (url,) = (word for word in words if word.startswith("http://"))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    method = next((value for option, value in options if option == "-X"), "POST")
    data = next(value for option, value in options if option == "-d")
    return requests.request(method, url, headers=headers, data=data, timeout=20).status_code


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path):
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"TMPDIR": str(tmp_path)},
        )
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stdout
    assert "--port" in done.stdout
    assert len(done.stdout.strip().splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []
