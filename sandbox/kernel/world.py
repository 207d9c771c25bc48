"""The state every resource works on: store, clocks, ids, event log, agenda, switches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import merge
from typing import Protocol

from ..switches import Switches
from .agenda import Agenda, ClockId, Entry
from .errors import Json, no_such
from .ids import token
from .rendering import Shapes, changes, render
from .store import Key, Snapshot, Store


class Dated(Protocol):
    """A family that acts by itself: when next, and what then."""

    def due(self, world: World, body: Json) -> int | None: ...

    def act(self, world: World, body: Json) -> None: ...


class World:
    """One sandbox's state. Everything that changes goes through here or through `store`."""

    def __init__(self, start: int | None, seed: int, switches: Switches) -> None:
        self.store = Store()
        self.store.on_commit = self._schedule
        self.shapes = Shapes()
        self.agenda = Agenda()
        self.switches = switches
        self.seed = seed
        self.dated: dict[str, Dated] = {}
        self.request: Json = {"id": None, "idempotency_key": None}
        self.resend: Callable[[str, str | None], object] = lambda _event, _endpoint: None
        self.version: str | None = None
        # where hosted pages are; a server says where it serves them itself
        self.pages = "https://invoice.stripe.com"
        # the Stripe-Version a request names; None where it names none (stripe-facts §6.1)
        self._held: list[Json] | None = None
        self.rehearsing = False
        self.after_commit: list[Callable[[], None]] = []
        self._start = start
        self._offset = 0
        self._playing: dict[ClockId, int] = {}

    # ---- time -----------------------------------------------------------------------------

    def clock_now(self, clock: ClockId) -> int:
        """Unix seconds of a clock; None is the sandbox's own."""
        if clock in self._playing:
            return self._playing[clock]
        if clock is not None:
            body = self.store.peek("test_helpers.test_clock", clock)
            return int(body["frozen_time"]) if body else self.clock_now(None)
        base = int(time.time()) if self._start is None else self._start
        return base + self._offset

    @property
    def frozen(self) -> bool:
        """Whether the sandbox's own clock stands still until it is advanced."""
        return self._start is not None

    def now(self, body: Json | None = None) -> int:
        """The present of an object: its customer's test clock if there is one."""
        return self.clock_now(self.clock_of(body))

    def clock_of(self, body: Json | None) -> ClockId:
        if body is None:
            return None
        if body.get("test_clock"):
            return str(body["test_clock"])
        owner = body if body.get("object") == "customer" else None
        if owner is None and isinstance(body.get("customer"), str):
            owner = self.store.peek("customer", body["customer"])
        clock = owner.get("test_clock") if owner else None
        return str(clock) if clock else None

    def move(self, seconds: int) -> None:
        """Shifts the sandbox's own clock; what becomes due is played by `play`."""
        self._offset += seconds

    def play(self, clock: ClockId, until: int) -> None:
        """Everything due up to `until`, in order of time and then of creation."""
        reached = self.clock_now(clock)
        try:
            while (entry := self.agenda.take(clock, until)) is not None:
                body = self.store.peek(entry.family, entry.identifier)
                kind = self.dated[entry.family]
                if body is None or kind.due(self, body) != entry.moment:
                    continue
                reached = max(reached, entry.moment)
                self._playing[clock] = reached
                with self.store.transaction():
                    kind.act(self, self.store.get(entry.family, entry.identifier))
        finally:
            self._playing.pop(clock, None)

    def next_due(self, clock: ClockId) -> Entry | None:
        """What happens next by itself; entries whose object has moved on are dropped."""
        while (entry := self.agenda.earliest(clock)) is not None:
            body = self.store.peek(entry.family, entry.identifier)
            if body is not None and self.dated[entry.family].due(self, body) == entry.moment:
                return entry
            self.agenda.take(clock, entry.moment)
        return None

    def _schedule(self, touched: list[Key]) -> None:
        for family, identifier in touched:
            kind = self.dated.get(family)
            body = self.store.peek(family, identifier) if kind else None
            if kind is None or body is None:
                continue
            moment = kind.due(self, body)
            if moment is not None:
                entry = Entry(moment, body["_seq"], family, identifier)
                self.agenda.put(self.clock_of(body), entry)

    # ---- objects --------------------------------------------------------------------------

    def identify(self, prefix: str, length: int = 24) -> str:
        """The next id of a kind: `cus_…`."""
        return f"{prefix}_{token(self.seed, prefix, self.store.number(prefix), length)}"

    def add(self, family: str, body: Json) -> Json:
        return self.store.insert(family, body)

    def require(self, family: str, identifier: str, param: str | None = None) -> Json:
        """The object for writing, or Stripe's `resource_missing`."""
        body = self.store.find(family, identifier)
        if body is None or body.get("_deleted"):
            raise no_such(NOUNS.get(family, family), identifier, param)
        return body

    def render(self, body: Json) -> Json:
        return render(self, body)

    # ---- events ---------------------------------------------------------------------------

    def emit(
        self, kind: str, body: Json, previous: Json | None = None, shown: Json | None = None
    ) -> Json:
        """Writes an event with a snapshot of the object as it is at this instant (§4); `shown` is
        how that looks, if the caller knows."""
        data: Json = {"object": shown or self.render(body)}
        if previous is not None:
            data["previous_attributes"] = previous
        # Most of what a sandbox holds are events: what they hold is shared, or plain (`Snapshot`).
        listening = tuple(each["id"] for each in self.receivers() if hears(each, kind))
        event: Json = {
            "id": "",
            "object": "event",
            "api_version": self.switches.default_api_version,
            "context": None,
            "created": self.now(body),
            "data": Snapshot(data),
            "livemode": False,
            "pending_webhooks": len(listening),
            "request": self.request,
            "type": kind,
            "_endpoints": listening,
            "_open": listening,
            # test clocks run elsewhere in time; how long an event is kept they do not decide
            "_written": self.clock_now(None),
        }
        if self._held is not None:
            self._held.append(event)
            return event
        return self._publish(event)

    def notify(self, kind: str, data: Json, related: Json | None) -> Json:
        """Writes an event that exists in the thin form only (§1.6): no list of the v1 API has it,
        and its data is for those who fetch it. `related` is the object it is about."""
        listening = tuple(each["id"] for each in self.receivers() if hears(each, kind))
        return self.add(
            NOTIFICATION,
            {
                "id": self.identify("evt_test"),
                "object": NOTIFICATION,
                "created": self.clock_now(None),
                "data": Snapshot(data),
                "livemode": False,
                "related_object": related,
                "type": kind,
                "_endpoints": listening,
                "_open": listening,
            },
        )

    def event(self, identifier: str) -> Json | None:
        """An event of either form, for reading."""
        found = self.store.peek("event", identifier)
        return found or self.store.peek(NOTIFICATION, identifier)

    def events(self) -> list[Json]:
        """All events of either form, for reading, oldest first."""
        both = (self.store.scan(family) for family in ("event", NOTIFICATION))
        return list(merge(*both, key=lambda event: int(event["_seq"])))

    def receivers(self) -> list[Json]:
        """All that events may go to: webhook endpoints, and listeners (`stripe listen`, §6.4)."""
        return self.store.scan("webhook_endpoint") + self.store.scan("_listener")

    def receiver(self, identifier: str) -> Json | None:
        """One of them, for reading."""
        found = self.store.peek("webhook_endpoint", identifier)
        return found or self.store.peek("_listener", identifier)

    def _publish(self, event: Json) -> Json:
        event["id"] = self.identify("evt")
        return self.add("event", event)

    @contextmanager
    def led_by(self, announce: Callable[[], object]) -> Iterator[None]:
        """Events of the block follow the one that `announce` emits after it.

        A subscription's own event comes first (§4) and shows it as the block left it.
        """
        outer, self._held = self._held, []
        try:
            yield
            followers, self._held = self._held, outer
            announce()
            for event in followers:
                if self._held is not None:
                    self._held.append(event)
                else:
                    self._publish(event)
        finally:
            self._held = outer

    @contextmanager
    def at(self, clock: ClockId, moment: int) -> Iterator[None]:
        """Lets a clock show another time for the length of the block (a look ahead)."""
        previous = self._playing.get(clock)
        self._playing[clock] = moment
        try:
            yield
        finally:
            if previous is None:
                del self._playing[clock]
            else:
                self._playing[clock] = previous

    @contextmanager
    def changing(self, body: Json, event: str, *, always: bool = False) -> Iterator[None]:
        """Emits `event` with previous_attributes if the block changed what the object shows."""
        before = self.render(body)
        yield
        after = self.render(body)
        previous = changes(before, after)
        if previous or always:
            self.emit(event, body, previous, after)


NOTIFICATION = "v2.core.event"
NOUNS = {
    "payment_method": "PaymentMethod",
    "invoiceitem": "invoiceitem",
    "test_helpers.test_clock": "billing test clock",
    "webhook_endpoint": "webhook endpoint",
    "subscription_item": "subscription item",
}


def hears(receiver: Json, kind: str) -> bool:
    names: list[str] = receiver["enabled_events"]
    return receiver["status"] == "enabled" and ("*" in names or kind in names)
