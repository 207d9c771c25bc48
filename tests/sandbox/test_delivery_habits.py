"""Delivery with bad habits: late, twice, out of order, never, under another id, thin."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import responses
import stripe

from sandbox import Sandbox, create_app, mount
from sandbox.kernel.habits import chance

from .conftest import DAY, START, Stage

URL = "http://localhost:9/hook"
Heard = list[dict[str, Any]]


@pytest.fixture
def hear(mock: responses.RequestsMock) -> Callable[[str], Heard]:
    """Opens an address; returns what arrives there."""

    def hear(url: str) -> Heard:
        heard: Heard = []

        def receive(request: Any) -> tuple[int, dict[str, str], str]:
            heard.append(json.loads(request.body))
            return 200, {}, ""

        mock.add_callback("POST", url, receive)
        return heard

    return hear


def listen(stage: Stage, url: str = URL) -> str:
    endpoint = stage.api.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    return endpoint.id


def make(stage: Stage, count: int = 12) -> list[str]:
    return [stage.api.products.create({"name": f"{n}"}).id for n in range(count)]


def subjects(heard: Heard) -> list[str]:
    return [event["data"]["object"]["id"] for event in heard]


def test_every_event_twice(stage: Stage, hear: Any) -> None:
    listen(stage)
    heard = hear(URL)
    stage.box.delivery.put_on(duplicate=1)
    made = make(stage, 3)
    stage.box.deliver_pending()
    assert subjects(heard) == [entry for entry in made for _ in range(2)]
    assert len({event["id"] for event in heard}) == 3
    assert all(event["pending_webhooks"] == 0 for event in stage.api.events.list().data)


def test_some_dropped_and_found_by_looking_for_them(stage: Stage, hear: Any) -> None:
    listen(stage)
    heard = hear(URL)
    stage.box.delivery.put_on(drop=0.5)
    made = make(stage)
    stage.box.deliver_pending()
    assert 0 < len(heard) < len(made)
    missed = stage.api.events.list({"delivery_success": False, "limit": 100}).data
    lost = {str(event["data"]["object"]["id"]) for event in missed}
    assert lost == set(made) - set(subjects(heard))
    stage.box.delivery.behave()
    for event in missed:
        stage.box.delivery.resend(event.id)
    stage.box.deliver_pending()
    assert set(subjects(heard)) == set(made)
    assert stage.api.events.list({"delivery_success": False}).data == []


def test_out_of_order_and_the_same_way_again(stage: Stage, mock: Any, hear: Any) -> None:
    def run(seed: int) -> list[int]:
        box = Sandbox(START, seed=seed)
        mount(box, mock)
        again = Stage(box, stripe.StripeClient("sk_test_123"))
        listen(again)
        box.delivery.put_on(reorder=0.5)
        made = make(again)
        order = [box.world.store.get("event", entry.event) for entry in box.pending_deliveries()]
        return [made.index(event["data"]["object"]["id"]) for event in order]

    first = run(7)
    assert first != sorted(first)
    assert sorted(first) == list(range(12))
    assert run(7) == first
    assert run(8) != first


def test_the_same_fact_under_another_id(stage: Stage, hear: Any) -> None:
    listen(stage)
    heard = hear(URL)
    stage.box.delivery.put_on(twin=1)
    make(stage, 1)
    stage.box.deliver_pending()
    one, two = heard
    assert one["id"] != two["id"]
    assert (one["type"], one["data"], one["created"]) == (two["type"], two["data"], two["created"])
    assert stage.api.events.retrieve(two["id"]).type == "product.created"


def test_late(stage: Stage, hear: Any) -> None:
    listen(stage)
    heard = hear(URL)
    stage.box.delivery.put_on(delay=600)
    make(stage, 4)
    assert stage.box.deliver_due() == []
    # who asks for what waits does not wait
    stage.box.deliver_pending()
    assert len(heard) == 4


def test_each_endpoint_has_habits_of_its_own(stage: Stage, hear: Any) -> None:
    there = "http://localhost:9/there"
    heard, other = hear(URL), hear(there)
    bad = listen(stage)
    listen(stage, there)
    stage.box.delivery.put_on(bad, drop=1.0)
    make(stage, 3)
    stage.box.deliver_pending()
    assert (len(heard), len(other)) == (0, 3)


def test_a_thin_event_says_where_to_look(
    stage: Stage, client: stripe.StripeClient, mock: responses.RequestsMock
) -> None:
    endpoint = stage.api.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})
    mock.post(URL, status=200)
    stage.box.delivery.put_on(endpoint.id, thin=True)
    customer = stage.api.customers.create({"name": "Ada"})
    stage.box.deliver_pending()
    request: Any = next(call.request for call in mock.calls if call.request.url == URL)
    header = request.headers["Stripe-Signature"]
    assert endpoint.secret is not None
    notice: Any = client.parse_event_notification(request.body, header, endpoint.secret)
    assert notice.type == "v1.customer.created"
    assert notice.related_object.id == customer.id
    assert notice.fetch_related_object().name == "Ada"
    fetched = notice.fetch_event()
    assert (fetched.id, fetched.type) == (notice.id, "v1.customer.created")
    with pytest.raises(ValueError, match="event"):
        client.construct_event(request.body, header, endpoint.secret)


def test_habits_are_checked() -> None:
    box = Sandbox(START)
    for wrong in ({"drop": 2}, {"thin": 1}, {"delay": -1}, {"sloppy": 1}, {"drop": "often"}):
        with pytest.raises(ValueError, match=r"\w"):
            box.delivery.put_on(**wrong)
    with pytest.raises(LookupError):
        box.delivery.resend("evt_none")


def test_all_of_it_from_outside(stage: Stage, hear: Any) -> None:
    web = create_app(stage.box).test_client()
    endpoint = listen(stage)
    heard = hear(URL)
    answer = web.post("/_sandbox/delivery", json={"endpoint": endpoint, "duplicate": 1})
    assert answer.get_json()["duplicate"] == 1
    assert web.get("/_sandbox/delivery").get_json()["duplicate"] == 0
    assert web.get(f"/_sandbox/delivery?endpoint={endpoint}").get_json()["duplicate"] == 1
    make(stage, 1)
    assert len(web.post("/_sandbox/deliver").get_json()) == 2
    web.delete("/_sandbox/delivery")
    assert web.get(f"/_sandbox/delivery?endpoint={endpoint}").get_json()["duplicate"] == 0
    resent = web.post(f"/_sandbox/events/{heard[0]['id']}/resend", json={"endpoint": endpoint})
    assert resent.get_json()[0]["event"] == heard[0]["id"]
    assert web.post("/_sandbox/events/evt_none/resend").status_code == 404
    assert web.post("/_sandbox/delivery", json={"sloppy": 1}).status_code == 400
    assert len(web.post("/_sandbox/deliver").get_json()) == 1


def test_resending_by_the_api(stage: Stage, hear: Any) -> None:
    endpoint = listen(stage)
    heard = hear(URL)
    make(stage, 1)
    stage.box.deliver_pending()
    key = {"Authorization": "Bearer sk_test_1"}
    path = f"/v1/events/{heard[0]['id']}/retry"
    stage.box.call("POST", path, f"webhook_endpoint={endpoint}", key)
    stage.box.deliver_pending()
    assert [event["id"] for event in heard] == [heard[0]["id"]] * 2
    assert stage.box.call("POST", path, "webhook_endpoint=we_none", key).status == 400
    assert stage.box.call("POST", "/v1/events/evt_none/retry", "", key).status == 404


def test_events_are_kept_for_thirty_days(stage: Stage) -> None:
    event = stage.api.events.list().data[0]
    stage.box.advance(seconds=30 * DAY)
    assert stage.api.events.retrieve(event.id).id == event.id
    stage.box.advance(seconds=1)
    assert stage.api.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        stage.api.events.retrieve(event.id)


def test_events_by_type_and_time(stage: Stage) -> None:
    make(stage, 2)
    stage.box.advance(seconds=60)
    make(stage, 1)
    recent = stage.api.events.list({"created": {"gt": START}, "types": ["product.created"]})
    assert len(recent.data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="maximum 20"):
        stage.api.events.list({"types": [f"a.b{n}" for n in range(21)]})
    with pytest.raises(stripe.InvalidRequestError, match="both"):
        stage.api.events.list({"types": ["a.b"], "type": "a.b"})


def test_chances_are_evenly_spread() -> None:
    drawn = [chance(1, "x", number) for number in range(2_000)]
    assert 0.45 < sum(drawn) / len(drawn) < 0.55
