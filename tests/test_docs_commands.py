"""The walk-through with the Stripe CLI is walked: every command of the page, as it stands there.

Only ports are replaced by free ones, and what the page installs is what CI installs.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from service.demo.processes import clean_environment, free_ports, listens
from tests.support.processes import eventually
from tests.support.stripe_cli import find_cli

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "testing-with-the-stripe-cli.md"
BLOCK = re.compile(r"^```sh ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """What kind of block, and its commands, from the top."""
    return BLOCK.findall(PAGE.read_text("utf-8"))


class Reader:
    """Somebody with several terminals, who does what the page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = dict(zip(("12111", "8000"), map(str, free_ports(2)), strict=True))
        self._everywhere = "set -euo pipefail\n"
        tools = folder / "node_modules" / ".bin"
        tools.mkdir(parents=True)
        (tools / "stripe").symlink_to(find_cli())
        self._environment = clean_environment(os.environ) | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            # its check for a newer version of itself fails at once and silently
            "HTTPS_PROXY": "http://127.0.0.1:9",
        }

    def types_everywhere(self, commands: str) -> None:
        self._everywhere += self._here(commands)

    def types(self, commands: str) -> None:
        """Commands that end, and well."""
        done = subprocess.run(
            ["bash", "-c", self._everywhere + self._here(commands)],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"

    @contextmanager
    def leaves_running(self, command: str) -> Iterator[None]:
        """A command in a terminal of its own, until the reader is done."""
        log = self.folder / f"{len(list(self.folder.glob('*.log')))}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", self._everywhere + self._here(command)],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            eventually(lambda: process.poll() is not None or self._is_up(command, log), command, 30)
            assert process.poll() is None, log.read_text()
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)

    def _is_up(self, command: str, log: Path) -> bool:
        if port := re.search(r"--port (\d+)", self._here(command)):
            return listens(int(port[1]))
        return "worker" in command or "Ready!" in log.read_text(errors="replace")

    def _here(self, commands: str) -> str:
        for named, free in self._ports.items():
            commands = commands.replace(f":{named}", f":{free}")
            commands = commands.replace(f"--port {named}", f"--port {free}")
        return commands


@pytest.mark.timeout(180)
def test_every_command_of_the_page_does_what_it_should(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    done = 0
    with ExitStack() as terminals:
        for kind, commands in blocks():
            if kind == "install":
                continue
            if kind == "everywhere":
                reader.types_everywhere(commands)
            elif kind == "terminal":
                terminals.enter_context(reader.leaves_running(commands))
            else:
                reader.types(commands)
            done += len(commands.splitlines())
    assert done > 15


def test_the_page_installs_what_ci_installs() -> None:
    (install,) = [commands for kind, commands in blocks() if kind == "install"]
    said = (ROOT / ".ci" / "run").read_text()
    (version,) = re.findall(r"^STRIPE_CLI_VERSION=(\S+)$", said, re.MULTILINE)
    assert f"@stripe/cli@{version}\n" in install


def test_no_block_of_the_page_is_overlooked() -> None:
    assert PAGE.read_text("utf-8").count("```") == 2 * len(blocks())
    assert {kind for kind, _ in blocks()} == {"", "install", "everywhere", "terminal"}
