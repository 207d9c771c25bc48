"""Webhook delivery: signed per endpoint, retried, in order (stripe-facts §4)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass
from typing import Literal

import requests

from .errors import Json
from .world import World

TRIES = 3  # what Stripe's own sandboxes do: three times over a few hours


@dataclass
class Delivery:
    """One event on its way to one endpoint. Times are wall time: receivers check signature age."""

    event: str
    kind: str
    endpoint: str
    url: str
    state: Literal["pending", "delivered", "failed"] = "pending"
    attempts: int = 0
    next_at: float = 0.0
    status: int | None = None
    error: str | None = None


def signature(payload: str, secret: str, moment: int) -> str:
    """`t=…,v1=…`: HMAC-SHA256 of `t.payload` with the whole secret, `whsec_` included (§4)."""
    digest = hmac.new(secret.encode(), f"{moment}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


class Post:
    """The queue of deliveries of one sandbox."""

    def __init__(self, world: World, lock: threading.RLock, waits: tuple[float, ...]) -> None:
        self.log: list[Delivery] = []
        self._world = world
        self._lock = lock
        self._waits = waits
        self._pending: list[Delivery] = []
        self._draining = threading.Lock()

    def enqueue(self, event: Json) -> None:
        for endpoint_id in event["_endpoints"]:
            endpoint = self._world.store.peek("webhook_endpoint", endpoint_id)
            if endpoint is not None:
                delivery = Delivery(event["id"], event["type"], endpoint_id, endpoint["url"])
                self._pending.append(delivery)
                self.log.append(delivery)

    def pending(self) -> list[Delivery]:
        with self._lock:
            return list(self._pending)

    def drain(self, *, patient: bool) -> list[Delivery]:
        """Sends what waits, in order; `patient` leaves retries until their backoff has passed.

        A receiver that calls the API back and so causes further events does not nest: the send
        under way picks those up.
        """
        if not self._draining.acquire(blocking=False):
            return []
        sent: list[Delivery] = []
        try:
            while (delivery := self._next(patient, sent)) is not None:
                self._attempt(delivery)
                sent.append(delivery)
        finally:
            self._draining.release()
        return sent

    def _next(self, patient: bool, sent: list[Delivery]) -> Delivery | None:
        now = time.time()
        tried = {id(delivery) for delivery in sent}
        with self._lock:
            for delivery in self._pending:
                if id(delivery) not in tried and (not patient or delivery.next_at <= now):
                    return delivery
        return None

    def _attempt(self, delivery: Delivery) -> None:
        with self._lock:
            request = self._prepare(delivery)
        delivery.attempts += 1
        if request is None:
            self._settle(delivery, delivered=False, final=True)
            return
        payload, headers = request
        try:
            answer = requests.post(
                delivery.url, data=payload, headers=headers, timeout=20, allow_redirects=False
            )
            delivery.status, delivery.error = answer.status_code, None
        except requests.RequestException as error:
            delivery.status, delivery.error = None, f"{type(error).__name__}: {error}"
        # any 2xx is success, a redirect is not (§4)
        delivered = delivery.status is not None and 200 <= delivery.status < 300
        self._settle(delivery, delivered=delivered, final=delivery.attempts >= TRIES)

    def _prepare(self, delivery: Delivery) -> tuple[bytes, dict[str, str]] | None:
        event = self._world.store.peek("event", delivery.event)
        endpoint = self._world.store.peek("webhook_endpoint", delivery.endpoint)
        if event is None or endpoint is None or endpoint["status"] != "enabled":
            delivery.error = "the endpoint was disabled or deleted"
            return None
        shown = self._world.render(event)
        shown["api_version"] = endpoint["api_version"] or shown["api_version"]
        payload = json.dumps(shown, indent=2)
        # a new t and signature for every attempt, in wall time
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(payload, endpoint["_secret"], int(time.time())),
        }
        return payload.encode(), headers

    def _settle(self, delivery: Delivery, *, delivered: bool, final: bool) -> None:
        with self._lock:
            event = self._world.store.peek("event", delivery.event)
            if delivered or final:
                delivery.state = "delivered" if delivered else "failed"
                self._pending.remove(delivery)
            else:
                step = min(delivery.attempts, len(self._waits)) - 1
                delivery.next_at = time.time() + (self._waits[step] if self._waits else 0)
            if event is not None and delivered:
                event["pending_webhooks"] -= 1
            if event is not None and delivery.state == "failed":
                event["_failed"] = True
