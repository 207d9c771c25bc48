"""Stripe's answers, made once by the sandbox and then only renumbered."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import stripe

from tests.support.world import World

from .payloads import TYPE

# Objects that every customer has one of; prices and products are shared.
_OWN = re.compile(r'"((?:sub|cus|in|si|il|pi|py|pm|ch|inpay)_\w+)"')
_NUMBER = "@number@"


@dataclass
class Pause:
    """How long Stripe takes at present."""

    seconds: float = 0.0


@dataclass(frozen=True)
class Canned:
    """A subscription as retrieved, for any number of customers."""

    body: str
    subscription: str
    customer: str

    @classmethod
    def of(cls, real: World) -> Canned:
        """The one subscription of ``real``, in the form in which the product retrieves it."""
        row = real.subscription("bench")
        real.parts.reader.subscription(row["id"])
        body = str(real.mock.calls[-1].response.text)
        return cls(_OWN.sub(rf'"\1_{_NUMBER}"', body), row["id"], row["customer"])

    def now(self) -> datetime:
        return datetime.now(UTC)

    def account(self, number: int) -> dict[str, Any]:
        """The row of a customer."""
        return {
            "id": f"acct_bench_{number}",
            "ref": f"bench_{number}",
            "email": f"billing@bench-{number}.example",
            "locale": "en",
            "created_at": self.now(),
            "customer_id": f"{self.customer}_{number}",
            "currency": "usd",
        }

    def event(self, number: int, now: datetime) -> dict[str, Any]:
        """The row of an event that says that the customer's subscription moved."""
        return {
            "id": f"evt_{number}_{time.monotonic_ns()}",
            "type": TYPE,
            "occurred_at": now,
            "received_at": now,
            "next_at": now,
            "object_type": "subscription",
            "object_id": f"{self.subscription}_{number}",
            "subscription_id": f"{self.subscription}_{number}",
            "customer_id": f"{self.customer}_{number}",
            "owner": f"{self.customer}_{number}",
            "state": "pending",
            "attempts": 0,
        }

    @contextmanager
    def answering(self, pause: Pause) -> Iterator[None]:
        """Within the block the SDK's HTTP client gives the canned answer after a pause."""

        def request(
            _client: Any, _method: str, url: str, _headers: Any, _body: Any = None
        ) -> tuple[bytes, int, Mapping[str, str]]:
            time.sleep(pause.seconds)
            number = urlsplit(url).path.rpartition("_")[2]
            return self.body.replace(_NUMBER, number).encode(), 200, {}

        with patch.object(stripe.RequestsClient, "request", request):
            yield
