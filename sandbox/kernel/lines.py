"""Lines to those who listen (`stripe listen`): events go down them and are answered later (§6.4).

An event is acknowledged when it has arrived and answered when it was forwarded; between the two
the listener may be stopped. So what was not answered when a connection ends goes out again over
the next one.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..switches import LATEST_API_VERSION
from .errors import Json
from .ids import token
from .letters import Letter, Letters
from .world import World

if TYPE_CHECKING:
    from .delivery import Delivery


class Wire(Protocol):
    """One connection, of whatever kind. Neither raises when it has ended: that is told apart."""

    def send(self, frame: str) -> None: ...

    def close(self) -> None: ...


AT_ONCE = 64  # the listener forwards all it is given at the same time
PACE = 0.25  # seconds after which one without an answer no longer holds back others
ANSWER_WITHIN = 35.0  # the listener itself waits 30 s (§6.3 --timeout)
UNANSWERED = "acknowledged, and no answer was told of: not asked for, or nobody there to take it"


@dataclass(eq=False)
class Handed:
    """A delivery that was sent down a line, in as many copies as have not been acknowledged."""

    delivery: Delivery
    at: float
    copies: set[str] = field(default_factory=set)
    settled: bool = False


class Line:
    """The connections of one listener, and what was sent down them. Times are wall time.

    It has several connections while one replaces another, or when the same command runs twice on
    a machine: all of them are sent everything.
    """

    def __init__(self) -> None:
        self.connections: list[Wire] = []
        self._handed: dict[str, Handed] = {}
        self._under_way: dict[int, Handed] = {}
        self._newest: deque[Handed] = deque()

    def takes(self, delivery: Delivery, now: float) -> bool:
        """Whether this one can be sent now: somebody listens, and is not flooded by it."""
        while self._newest and (self._newest[0].settled or now - self._newest[0].at > PACE):
            self._newest.popleft()
        free = self.connections and len(self._newest) < AT_ONCE
        return bool(free) and id(delivery) not in self._under_way

    def hand(self, delivery: Delivery, conversations: list[str], now: float) -> list[Wire]:
        """Notes what is about to be sent, and gives where to send it."""
        handed = Handed(delivery, now, set(conversations))
        self._under_way[id(delivery)] = handed
        self._newest.append(handed)
        for conversation in conversations:
            self._handed[conversation] = handed
        return list(self.connections)

    def acknowledged(self, conversation: str) -> Handed | None:
        """The delivery of a copy that arrived, once all its copies have."""
        handed = self._handed.get(conversation)
        if handed is None:
            return None
        handed.copies.discard(conversation)
        return None if handed.copies else handed

    def answered(self, conversation: str) -> Handed | None:
        """The delivery that an answer is about."""
        return self._handed.get(conversation)

    def settle(self, handed: Handed) -> None:
        """It is over with this one; an answer may still come."""
        handed.settled = True
        self._under_way.pop(id(handed.delivery), None)

    def overdue(self, now: float) -> list[Handed]:
        """Those whose answer will not come any more."""
        return [each for each in self._under_way.values() if now - each.at > ANSWER_WITHIN]

    def cut(self, connection: Wire) -> None:
        """A connection is gone, and who knows with what: all that is open goes out again."""
        self.connections.remove(connection)
        self._handed.clear()
        self._under_way.clear()
        self._newest.clear()


class Switchboard:
    """All lines of one sandbox. `settle` is told how a delivery ended."""

    def __init__(
        self,
        world: World,
        lock: threading.RLock,
        letters: Letters,
        settle: Callable[[Delivery, bool], None],
    ) -> None:
        self._world = world
        self._lock = lock
        self._letters = letters
        self._settle = settle
        self._lines: dict[str, Line] = {}
        self._conversations = 0

    def line(self, receiver: str) -> Line | None:
        """The line to a receiver; None for one that has an address."""
        return self._lines.get(receiver)

    def lay(self, listener: str) -> None:
        """From now on what is meant for the listener waits for a connection."""
        with self._lock:
            self._lines.setdefault(listener, Line())

    def connect(self, listener: str, wire: Wire) -> None:
        """Somebody listens: what waits for them goes out from now on over this."""
        with self._lock:
            self._lines[listener].connections.append(wire)

    def disconnect(self, listener: str, wire: Wire) -> None:
        with self._lock:
            self._lines[listener].cut(wire)

    def hang_up(self) -> None:
        """Ends all connections."""
        with self._lock:
            wires = [wire for line in self._lines.values() for wire in line.connections]
        for wire in wires:
            wire.close()

    def hand_over(self, line: Line, delivery: Delivery) -> None:
        """Sends an event down the line: twice, in the account's API version and in the newest, of
        which the listener forwards the one that it was asked for (§6.4)."""
        now = time.time()
        with self._lock:
            event = self._world.event(delivery.event)
            listener = self._world.receiver(delivery.endpoint)
            if event is None or listener is None:
                return
            if delivery.thin:
                letter = self._letters.thin(event, listener)
                frames = {letter.id: _thin_frame(delivery.endpoint, letter)}
            else:
                frames = {}
                for version in (None, LATEST_API_VERSION):
                    conversation = self._converse()
                    letter = self._letters.snapshot(event, listener, version)
                    frames[conversation] = _snapshot_frame(conversation, version, letter)
            wires = line.hand(delivery, list(frames), now)
        for wire in wires:
            for frame in frames.values():
                wire.send(json.dumps(frame))

    def heard(self, listener: str, message: Json) -> None:
        """What a listener says: that an event arrived, or what its forwarding was answered."""
        with self._lock:
            line = self._lines[listener]
            conversation = message.get("webhook_conversation_id")
            if message.get("type") == "event_ack":
                handed = line.acknowledged(str(conversation or message.get("event_id")))
                # one that forwards nowhere has done its part
                if handed is not None and not handed.delivery.url:
                    self._end(line, handed, delivered=True)
            elif message.get("type") == "webhook_response":
                handed = line.answered(str(conversation or message.get("notification_id")))
                if handed is not None:
                    status = int(message["status"])
                    handed.delivery.status, handed.delivery.error = status, None
                    handed.delivery.took_ms = round((time.time() - handed.at) * 1_000, 1)
                    self._end(line, handed, delivered=200 <= status < 300)

    def give_up(self) -> None:
        """Ends those that were acknowledged and never answered: the listener does not say why."""
        now = time.time()
        with self._lock:
            for line in self._lines.values():
                for handed in line.overdue(now):
                    handed.delivery.error = UNANSWERED
                    self._end(line, handed, delivered=False)

    def _end(self, line: Line, handed: Handed, *, delivered: bool) -> None:
        line.settle(handed)
        self._settle(handed.delivery, delivered)

    def _converse(self) -> str:
        self._conversations += 1
        return "wc_" + token(self._world.seed, "wc", self._conversations)


def _snapshot_frame(conversation: str, version: str | None, letter: Letter) -> Json:
    return {
        "type": "webhook_event",
        "webhook_id": conversation.replace("wc_", "wh_", 1),
        "webhook_conversation_id": conversation,
        "endpoint": {"api_version": version},
        "event_payload": letter.payload,
        "http_headers": letter.headers,
    }


def _thin_frame(listener: str, letter: Letter) -> Json:
    """It is acknowledged by its own id: there is no conversation about thin events."""
    return {
        "type": "v2_event",
        "payload": letter.payload,
        "http_headers": letter.headers,
        "destination_id": listener,
    }
