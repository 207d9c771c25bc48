"""Webhook delivery: signed per endpoint, retried, in order (stripe-facts §4); or, where that is
asked for, with the bad habits of `habits`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import requests

from .errors import Json
from .habits import Habits, chance
from .letters import Letter, Letters
from .lines import Switchboard
from .world import NOTIFICATION, World

TRIES = 3  # what Stripe's own sandboxes do: three times over a few hours
REACH = 5  # as many waiting events may be overtaken
THIN = "v2_events"  # what a listener asks for to get them in this form (§6.4)


@dataclass(eq=False)
class Delivery:
    """One event on its way to one endpoint. Times are wall time: receivers check signature age."""

    event: str
    kind: str
    endpoint: str
    url: str
    state: Literal["pending", "delivered", "failed", "dropped"] = "pending"
    attempts: int = 0
    next_at: float = 0.0
    status: int | None = None
    error: str | None = None
    thin: bool = False
    took_ms: float | None = None
    """How long the last attempt took."""


class Post:
    """The queue of deliveries of one sandbox, and the habits they are sent with.

    `thin_form` makes the notification that stands for an event where an endpoint gets those.
    """

    def __init__(
        self,
        world: World,
        lock: threading.RLock,
        waits: tuple[float, ...],
        thin_form: Callable[[Json], Json],
    ) -> None:
        self.log: list[Delivery] = []
        self._world = world
        self._lock = lock
        self._waits = waits
        self._letters = Letters(world, thin_form)
        self.lines = Switchboard(world, lock, self._letters, self._answered)
        self._pending: list[Delivery] = []
        self._draining = threading.Lock()
        self._habits: dict[str | None, Habits] = {None: Habits()}

    # ---- habits ---------------------------------------------------------------------------

    def habits(self, endpoint: str | None = None) -> Habits:
        """Those of an endpoint: its own, else those of the whole run."""
        return self._habits.get(endpoint, self._habits[None])

    def put_on(self, endpoint: str | None = None, **wanted: Any) -> Habits:
        """Changes the habits of one endpoint, or those of the run; events to come get them."""
        self._habits[endpoint] = self.habits(endpoint).changed(wanted)
        return self._habits[endpoint]

    def behave(self) -> None:
        """Takes all habits off again."""
        self._habits = {None: Habits()}

    # ---- the queue ------------------------------------------------------------------------

    def enqueue(self, event: Json) -> None:
        """Queues an event for the endpoints that listen to it."""
        for receiver in event["_endpoints"]:
            habits = self.habits(receiver)
            for delivery in self._deliveries(event, receiver):
                if self._draws(habits.drop, "drop", delivery):
                    delivery.state = "dropped"
                    continue
                self._queue(delivery, habits)
                if self._draws(habits.duplicate, "duplicate", delivery):
                    self._queue(self._again(delivery), habits)
                if not event.get("_twin") and self._draws(habits.twin, "twin", delivery):
                    self._tell_again(event, receiver)

    def resend(self, event_id: str, endpoint: str | None = None) -> list[Delivery]:
        """Queues an event once more, for one endpoint or for all that it was meant for.

        Raises LookupError for an event or endpoint that does not exist.
        """
        with self._lock:
            event = self._world.event(event_id)
            if event is None:
                raise LookupError(f"no event {event_id}")
            made = []
            for wanted in [endpoint] if endpoint else event["_endpoints"]:
                deliveries = self._deliveries(event, wanted)
                if not deliveries and endpoint:
                    raise LookupError(f"no webhook endpoint {endpoint}")
                for delivery in deliveries:
                    _note(event, wanted, delivered=False)
                    self._pending.append(delivery)
                made += deliveries
            return made

    def _deliveries(self, event: Json, receiver_id: str) -> list[Delivery]:
        """One for an endpoint; for a listener one in each form that it asked for. What exists as a
        notification only goes to nobody who wants snapshots."""
        receiver = self._world.receiver(receiver_id)
        if receiver is None:
            return []
        wanted = receiver.get("features")
        forms = [name == THIN for name in wanted] if wanted else [self.habits(receiver_id).thin]
        made = [
            Delivery(event["id"], event["type"], receiver_id, receiver["url"], thin=thin)
            for thin in forms
            if thin or event["object"] != NOTIFICATION
        ]
        self.log += made
        return made

    def _again(self, delivery: Delivery) -> Delivery:
        twice = Delivery(
            delivery.event, delivery.kind, delivery.endpoint, delivery.url, thin=delivery.thin
        )
        self.log.append(twice)
        return twice

    def _draws(self, probability: float, habit: str, delivery: Delivery) -> bool:
        return chance(self._world.seed, habit, delivery.endpoint, delivery.event) < probability

    def _queue(self, delivery: Delivery, habits: Habits) -> None:
        drawn = chance(self._world.seed, "delay", delivery.endpoint, delivery.event, len(self.log))
        if habits.delay:
            delivery.next_at = time.time() + drawn * habits.delay
        place = len(self._pending)
        if self._draws(habits.reorder, "reorder", delivery):
            reach = min(place, REACH)
            place -= 1 + int(drawn * reach) if reach else 0
        self._pending.insert(place, delivery)

    def _tell_again(self, event: Json, endpoint_id: str) -> None:
        """The same fact under an id of its own: a second event, for this endpoint."""
        with self._world.store.transaction():
            twin = {name: value for name, value in event.items() if name != "_posted"}
            twin |= {
                "id": self._world.identify("evt"),
                "_endpoints": (endpoint_id,),
                "_open": (),
                "_twin": True,
            }
            _note(twin, endpoint_id, delivered=False)
            self._world.add(event["object"], twin)

    def pending(self) -> list[Delivery]:
        with self._lock:
            return list(self._pending)

    def lose(self, delivery: Delivery) -> None:
        """One that waits is never sent; its event stays listed as undelivered."""
        with self._lock:
            self._pending.remove(delivery)
            delivery.state = "dropped"

    # ---- sending --------------------------------------------------------------------------

    def send(self, delivery: Delivery) -> None:
        """Sends one that waits, before its turn."""
        with self._draining:
            self._attempt(delivery)

    def drain(self, *, patient: bool) -> list[Delivery]:
        """Sends what waits, in order; `patient` leaves what is delayed, and retries until their
        backoff has passed.

        A receiver that calls the API back and so causes further events does not nest: the send
        under way picks those up.
        """
        if not self._draining.acquire(blocking=False):
            return []
        sent: dict[int, Delivery] = {}
        try:
            self.lines.give_up()
            while (delivery := self._next(patient, sent)) is not None:
                sent[id(delivery)] = delivery
                self._attempt(delivery)
        finally:
            self._draining.release()
        return list(sent.values())

    def _next(self, patient: bool, sent: dict[int, Delivery]) -> Delivery | None:
        now = time.time()
        with self._lock:
            for delivery in self._pending:
                if id(delivery) in sent or (patient and delivery.next_at > now):
                    continue
                line = self.lines.line(delivery.endpoint)
                if line is None or line.takes(delivery, now):
                    return delivery
        return None

    def _attempt(self, delivery: Delivery) -> None:
        delivery.attempts += 1
        if line := self.lines.line(delivery.endpoint):
            self.lines.hand_over(line, delivery)
            return
        with self._lock:
            letter = self._letter(delivery)
        if letter is None:
            self._settle(delivery, delivered=False, final=True)
            return
        began = time.monotonic()
        try:
            answer = requests.post(
                delivery.url,
                data=letter.payload.encode(),
                headers=letter.headers,
                timeout=20,
                allow_redirects=False,
            )
            delivery.status, delivery.error = answer.status_code, None
        except requests.RequestException as error:
            delivery.status, delivery.error = None, f"{type(error).__name__}: {error}"
        delivery.took_ms = round((time.monotonic() - began) * 1_000, 1)
        # any 2xx is success, a redirect is not (§4)
        delivered = delivery.status is not None and 200 <= delivery.status < 300
        self._settle(delivery, delivered=delivered, final=delivery.attempts >= TRIES)

    def _letter(self, delivery: Delivery) -> Letter | None:
        event = self._world.event(delivery.event)
        endpoint = self._world.store.peek("webhook_endpoint", delivery.endpoint)
        if event is None or endpoint is None or endpoint["status"] != "enabled":
            delivery.error = "the endpoint was disabled or deleted"
            return None
        if delivery.thin:
            return self._letters.thin(event, endpoint)
        return self._letters.snapshot(event, endpoint, endpoint["api_version"])

    def _answered(self, delivery: Delivery, delivered: bool) -> None:
        """A listener's delivery is over: it is not tried again, as at Stripe (§6.4)."""
        if delivery in self._pending:
            self._settle(delivery, delivered=delivered, final=True)
        elif delivered:
            delivery.state = "delivered"

    def _settle(self, delivery: Delivery, *, delivered: bool, final: bool) -> None:
        with self._lock:
            event = self._world.event(delivery.event)
            if delivered or final:
                delivery.state = "delivered" if delivered else "failed"
                self._pending.remove(delivery)
            else:
                step = min(delivery.attempts, len(self._waits)) - 1
                delivery.next_at = time.time() + (self._waits[step] if self._waits else 0)
            if event is not None and delivered:
                _note(event, delivery.endpoint, delivered=True)


def _note(event: Json, endpoint: str, *, delivered: bool) -> None:
    """Keeps count of the endpoints that the event has not reached."""
    still = tuple(entry for entry in event["_open"] if entry != endpoint)
    event["_open"] = still if delivered else (*still, endpoint)
    if "pending_webhooks" in event:
        event["pending_webhooks"] = len(event["_open"])
