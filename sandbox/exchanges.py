"""What passes between a client and the sandbox, and how somebody can watch it."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from .kernel.errors import Json
from .kernel.faults import FaultKind

VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$")


class LoggedCall(NamedTuple):
    """A request the API was asked, with the status it answered (None: no answer was given)."""

    method: str
    path: str
    params: Json
    headers: dict[str, str]
    status: int | None


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    id: str
    method: str
    path: str
    encoded: str
    headers: dict[str, str]
    fault: FaultKind | None

    @property
    def key(self) -> str | None:
        """Idempotency keys mean something on POST only (Stripe docs: idempotent requests)."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def is_json(self) -> bool:
        """The v2 API takes JSON, the v1 API forms (Stripe docs: API v2 overview)."""
        return self.method == "POST" and self.path.startswith("/v2/")


@dataclass
class Reply:
    """What goes back over the wire."""

    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """A request and its answer; `status` and `body` are None where a fault left it unanswered.

    Query and form are one, as they came; header names are in lower case.
    """

    method: str
    path: str
    encoded: str
    headers: dict[str, str]
    status: int | None
    body: Json | None

    @classmethod
    def of(cls, request: Request, reply: Reply | None) -> Exchange:
        return cls(
            request.method,
            request.path,
            request.encoded,
            request.headers,
            reply.status if reply else None,
            reply.body if reply else None,
        )


class Observer(Protocol):
    """Sees everything a sandbox says. What it is shown is the sandbox's own: not to be changed."""

    def exchanged(self, exchange: Exchange) -> None:
        """A request was answered, or left without an answer."""

    def announced(self, event: Json) -> None:
        """A snapshot event came to be, as its endpoints receive it."""


class Recorder:
    """Appends what it sees to a file, a JSON line each; several sandboxes may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def exchanged(self, exchange: Exchange) -> None:
        self._append({"exchange": asdict(exchange)})

    def announced(self, event: Json) -> None:
        self._append({"event": event})

    def _append(self, entry: Json) -> None:
        line = json.dumps(entry).encode() + b"\n"
        # Unbuffered and at the end: a line is written whole or, if the process is killed, not.
        with self._lock, self._path.open("ab", buffering=0) as file:
            file.write(line)
