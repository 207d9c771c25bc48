"""Stripe as a sender of webhooks that never gives up: each event again and again until it is
acknowledged, to whichever web process answers.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import requests

from sandbox.kernel.letters import signature

AGAIN_S = 0.02
ACCEPTED = range(200, 300)


class Sender:
    """Sends events about the subscriptions it is given, from ``threads`` threads, until stopped.

    ``acked`` are the ids that were acknowledged; ``answers`` counts every answer by status, 0
    standing for a connection that was refused or broken off.
    """

    def __init__(
        self,
        subscriptions: Sequence[dict[str, Any]],
        secret: str,
        urls: Callable[[], Sequence[str]],
        threads: int = 3,
        pause_s: float = 0.02,
    ) -> None:
        self.acked: set[str] = set()
        self.answers: Counter[int] = Counter()
        self._subscriptions = subscriptions
        self._secret = secret
        self._urls = urls
        self._pause_s = pause_s
        self._numbers = count(1)
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Sender:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Every event that was begun is seen through."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads), "nobody answers any more"

    def _send(self) -> None:
        while not self._stop.wait(self._pause_s):
            with self._guard:
                number = next(self._numbers)
            event = self._event(number)
            tries = count(number)
            while not self._tried(event, next(tries)):
                time.sleep(AGAIN_S)

    def _tried(self, event: dict[str, Any], turn: int) -> bool:
        body = json.dumps(event)
        signed = signature(body, self._secret, int(time.time()))
        urls = self._urls()
        status = 0
        try:
            answer = requests.post(
                f"{urls[turn % len(urls)]}/webhooks/stripe",
                data=body,
                headers={"Stripe-Signature": signed},
                timeout=10,
            )
            status = answer.status_code
        except requests.RequestException:
            pass
        with self._guard:
            self.answers[status] += 1
            if status in ACCEPTED:
                self.acked.add(event["id"])
        # A refusal would never become anything else.
        assert status == 0 or status in ACCEPTED or status >= 500, status
        return status in ACCEPTED

    def _event(self, number: int) -> dict[str, Any]:
        return {
            "id": f"evt_load_{number}",
            "object": "event",
            "type": "customer.subscription.updated",
            "created": int(time.time()),
            "livemode": False,
            "data": {"object": self._subscriptions[number % len(self._subscriptions)]},
        }
