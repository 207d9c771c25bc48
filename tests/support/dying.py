"""A service that dies at one of its writes, and the worker that takes over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest
from sqlalchemy import update

from adapter.due import WALL
from adapter.gateway.write import Answer, CommittedIntent
from adapter.tables import DueWorkRow
from tests.support.killing import Killed
from tests.support.world import World

When = Literal["before", "after"]


def dies_at(w: World, monkeypatch: pytest.MonkeyPatch, number: int, when: When) -> None:
    """The service dies at its write ``number``, before the request leaves or after its effect."""
    send, left = w.parts.writer.send, [number]

    def mortal(intent: CommittedIntent) -> Answer:
        left[0] -= 1
        if left[0] == -1 and when == "before":
            raise Killed
        answer = send(intent)
        if left[0] == -1:
            raise Killed
        return answer

    monkeypatch.setattr(w.parts.writer, "send", mortal)


def the_worker_takes_over(w: World) -> None:
    """Let the time pass for which an order belongs to its request, and then some."""
    for _ in range(4):
        with w.parts.database.write() as tx:
            past = datetime(2020, 1, 1, tzinfo=UTC)
            mine = (DueWorkRow.state == "pending") & (DueWorkRow.clock == WALL)
            tx.execute(update(DueWorkRow).where(mine).values(next_at=past))
        w.worker.round()
    w.settle()
