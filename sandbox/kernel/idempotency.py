"""Idempotency keys (Stripe docs: idempotent requests).

The first answer given after execution began is stored for 24 hours, whatever its status, 402 and
500 included, and replayed. What failed validation before execution is not stored, nor 409 or 429.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from .errors import Json, idempotency_in_use, idempotency_mismatch

LIFE = 24 * 3_600


@dataclass(frozen=True)
class Answer:
    """What a request was answered: status and JSON body."""

    status: int
    body: Json


@dataclass
class Entry:
    path: str
    params: Any
    created: int
    request_id: str
    answer: Answer | None = None


class Keys:
    """The keys of one account."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def begin(self, key: str, path: str, params: Any, now: int, request_id: str) -> Entry | None:
        """Claims the key. An entry is returned when there is an answer to replay."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and (entry.answer is None or now - entry.created < LIFE):
                if entry.path != path:
                    raise idempotency_mismatch(key, endpoints=(path, entry.path))
                if entry.params != params:
                    raise idempotency_mismatch(key)
                if entry.answer is None:
                    raise idempotency_in_use(key)
                return entry
            self._entries[key] = Entry(path, params, now, request_id)
            return None

    def store(self, key: str, answer: Answer) -> None:
        with self._lock:
            self._entries[key].answer = answer

    def release(self, key: str) -> None:
        """Forgets a claim whose request did not begin to execute."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.answer is None:
                del self._entries[key]
