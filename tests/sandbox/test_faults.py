"""Faults and slowness on request: by route, count and probability, the same way every time."""

from __future__ import annotations

import time

import pytest
import requests
import stripe

from sandbox import Sandbox, create_app
from sandbox.kernel.faults import Faults

from .conftest import START, Stage

KEY = {"Authorization": "Bearer sk_test_1"}


def statuses(box: Sandbox, count: int, path: str = "/v1/products") -> list[int]:
    return [box.call("GET", path, "", KEY).status for _ in range(count)]


def test_by_route_and_count() -> None:
    box = Sandbox(START)
    box.faults.plan("GET", "^/v1/products", "500", 2)
    assert statuses(box, 1, "/v1/prices") == [200]
    assert statuses(box, 3) == [500, 500, 200]


def test_without_end_until_cleared() -> None:
    box = Sandbox(START)
    box.faults.plan("*", "/v1/products", "429", None)
    assert statuses(box, 5) == [429] * 5
    box.faults.clear()
    assert statuses(box, 1) == [200]


def test_by_probability_and_seed() -> None:
    def run(seed: int) -> list[int]:
        box = Sandbox(START, seed=seed)
        box.faults.plan("GET", "/v1/products", "500", None, 0.3)
        return statuses(box, 200)

    first = run(1)
    assert 30 < first.count(500) < 90
    assert run(1) == first
    assert run(2) != first


def test_a_probable_fault_is_spent_only_when_it_happens() -> None:
    box = Sandbox(START)
    box.faults.plan("GET", "/v1/products", "500", 3, 0.2)
    assert statuses(box, 200).count(500) == 3
    assert box.faults.planned == []


def test_nonsense_is_refused() -> None:
    faults = Faults()
    for wrong in (("melt", 1.0, ""), ("500", 1.5, ""), ("500", 1.0, "(")):
        kind, probability, pattern = wrong
        with pytest.raises(ValueError, match=r"\w"):
            faults.plan("*", pattern, kind, 1, probability)


def test_an_answer_lost_after_its_effect(stage: Stage) -> None:
    stage.box.faults.plan("POST", "/v1/customers$", "timeout_after")
    with pytest.raises(stripe.APIConnectionError):
        stage.api.customers.create({"name": "Ada"})
    assert [entry.name for entry in stage.api.customers.list().data] == ["Ada"]


def test_a_round_trip_takes_as_long_as_it_is_told() -> None:
    box = Sandbox(START)
    box.latency.plan("*", "^/v1/", 0.05)
    box.latency.plan("GET", "^/v1/prices", 0)
    began = time.monotonic()
    statuses(box, 2)
    assert time.monotonic() - began >= 0.1
    assert box.latency.seconds("GET", "/v1/prices") == 0
    assert box.latency.seconds("POST", "/v1/prices") == 0.05
    box.latency.clear()
    assert box.latency.seconds("GET", "/v1/products") == 0
    with pytest.raises(ValueError, match="latency"):
        box.latency.plan("*", "", -1)


def test_all_of_it_from_outside() -> None:
    web = create_app(Sandbox(START)).test_client()
    fault = {"path": "/v1/products", "kind": "500", "count": None, "probability": 1}
    assert web.post("/_sandbox/faults", json=fault).get_json()[0]["count"] is None
    assert web.get("/v1/products", headers=KEY).status_code == 500
    assert web.delete("/_sandbox/faults").get_json() == []
    assert web.get("/v1/products", headers=KEY).status_code == 200
    assert web.post("/_sandbox/faults", json={"kind": "500", "probability": 7}).status_code == 400
    slow = web.post("/_sandbox/latency", json={"path": "/v1", "seconds": 0.01}).get_json()
    assert slow == [{"method": "*", "pattern": "/v1", "seconds": 0.01}]
    assert web.get("/_sandbox/latency").get_json() == slow
    assert web.delete("/_sandbox/latency").get_json() == []
    assert web.post("/_sandbox/latency", json={"seconds": "long"}).status_code == 400


def test_a_lost_connection_is_one(stage: Stage) -> None:
    stage.box.faults.plan("GET", "/v1/products", "reset")
    with pytest.raises(requests.ConnectionError):
        requests.get("https://api.stripe.com/v1/products", headers=KEY, timeout=1)
