"""A load generator: keep-alive connections on loopback, each with one request under way."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .payloads import Delivery

CONNECTIONS = 16
TIMEOUT_S = 20.0
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Broken(Exception):
    """A server did not answer as servers do; the text says how."""


@dataclass
class Slice:
    """What one burst of load saw. Latencies are in seconds, one per answer."""

    seconds: float = 0.0
    acked: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Acknowledged requests per second."""
        return len(self.acked) / self.seconds


@dataclass
class _Connection:
    socket: socket.socket
    event_id: str = ""
    sent_at: float = 0.0
    buffer: bytes = b""

    def send(self, event_id: str, request: bytes) -> None:
        self.event_id, self.buffer = event_id, b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def status(self) -> int | None:
        """Read what is there: the status once the whole answer has come."""
        piece = self.socket.recv(65_536)
        if not piece:
            raise Broken(f"the connection was closed before the answer to {self.event_id}")
        self.buffer += piece
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (length and len(body) < int(length[1])):
            return None
        return int(self.buffer[9:12])


def burst(
    port: int, signed: Sequence[Delivery], seconds: float, connections: int = CONNECTIONS
) -> Slice:
    """Send ``signed`` for at most ``seconds``; every request that was sent is waited for.

    Raises:
        Broken: a connection was closed early, or an answer never came.
    """
    pending = iter([(one.event_id, one.request()) for one in signed])
    opened = [_Connection(_connect(port)) for _ in range(connections)]
    seen = Slice()
    with selectors.DefaultSelector() as selector:
        for connection in opened:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        begin = time.perf_counter()
        _drive(selector, opened, pending, begin + seconds, seen)
        seen.seconds = time.perf_counter() - begin
    for connection in opened:
        connection.socket.close()
    return seen


def _connect(port: int) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _drive(
    selector: selectors.BaseSelector,
    opened: Sequence[_Connection],
    pending: Iterator[tuple[str, bytes]],
    until: float,
    seen: Slice,
) -> None:
    busy = sum(_next(connection, pending) for connection in opened)
    while busy:
        ready = selector.select(TIMEOUT_S)
        if not ready:
            raise Broken(f"no answer within {TIMEOUT_S:.0f} s")
        for key, _ in ready:
            connection: _Connection = key.data
            status = connection.status()
            if status is None:
                continue
            now = time.perf_counter()
            _note(seen, connection, status, now)
            if now >= until or not _next(connection, pending):
                busy -= 1


def _next(connection: _Connection, pending: Iterator[tuple[str, bytes]]) -> bool:
    request = next(pending, None)
    if request is not None:
        connection.send(*request)
    return request is not None


def _note(seen: Slice, connection: _Connection, status: int, now: float) -> None:
    seen.latencies.append(now - connection.sent_at)
    seen.statuses[status] += 1
    if status == 200:
        seen.acked.append(connection.event_id)
