"""A problem found in a catalogue document, and the list that collects them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a catalogue: where, what, and a stable code for programs."""

    path: str
    message: str
    code: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message} [{self.code}]" if self.path else self.message


class Problems:
    """Collects problems so that a reader is told all of them at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, path: str, code: str, message: str) -> None:
        problem = Problem(path, message, code)
        if problem not in self._found:
            self._found.append(problem)

    def under(self, prefix: str) -> bool:
        """Whether anything is wrong at `prefix` or below it."""
        return any(
            p.path == prefix or p.path.startswith((f"{prefix}.", f"{prefix}[")) for p in self._found
        )

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
