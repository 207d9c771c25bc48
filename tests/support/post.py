"""The post between Stripe and the service, in a test's own hands: any order, twice, never."""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import count
from typing import Any

from sandbox.kernel.delivery import Delivery
from sandbox.kernel.letters import signature
from sandbox.kernel.rendering import public
from sandbox.resources.events import KEPT
from tests.support.world import World


class Post:
    """Brings the letters of one world as it is told to; ``counts`` says what it has done."""

    def __init__(self, w: World) -> None:
        self.w = w
        self.counts: Counter[str] = Counter()
        self._numbers = count(1)

    def waiting(self) -> list[Delivery]:
        """What Stripe has sent and nobody has brought yet, oldest first."""
        return self.w.box.pending_deliveries()

    def bring(self, letter: Delivery) -> None:
        """Deliver one that waits."""
        self.w.box.delivery.send(letter)
        assert letter.state == "delivered", (letter.status, letter.error)
        self.counts["deliveries"] += 1

    def again(self, letter: Delivery) -> None:
        """Deliver once more what was delivered before."""
        for copy in self.w.box.delivery.resend(letter.event):
            self.bring(copy)
        self.counts["duplicates"] += 1

    def under_another_id(self, letter: Delivery) -> None:
        """The same fact as an event of its own, as a second endpoint would get it."""
        event = public(self._event(letter))
        body = json.dumps({**event, "id": f"{event['id']}_as_{next(self._numbers)}"})
        signed = signature(body, self.w.parts.edge.secrets[-1], int(time.time()))
        answer = self.w.app.test_client().post(
            "/webhooks/stripe", data=body, headers={"Stripe-Signature": signed}
        )
        assert answer.status_code == 200, answer.json
        self.counts["twins"] += 1

    def is_listed(self, letter: Delivery) -> bool:
        """Whether Stripe still knows the event: it does for 30 days (stripe-facts §4)."""
        return bool(self._event(letter)["_written"] > self.w.box.now() - KEPT)

    def lose(self, letter: Delivery) -> None:
        """Nobody ever brings it; Stripe lists its event as undelivered."""
        self.w.box.delivery.lose(letter)
        self.counts["losses"] += 1

    def _event(self, letter: Delivery) -> dict[str, Any]:
        event = self.w.box.world.store.peek("event", letter.event)
        assert event is not None
        return event
