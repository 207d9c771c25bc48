"""An event as a receiver gets it: rendered for its version, and signed (stripe-facts §4)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from .errors import Json
from .world import World


def signature(payload: str, secret: str, moment: int) -> str:
    """`t=…,v1=…`: HMAC-SHA256 of `t.payload` with the whole secret, `whsec_` included (§4)."""
    digest = hmac.new(secret.encode(), f"{moment}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


@dataclass(frozen=True)
class Letter:
    """What is sent, to the byte."""

    id: str
    payload: str
    headers: dict[str, str]


class Letters:
    """Writes them. `thin_form` makes the notification that stands for an event (§1.6)."""

    def __init__(self, world: World, thin_form: Callable[[Json], Json]) -> None:
        self._world = world
        self._thin_form = thin_form

    def snapshot(self, event: Json, receiver: Json, version: str | None = None) -> Letter:
        """The event with its object, in an API version or the account's own."""
        shown = self._world.render(event)
        shown["api_version"] = version or shown["api_version"]
        return _signed(shown, receiver["_secret"])

    def thin(self, event: Json, receiver: Json) -> Letter:
        """The event without its object."""
        return _signed(self._thin_form(self._world.render(event)), receiver["_secret"])


def _signed(shown: Json, secret: str) -> Letter:
    payload = json.dumps(shown, indent=2)
    # a new t and signature for every attempt, in wall time
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(payload, secret, int(time.time())),
    }
    return Letter(shown["id"], payload, headers)
