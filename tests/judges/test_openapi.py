"""The judge is judged: real exchanges pass, and each kind of fault in them is found."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import responses
import stripe

from sandbox import Exchange, Sandbox, mount

from . import document
from .bench import Bench
from .openapi import seated

START = 1_762_799_351
OURS = "sk_test_planshift_tests"
SUBSCRIPTIONS = "/v1/subscriptions"


class Watcher:
    """Keeps every exchange and event of a sandbox."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.events: list[dict[str, Any]] = []

    def exchanged(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def announced(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def one(self, method: str, path: str) -> Exchange:
        """The first exchange of this kind."""
        return next(each for each in self.exchanges if (each.method, each.path) == (method, path))


@cache
def watched() -> Watcher:
    """A purchase: product, price, customer, subscription, a look at it, and one at nothing."""
    watcher = Watcher()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mount(Sandbox(START, observers=[watcher]), mock)
        buy(stripe.StripeClient(OURS).v1)
    return watcher


def buy(v1: Any) -> None:
    product = v1.products.create({"name": "Small"}).id
    terms = {"product": product, "currency": "usd", "unit_amount": 2500}
    price = v1.prices.create({**terms, "recurring": {"interval": "month"}}).id
    card = "pm_card_visa"
    paying = {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
    customer = v1.customers.create(paying).id
    params = {
        "customer": customer,
        "items": [{"price": price, "quantity": 2}],
        "expand": ["latest_invoice.payments", "customer"],
        "metadata": {"seen": "yes"},
    }
    bought = v1.subscriptions.create(params)
    v1.subscriptions.update(bought.id, {"metadata": {"seen": ""}})
    v1.subscriptions.list({"customer": customer, "status": "all"})
    with pytest.raises(stripe.InvalidRequestError):
        v1.subscriptions.retrieve("sub_nowhere")


def judged(*exchanges: Exchange) -> list[str]:
    bench = Bench(seated)
    for exchange in exchanges:
        bench.exchanged(exchange)
    return bench.verdict()


def test_what_stripe_takes_and_gives_passes():
    bench = Bench(seated)
    for exchange in watched().exchanges:
        bench.exchanged(exchange)
    for event in watched().events:
        bench.announced(event)
    assert bench.verdict() == []
    assert {each.status for each in watched().exchanges} == {200, 404}
    assert "customer.subscription.created" in {event["type"] for event in watched().events}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("colour=red", "(whole): unknown colour"),
        ("items[0][colour]=red", "items[0]: unknown colour"),
        ("payment_behavior=hope", "payment_behavior: hope is none of "),
        ("cancel_at_period_end=1", "cancel_at_period_end: 1 is none of "),
        ("items[0][quantity]=many", "items[0].quantity: many does not look like "),
        ("description=", "description: "),
        ("items=all", "items: all is not of type object"),
        ("billing_cycle_anchor=now", "billing_cycle_anchor: now does not look like "),
        ("metadata[seen][when]=now", 'metadata.seen: {"when": "now"} is not of type string'),
    ],
)
def test_a_wrong_parameter_is_caught(wrong: str, complaint: str):
    bought = watched().one("POST", SUBSCRIPTIONS)
    name = wrong.partition("=")[0].partition("[")[0]
    kept = [part for part in bought.encoded.split("&") if not part.startswith(name)]
    (found,) = judged(dataclasses.replace(bought, encoded="&".join([*kept, wrong])))
    assert found.startswith(f"request POST /v1/subscriptions: {complaint}")


def test_a_missing_parameter_and_a_wrong_path_are_caught():
    bought = watched().one("POST", SUBSCRIPTIONS)
    assert seated().request("POST", "/v1/prices", "unit_amount=100") == [
        "request POST /v1/prices: (whole): lacks currency"
    ]
    assert judged(dataclasses.replace(bought, path="/v1/subscription")) == [
        "request POST /v1/subscription: no such operation",
        "answer of POST /v1/subscription: no such operation",
    ]


def test_the_version_of_today_counts():
    path = f"{SUBSCRIPTIONS}/sub_1"
    head = ("POST", path)
    judge = seated()
    assert judge.request(*head, "billing_cycle_anchor[type]=now") == []
    assert judge.request(*head, "billing_cycle_anchor=now") != []
    assert judge.request("POST", f"{path}/pause", "invoicing_behavior=invoice") == []
    assert judge.request("POST", "/v1/payment_intents", "payment_method_types[]=card") != []


Change = Callable[[dict[str, Any]], object]


def put(value: object, *path: str | int) -> Change:
    def change(body: dict[str, Any]) -> None:
        target: Any = body
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (put(1, "current_period_end"), "(whole): unknown current_period_end"),
        (put("asleep", "status"), "status: asleep is none of "),
        (put("soon", "cancel_at"), "cancel_at: soon fits none of "),
        (put(None, "items"), "items: null is not of type object"),
        (lambda body: body.pop("status"), "(whole): lacks status"),
        (put(True, "latest_invoice", "paid"), "latest_invoice: unknown paid"),
        (put("odd", "items", "data", 0, "price", "type"), "items.data[0].price.type: odd is "),
        (put("USD", "currency"), "currency: USD does not look like "),
        (put(7, "customer"), "customer: 7 "),
    ],
)
def test_a_wrong_answer_is_caught(change: Change, complaint: str):
    bought = watched().one("POST", SUBSCRIPTIONS)
    body = copy.deepcopy(bought.body)
    assert body is not None
    change(body)
    (found,) = judged(dataclasses.replace(bought, body=body))
    assert found.startswith(f"answer of POST /v1/subscriptions: {complaint}")


def test_a_wrong_error_is_caught():
    missed = watched().one("GET", f"{SUBSCRIPTIONS}/sub_nowhere")
    body = {"error": {"message": "No such subscription", "type": "mishap"}}
    (found,) = judged(dataclasses.replace(missed, body=body))
    assert "error.type: mishap is none of" in found


def test_a_wrong_event_is_caught():
    event = copy.deepcopy(watched().events[0])
    event["data"]["object"]["colour"] = "red"
    assert seated().event(event) == [f"event {event['type']}: (whole): unknown colour"]


def test_others_may_be_refused_and_we_may_not():
    bought = watched().one("POST", SUBSCRIPTIONS)
    body = {"error": {"message": "Received unknown parameter", "type": "invalid_request_error"}}
    refused = dataclasses.replace(bought, encoded="colour=red", status=400, body=body)
    assert judged(refused) != []
    somebody_else = {"authorization": "Bearer sk_test_somebody_else"}
    assert judged(dataclasses.replace(refused, headers=somebody_else)) == []


def test_an_unanswered_request_of_ours_is_judged_too():
    bought = watched().one("POST", SUBSCRIPTIONS)
    lost = dataclasses.replace(bought, encoded="colour=red", status=None, body=None)
    assert any("unknown colour" in found for found in judged(lost))


def test_a_dispute_overrules_one_complaint_and_must_have_a_reason():
    bench = Bench(seated)
    bench.exchanged(dataclasses.replace(watched().one("POST", SUBSCRIPTIONS), encoded="a=1&b=2"))
    complaint = "request POST /v1/subscriptions: (whole): unknown a, b"
    assert bench.verdict([complaint]) == []
    assert bench.verdict([complaint]) == [f"nobody complains: {complaint}"]


def test_without_the_document_nothing_passes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(document, "PACKAGE", "no-such-package-as-this")
    with pytest.raises(document.NoDocument, match="requirements-judges"):
        document.located()
