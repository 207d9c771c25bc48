"""The official Stripe CLI, run against a sandbox: no home of its own, no way to the internet.

It is the npm package `@stripe/cli`. `STRIPE_CLI` names the binary; else it is looked for in
node_modules and on PATH. In CI it must be there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .processes import eventually

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk_test_1234567890abc"
MISSING = (
    "THE OFFICIAL STRIPE CLI IS NOT HERE, so nothing on this page was tried: "
    "`npm install --no-save @stripe/cli`, or set STRIPE_CLI to its path"
)


def find_cli() -> str:
    """The binary. Where there is none, the test is skipped with that reason, and in CI fails."""
    local = ROOT / "node_modules" / ".bin" / "stripe"
    found = os.environ.get("STRIPE_CLI") or (str(local) if local.exists() else None)
    found = found or shutil.which("stripe")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


class StripeCli:
    """The CLI of one user, whose home is ``home``, talking to ``url``; with ``unix_socket`` what it
    sends to other hosts goes there."""

    def __init__(self, url: str, home: Path, unix_socket: Path | None = None) -> None:
        self.command = (find_cli(), "--api-base", url)
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "STRIPE_API_KEY": KEY,
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
            "NO_PROXY": "127.0.0.1",
            # its check for a newer version of itself fails at once and silently
            "HTTPS_PROXY": "http://127.0.0.1:9",
        }
        if unix_socket:
            self.environment["STRIPE_CLI_UNIX_SOCKET"] = str(unix_socket)

    def __call__(self, *arguments: str) -> str:
        """What a command prints; it has to succeed."""
        done = subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, *arguments: str, ready: str = "Ready!") -> Iterator[Path]:
        """A command that runs until the block ends; gives the file it prints to.

        The block ends as at Ctrl-C: the CLI is told to stop and gets to say goodbye.
        """
        log = self.home / f"{'-'.join(arguments[:1])}.log"
        begun = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*self.command, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # node starts the CLI proper: both have to be reached
                start_new_session=True,
            )
            try:
                eventually(
                    lambda: ready in log.read_text(errors="replace")[begun:],
                    f"`stripe {' '.join(arguments)}` is ready",
                    20,
                )
                yield log
            finally:
                os.killpg(process.pid, signal.SIGINT)
                try:
                    process.wait(10)
                finally:
                    if process.poll() is None:
                        os.killpg(process.pid, signal.SIGKILL)
