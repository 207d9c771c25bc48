"""Pages of docs/ taken at their word: what they tell a reader to type is typed, and what they say
comes out does come out.

In a page, a block fenced as `sh` is typed into a shell, in order; `sh everywhere` into every shell
from then on. `sh background` is started and left running until the page ends, and gone on with once
it has printed a line, with `sh background WORDS` one that has these words in it. A block fenced as
`text` right after one is what it prints, where `…` stands for anything. A block fenced as `toml`
or `python` whose first line is `# NAME` is a file of that name.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w.-]+\.(?:toml|py))\n")
PATIENCE_S = 100
BACKGROUND = "sh background"


@dataclass(frozen=True)
class Block:
    """A fenced block: how it is fenced, what stands in it, and where."""

    kind: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of docs/``page``, in order."""
    text = (DOCS / page).read_text("utf-8")
    return [
        Block(found[1].strip(), found[2], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


def type_all(
    page: str, folder: Path, ports: Mapping[int, int], env: Mapping[str, str] | None = None
) -> int:
    """Types a page's commands in ``folder``, with other ``ports`` for those it names; how many.
    ``env`` is what the reader's machine has set besides.

    Raises AssertionError for a command that fails, or prints something else than the page says.
    """
    with _Typist(folder, ports, env or {}) as typist:
        found = blocks(page)
        for block, after in zip(found, [*found[1:], None], strict=True):
            says = after.text if after and after.kind == "text" else None
            where = f"docs/{page}:{block.line}"
            if block.kind.startswith(BACKGROUND):
                typist.start(block.text, where, block.kind.removeprefix(BACKGROUND).strip())
            elif block.kind == "sh everywhere":
                typist.everywhere += block.text
            elif block.kind == "sh":
                typist.enter(block.text, where, says)
            elif block.kind in ("toml", "python") and (name := NAMED.match(block.text)):
                (folder / name[1]).write_text(typist.local(block.text))
        return typist.typed


class _Typist:
    def __init__(self, folder: Path, ports: Mapping[int, int], env: Mapping[str, str]) -> None:
        self.typed = 0
        self.everywhere = ""
        self._folder = folder
        self._ports = ports
        self._running: list[subprocess.Popen[str]] = []
        tools = Path(sys.executable).parent
        self._env = {
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "NO_PROXY": "*",
            "COLUMNS": "80",
            **env,
        }

    def __enter__(self) -> _Typist:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate()

    def local(self, text: str) -> str:
        for named, free in self._ports.items():
            text = text.replace(str(named), str(free))
        return text

    def start(self, text: str, where: str, until: str) -> None:
        process = self._bash(text)
        self._running.append(process)
        assert process.stdout is not None
        printed = [process.stdout.readline()]
        while printed[-1] and until not in printed[-1]:
            printed.append(process.stdout.readline())
        assert printed[-1], f"{where} ended:\n{''.join(printed)}"
        self.typed += 1

    def enter(self, text: str, where: str, says: str | None) -> None:
        process = self._bash(text)
        printed, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, f"{where} failed:\n{printed}"
        if says is not None:
            assert fits(self.local(says), printed), f"{where} printed:\n{printed}"
        self.typed += 1

    def _bash(self, text: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", self.local(self.everywhere + text)],
            cwd=self._folder,
            env=self._env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def fits(says: str, printed: str) -> bool:
    """Whether what was printed is what the page says; `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in says.strip().split("…"))
    return re.fullmatch(pattern, _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def mentioned(page: str) -> Iterator[str]:
    """The files that a page links to, as it names them."""
    text = (DOCS / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            yield target
