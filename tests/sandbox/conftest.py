"""A frozen sandbox, the official SDK talking to it, and helpers that set a stage in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
import stripe
from flask.testing import FlaskClient

from sandbox import Sandbox, Switches, create_app, mount

DAY = 86_400
# the moment of the recorded traffic: 2025-11-10 18:29:11 UTC
START = int(datetime(2025, 11, 10, 18, 29, 11, tzinfo=UTC).timestamp())
HOOK = "http://receiver.test/hook"

stripe.enable_telemetry = False


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def box(mock: responses.RequestsMock, switches: Switches) -> Sandbox:
    box = Sandbox(START, switches=switches)
    mount(box, mock)
    return box


@pytest.fixture
def client(box: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_123")


class Stage:
    """Shorthand for what every story needs first: a catalogue, a customer, a subscription."""

    def __init__(self, box: Sandbox, client: stripe.StripeClient) -> None:
        self.box = box
        self.api = client.v1
        self.product = self.api.products.create({"name": "Small"}).id

    def price(self, amount: int, interval: str = "month", **more: Any) -> str:
        params = {
            "product": self.product,
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": interval},
            **more,
        }
        return self.api.prices.create(params).id

    def customer(self, card: str = "pm_card_visa", **more: Any) -> str:
        params = {
            "payment_method": card,
            "invoice_settings": {"default_payment_method": card},
            **more,
        }
        return self.api.customers.create(params).id

    def swap_card(self, customer: str, card: str) -> str:
        method = self.api.payment_methods.attach(card, {"customer": customer}).id
        settings = {"invoice_settings": {"default_payment_method": method}}
        self.api.customers.update(customer, settings)
        return method

    def subscribe(self, customer: str, price: str, **more: Any) -> Any:
        params = {"customer": customer, "items": [{"price": price}], **more}
        return self.api.subscriptions.create(params)

    def switch(self, subscription: Any, price: str, **more: Any) -> Any:
        item = subscription["items"]["data"][0]
        params = {"items": [{"id": item["id"], "price": price}], **more}
        return self.api.subscriptions.update(subscription["id"], params)

    def sub(self, identifier: str) -> Any:
        return self.api.subscriptions.retrieve(identifier)

    def invoice(self, identifier: str) -> Any:
        return self.api.invoices.retrieve(identifier, {"expand": ["payments"]})

    def latest(self, identifier: str) -> Any:
        return self.invoice(self.sub(identifier)["latest_invoice"])

    def events(self, *kinds: str) -> list[str]:
        """Types of all events so far, oldest first; only those that start with one of `kinds`."""
        found = [event["type"] for event in self.box.world.store.scan("event")]
        return [kind for kind in found if not kinds or kind.startswith(kinds)]


@pytest.fixture
def stage(box: Sandbox, client: stripe.StripeClient) -> Stage:
    return Stage(box, client)


@pytest.fixture
def web(stage: Stage) -> FlaskClient:
    """A browser at the sandbox."""
    return create_app(stage.box).test_client()


@pytest.fixture
def hook(mock: responses.RequestsMock, stage: Stage) -> str:
    """An endpoint at the sandbox that a receiver answers with 200."""
    mock.add("POST", HOOK, status=200)
    made = stage.api.webhook_endpoints.create({"url": HOOK, "enabled_events": ["*"]})
    return str(made.id)


@pytest.fixture
def when() -> Callable[..., int]:
    """Unix seconds of a UTC date."""
    return lambda *parts: int(datetime(*parts, tzinfo=UTC).timestamp())


@pytest.fixture
def april(stage: Stage, when: Any) -> Stage:
    """1 April 2026: a month of thirty days lies ahead."""
    stage.box.advance(to=when(2026, 4, 1))
    return stage
