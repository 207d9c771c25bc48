"""Events and their delivery: signed, ordered, retried, filtered."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import responses
import stripe

from .conftest import DAY, Stage

URL = "http://localhost:9/hook"


@pytest.fixture
def hook(stage: Stage) -> Any:
    return stage.api.webhook_endpoints.create(
        {"url": URL, "enabled_events": ["*"], "api_version": "2026-10-28.endive"}
    )


def test_the_sdk_verifies_what_is_delivered(
    stage: Stage, hook: Any, client: stripe.StripeClient, mock: responses.RequestsMock
) -> None:
    mock.post(URL, status=200)
    stage.api.customers.create({"name": "a"})
    sent = stage.box.deliver_pending()
    assert [delivery.state for delivery in sent] == ["delivered"]
    request: Any = next(call.request for call in mock.calls if call.request.url == URL)
    header = request.headers["Stripe-Signature"]
    event = client.construct_event(request.body, header, hook.secret)
    assert event.type == "customer.created"
    assert event.api_version == "2026-10-28.endive"
    assert stage.api.events.retrieve(event.id).pending_webhooks == 0
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(request.body + b" ", header, hook.secret)


def test_the_secret_is_told_once(stage: Stage, hook: Any) -> None:
    assert hook.secret.startswith("whsec_")
    assert "secret" not in stage.api.webhook_endpoints.retrieve(hook.id)
    assert "secret" not in stage.api.webhook_endpoints.list().data[0]


def test_an_endpoint_hears_what_it_asked_for(stage: Stage, mock: responses.RequestsMock) -> None:
    stage.api.webhook_endpoints.create({"url": URL, "enabled_events": ["product.created"]})
    mock.post(URL, status=200)
    stage.api.customers.create({})
    stage.api.products.create({"name": "x"})
    assert [delivery.kind for delivery in stage.box.deliver_pending()] == ["product.created"]


def test_a_refusal_is_tried_three_times(
    stage: Stage, hook: Any, mock: responses.RequestsMock
) -> None:
    mock.post(URL, status=500)
    stage.api.customers.create({})
    states = [stage.box.deliver_pending()[0].state for _ in range(3)]
    assert states == ["pending", "pending", "failed"]
    assert stage.box.deliver_pending() == []
    undelivered = stage.api.events.list({"delivery_success": False}).data
    assert [event.type for event in undelivered] == ["customer.created"]
    assert stage.api.events.list({"delivery_success": True}).data[-1].type == "product.created"


def test_a_redirect_is_no_success(stage: Stage, hook: Any, mock: responses.RequestsMock) -> None:
    mock.post(URL, status=302, headers={"Location": "http://localhost:9/else"})
    stage.api.customers.create({})
    assert stage.box.deliver_pending()[0].status == 302
    assert stage.box.pending_deliveries() != []


def test_a_deleted_endpoint_gets_nothing_more(stage: Stage, hook: Any) -> None:
    stage.api.customers.create({})
    stage.api.webhook_endpoints.delete(hook.id)
    assert [delivery.state for delivery in stage.box.deliver_pending()] == ["failed"]


def test_inline_delivery_happens_before_the_caller_goes_on(
    stage: Stage, hook: Any, mock: responses.RequestsMock
) -> None:
    heard: list[str] = []

    def receive(request: Any) -> tuple[int, dict[str, str], str]:
        event = json.loads(request.body)
        heard.append(event["type"])
        if event["type"] == "customer.created":
            # a receiver may ask and write while it is being told
            stage.api.customers.update(event["data"]["object"]["id"], {"name": "seen"})
        return 200, {}, ""

    mock.add_callback("POST", URL, receive)
    stage.box.deliver = "inline"
    stage.api.customers.create({})
    assert heard == ["customer.created", "customer.updated"]


def test_events_carry_what_changed_and_who_asked(stage: Stage) -> None:
    customer = stage.api.customers.create({"name": "a", "metadata": {"k": "1"}}).id
    stage.api.customers.update(
        customer, {"name": "b", "metadata": {"n": "2"}}, {"idempotency_key": "mine"}
    )
    event = stage.api.events.list({"type": "customer.updated"}).data[0]
    assert event["data"]["previous_attributes"].to_dict() == {"name": "a", "metadata": {"n": None}}
    assert event["request"]["idempotency_key"] == "mine"
    assert event["request"]["id"].startswith("req_")


def test_an_upgrade_s_events_come_in_order_with_one_moment(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    stage.box.advance(seconds=DAY)
    before = len(stage.events())
    stage.switch(sub, stage.price(2000), proration_behavior="always_invoice")
    assert stage.events()[before + 1 :] == [
        "customer.subscription.updated",
        "invoiceitem.created",
        "invoiceitem.created",
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    log = stage.box.world.store.scan("event")[before:]
    assert {event["created"] for event in log} == {stage.box.now()}
    assert set(log[1]["data"]["previous_attributes"]) == {
        "items",
        "latest_invoice",
        "plan",
    }


def test_a_start_s_events_begin_with_the_subscription(stage: Stage) -> None:
    price, customer = stage.price(1000), stage.customer()
    before = len(stage.events())
    stage.subscribe(customer, price)
    assert stage.events()[before : before + 2] == [
        "customer.subscription.created",
        "invoice.created",
    ]
    created = stage.box.world.store.scan("event")[before]
    assert created["data"]["object"]["status"] == "active"


def test_events_are_filtered_by_type(stage: Stage) -> None:
    stage.subscribe(stage.customer(), stage.price(1000))
    kinds = {event.type for event in stage.api.events.list({"type": "invoice.*"}).data}
    assert kinds == {
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
    }
    some = stage.api.events.list({"types": ["price.created", "invoice.paid"]}).data
    assert [event.type for event in some] == ["invoice.paid", "price.created"]


def test_an_endpoint_that_is_down_is_tried_again(
    stage: Stage, hook: Any, mock: responses.RequestsMock
) -> None:
    mock.post(URL, body=requests.ConnectionError("refused"))
    stage.api.customers.create({})
    delivery = stage.box.deliver_pending()[0]
    assert (delivery.state, delivery.status) == ("pending", None)
    assert delivery.error == "ConnectionError: refused"
