"""Processes that live exactly as long as their owner: each with a log, all ended with it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

HOST = "127.0.0.1"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.03


class StartFailed(Exception):
    """A process did not start; the text is one line that says which and why."""


@dataclass(frozen=True)
class Child:
    """A process started here. ``log`` holds all it printed."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def tail(self, lines: int = 12) -> list[str]:
        """The last lines it printed."""
        return self.log.read_text(errors="replace").splitlines()[-lines:]

    def stop(self) -> None:
        """Ask it to end; make it end if it does not."""
        if not self.ended:
            self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT_S)
        # Its own children too, should it have left any behind: they would keep the port.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Children:
    """All processes of one owner; leaving the block ends them, the last started first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Child] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        with _unhurried():
            for child in reversed(self.all):
                child.stop()

    def start(self, name: str, module: str, *arguments: str, env: Mapping[str, str]) -> Child:
        """Start ``python -m module arguments…`` with exactly the environment ``env``."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=dict(env),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches us only, and we end it in order.
                start_new_session=True,
            )
        child = Child(name, process, log)
        self.all.append(child)
        return child

    def dead(self) -> list[Child]:
        """Those that ended although nobody told them to."""
        return [child for child in self.all if child.ended]


def wait_for(child: Child, answers: Callable[[], bool]) -> None:
    """Wait until the process ``answers``.

    Raises:
        StartFailed: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if child.ended:
            said = " ".join(child.tail(1)) or f"exit code {child.process.returncode}"
            raise StartFailed(f"The {child.name} did not start: {said}")
        if time.monotonic() > deadline:
            raise StartFailed(f"The {child.name} did not answer within {START_TIMEOUT_S:.0f} s.")
        time.sleep(POLL_S)


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in sockets]


def claim_port(port: int, option: str) -> int:
    """``port`` if it is free. Raises StartFailed, naming the option that chooses another."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise StartFailed(
            f"Port {port} cannot be used ({error.strerror}); choose another with {option}."
        ) from error
    return port


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without this deployment's settings, so that nothing real is ever touched.

    Loopback is never reached through a proxy.
    """
    ours = ("STRIPE_", "PLANSHIFT_")
    kept = {name: value for name, value in environ.items() if not name.startswith(ours)}
    # Their logs are read as UTF-8, whatever the terminal speaks.
    python = {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    return {**kept, **python, "NO_PROXY": HOST, "no_proxy": HOST}


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that no process is left behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handling(interrupt):
        yield


@contextmanager
def temporary_folder(purpose: str, tell: Callable[[str], None]) -> Iterator[Path]:
    """A folder that goes with the block, unless that fails: then ``tell`` learns where it is."""
    folder = Path(tempfile.mkdtemp(prefix=f"planshift-{purpose}-"))
    try:
        yield folder
    except Exception:
        tell(f"Database, e-mails and logs are kept in {folder}")
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _unhurried() -> Iterator[None]:
    """Let nobody interrupt the block: impatience would leave processes behind."""
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, previous in zip(numbers, before, strict=True):
            signal.signal(number, previous)
