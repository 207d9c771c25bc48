"""Signed deliveries as Stripe sends them: 3.5 KB, each with its own id and signature."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapter.gateway.client import API_VERSION

SECRET = "whsec_of_the_bench"
TYPE = "customer.subscription.updated"
SIZE = 3_500
CUSTOMERS = 500


@dataclass(frozen=True)
class Delivery:
    """One event, signed."""

    event_id: str
    body: bytes
    signature: str

    def request(self) -> bytes:
        """The delivery as bytes of HTTP/1.1."""
        head = (
            "POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(self.body)}\r\nStripe-Signature: {self.signature}\r\n\r\n"
        )
        return head.encode() + self.body


def deliveries(prefix: str, count: int) -> Iterator[Delivery]:
    """``count`` events, ids beginning with ``prefix``, signed now."""
    stamp = int(time.time())
    for number in range(count):
        event_id = f"evt_{prefix}_{number}"
        body = _event(event_id, number % CUSTOMERS)
        signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
        yield Delivery(event_id, body, f"t={stamp},v1={signed.hexdigest()}")


def _event(event_id: str, customer: int) -> bytes:
    return _TEMPLATE.replace(b"EVENT_ID", event_id.encode()).replace(
        b"CUSTOMER", f"{customer:08d}".encode()
    )


def _price() -> dict[str, Any]:
    recurring = {"interval": "month", "interval_count": 1, "meter": None, "usage_type": "licensed"}
    return {
        "id": "price_1Bench000000000000000000",
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": 1_790_000_000,
        "currency": "usd",
        "livemode": False,
        "lookup_key": "operations_core_10k_month",
        "metadata": {"family": "operations", "plan": "core", "tier": "10k"},
        "product": "prod_Bench00000000",
        "recurring": {**recurring, "trial_period_days": None},
        "tax_behavior": "exclusive",
        "type": "recurring",
        "unit_amount": 1_000,
        "unit_amount_decimal": "1000",
    }


def _subscription() -> dict[str, Any]:
    item = {
        "id": "si_CUSTOMER",
        "object": "subscription_item",
        "current_period_end": 1_793_000_000,
        "current_period_start": 1_790_400_000,
        "price": _price(),
        "quantity": 1,
        "subscription": "sub_CUSTOMER",
        "tax_rates": [],
    }
    return {
        "id": "sub_CUSTOMER",
        "object": "subscription",
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": 1_790_400_000,
        "billing_mode": {"type": "flexible", "updated_at": 1_790_400_000},
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "currency": "usd",
        "customer": "cus_CUSTOMER",
        "items": {"object": "list", "data": [item], "has_more": False, "total_count": 1},
        "latest_invoice": "in_CUSTOMER",
        "livemode": False,
        "metadata": {},
        "start_date": 1_790_400_000,
        "status": "active",
    }


def _template() -> bytes:
    event: dict[str, Any] = {
        "id": "EVENT_ID",
        "object": "event",
        "api_version": API_VERSION,
        "created": 1_790_400_100,
        "data": {"object": _subscription(), "previous_attributes": {"status": "past_due"}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": TYPE,
    }
    # Real subscriptions carry some forty more members; metadata stands in for their bytes.
    metadata = event["data"]["object"]["metadata"]
    while len(json.dumps(event, indent=2)) < SIZE:
        metadata[f"member_{len(metadata):02d}"] = "x" * 40
    return json.dumps(event, indent=2).encode()


_TEMPLATE = _template()
