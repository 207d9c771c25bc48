"""What is due when: one heap per clock, validated lazily.

Objects know their own next due moment; the heap only remembers to ask. An entry whose object has
moved on is dropped when it comes up, so nothing is ever searched or removed, rolled back requests
leave nothing to clean, and an advance costs what is due and not what exists.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush
from typing import NamedTuple

ClockId = str | None


class Entry(NamedTuple):
    """A moment at which an object wants to act; `seq` (creation order) breaks ties."""

    moment: int
    seq: int
    family: str
    identifier: str


class Agenda:
    """Due entries per clock; None is the sandbox's own clock."""

    def __init__(self) -> None:
        self._heaps: dict[ClockId, list[Entry]] = defaultdict(list)
        self._present: set[tuple[ClockId, Entry]] = set()

    def put(self, clock: ClockId, entry: Entry) -> None:
        key = (clock, entry)
        if key not in self._present:
            self._present.add(key)
            heappush(self._heaps[clock], entry)

    def earliest(self, clock: ClockId) -> Entry | None:
        """The entry that comes up first, left where it is."""
        heap = self._heaps[clock]
        return heap[0] if heap else None

    def take(self, clock: ClockId, until: int) -> Entry | None:
        """The earliest entry not after `until`, removed."""
        heap = self._heaps[clock]
        if not heap or heap[0].moment > until:
            return None
        entry = heappop(heap)
        self._present.discard((clock, entry))
        return entry
