"""Jobs: what is due, by whom it may be done at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Job:
    """Something due for ``owner``, to be done under the owner's claim.

    It was due when it was found: ``do`` looks again, since another process may have done it.
    """

    owner: str
    do: Callable[[], object]


class Queue(Protocol):
    """Rows that wait to be worked off, one owner at a time."""

    def due(self, limit: int, besides: Collection[str]) -> list[Job]:
        """What is due, longest waiting first, one job per owner; none of ``besides``."""
        ...
