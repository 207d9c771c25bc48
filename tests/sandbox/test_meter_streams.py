"""Usage in bulk, and the reports of what could not be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
import stripe

from sandbox import Sandbox, Switches, mount
from sandbox.app import create_app
from sandbox.billing.meter_reports import WINDOW_S
from sandbox.kernel.calendar import rfc3339

from .conftest import DAY, START, Stage
from .metering import Usage

HOOK = "https://company.test/hook"
STREAM = "https://meter-events.stripe.com/v2/billing/meter_event_stream"


class Flow:
    """A meter, a session for its stream, and an endpoint that is sent notifications."""

    def __init__(self, stage: Stage, mock: responses.RequestsMock) -> None:
        self.box, self.usage = stage.box, Usage(stage)
        self.read: list[Any] = []
        self.client = stripe.StripeClient("sk_test_123")
        self.session = self.client.v2.billing.meter_event_session.create()
        mock.add_callback("POST", HOOK, self._receive)
        wanted: Any = {"url": HOOK, "enabled_events": ["*"]}
        self.endpoint = stage.api.webhook_endpoints.create(wanted)
        self.box.delivery.put_on(self.endpoint.id, thin=True)

    def _receive(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.read.append(json.loads(request.body))
        return 200, {}, ""

    def event(self, value: str = "1", **more: Any) -> dict[str, Any]:
        payload = {"stripe_customer_id": self.usage.customer, "value": value}
        return {"event_name": self.usage.meter.event_name, "payload": payload, **more}

    def send(self, *events: Any) -> None:
        # as the SDK's users do: the session's token is the key of the stream
        by_token = stripe.StripeClient(self.session.authentication_token)
        by_token.v2.billing.meter_event_stream.create({"events": list(events)})

    def counted(self) -> int:
        total: int = self.usage.total()[0].aggregated_value
        return total

    def reported(self) -> list[Any]:
        """The notifications that come once the window is over, fetched as their receiver would."""
        self.box.advance(seconds=WINDOW_S)
        sent = self.box.deliver_pending()
        found = [self.client.v2.core.events.retrieve(one.event) for one in sent]
        return [event for event in found if event.type.startswith("v1.billing.meter.")]


@pytest.fixture
def flow(stage: Stage, mock: responses.RequestsMock) -> Flow:
    return Flow(stage, mock)


@pytest.fixture
def post(flow: Flow) -> Callable[..., requests.Response]:
    """A raw request to the stream: a body, and a credential."""

    def post(body: object, credential: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {credential or flow.session.authentication_token}"}
        text = body if isinstance(body, str) else json.dumps(body)
        return requests.post(STREAM, data=text, headers=headers, timeout=5)

    return post


def codes(report: Any) -> dict[str, int]:
    return {one.code: one.error_count for one in report.data.reason.error_types}


def test_a_stream_counts_what_a_single_call_would(flow: Flow) -> None:
    flow.send(
        flow.event("3", identifier="a"),
        flow.event("3", identifier="a"),
        flow.event("4", timestamp=rfc3339(START - DAY)),
    )
    # the second is the first again; yesterday's lies before the window that is summed up here
    assert flow.counted() == 3
    total = flow.usage.total(start=flow.box.now() // 60 * 60 - 2 * DAY)[0]
    assert total.aggregated_value == 7
    assert flow.reported() == []


def test_what_cannot_be_used_is_told_once_per_meter_and_window(flow: Flow) -> None:
    nobody = {"value": "1"}
    stranger = {"stripe_customer_id": "cus_none", "value": "1"}
    flow.send(
        flow.event("2"),
        flow.event(payload=nobody, identifier="no-customer"),
        flow.event(payload=stranger),
        flow.event(payload=stranger),
        flow.event("many"),
        flow.event(timestamp=rfc3339(START - 36 * DAY)),
        flow.event(timestamp=rfc3339(START + DAY)),
        flow.event(event_name="unheard_of", identifier="nowhere"),
    )
    assert flow.counted() == 2
    of_meter, of_none = flow.reported()
    assert of_meter.type == "v1.billing.meter.error_report_triggered"
    assert of_meter.fetch_related_object().id == flow.usage.meter.id
    assert of_meter.data.reason.error_count == 6
    assert codes(of_meter) == {
        "meter_event_no_customer_defined": 1,
        "meter_event_customer_not_found": 2,
        "meter_event_invalid_value": 1,
        "timestamp_too_far_in_past": 1,
        "timestamp_in_future": 1,
    }
    samples = {one.code: one.sample_errors for one in of_meter.data.reason.error_types}
    (sample,) = samples["meter_event_no_customer_defined"]
    assert sample.request.identifier == "no-customer"
    assert "stripe_customer_id" in sample.error_message
    begun = START - START % WINDOW_S
    window = of_meter.data.validation_start, of_meter.data.validation_end
    assert window == (rfc3339(begun), rfc3339(begun + WINDOW_S))

    assert (of_none.type, codes(of_none)) == ("v1.billing.meter.no_meter_found", {"no_meter": 1})
    assert of_none.related_object is None
    assert flow.reported() == []


def test_each_window_has_a_report_of_its_own(flow: Flow) -> None:
    for _ in range(2):
        flow.send(flow.event("many"))
        (report,) = flow.reported()
        assert report.data.developer_message_summary == "There is 1 invalid event"


def test_a_meter_that_was_switched_off_is_said_to_be_archived(flow: Flow, stage: Stage) -> None:
    stage.api.billing.meters.deactivate(flow.usage.meter.id)
    flow.send(flow.event())
    (report,) = [event for event in flow.reported() if "report" in event.type]
    assert codes(report) == {"archived_meter": 1}


def test_the_notification_itself_leaves_the_data_out(flow: Flow, stage: Stage) -> None:
    flow.send(flow.event("many"))
    (report,) = flow.reported()
    assert flow.read[-1]["id"] == report.id
    assert "data" not in flow.read[-1]
    # and the v1 API does not know it
    assert "v1.billing.meter.error_report_triggered" not in stage.events("")
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        stage.api.events.retrieve(report.id)


def test_those_who_want_snapshots_are_not_sent_it(flow: Flow) -> None:
    flow.box.delivery.put_on(flow.endpoint.id, thin=False)
    flow.box.deliver_pending()
    flow.send(flow.event("many"))
    flow.box.advance(seconds=WINDOW_S)
    assert flow.box.deliver_pending() == []


def test_a_token_is_good_for_a_quarter_of_an_hour(flow: Flow) -> None:
    assert flow.session.expires_at == rfc3339(START + 900)
    flow.box.advance(seconds=899)
    flow.send(flow.event())
    flow.box.advance(seconds=1)
    with pytest.raises(stripe.TemporarySessionExpiredError) as caught:
        flow.send(flow.event())
    assert caught.value.code == "billing_meter_event_session_expired"
    assert caught.value.http_status == 401


def test_a_key_does_not_open_the_stream_nor_a_token_the_api(
    flow: Flow, post: Callable[..., requests.Response]
) -> None:
    assert post({"events": [flow.event()]}, "sk_test_123").status_code == 401
    by_token = stripe.StripeClient(flow.session.authentication_token)
    with pytest.raises(stripe.AuthenticationError):
        by_token.v1.customers.list()
    assert flow.counted() == 0


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("{", None),
        ("[]", None),
        ({}, "events"),
        ({"events": {"event_name": "x"}}, "events"),
        ({"events": [{"payload": {}}]}, "events[0][event_name]"),
        ({"events": [{"event_name": "x"}]}, "events[0][payload]"),
        ({"events": [{"event_name": 7, "payload": {}}]}, "events[0][event_name]"),
        ({"events": [{"event_name": "x", "payload": {"value": 7}}]}, "events[0][payload][value]"),
        (
            {"events": [{"event_name": "x", "payload": {}, "timestamp": "noon"}]},
            "events[0][timestamp]",
        ),
        (
            {"events": [{"event_name": "x", "payload": {}, "timestamp": 7}]},
            "events[0][timestamp]",
        ),
        (
            {"events": [{"event_name": "x", "payload": {}, "timestamp": "2026-01-01T00:00:00"}]},
            "events[0][timestamp]",
        ),
        ({"events": [{"event_name": "x", "payload": {}}] * 101}, "events"),
    ],
)
def test_what_is_not_a_list_of_events_is_refused_at_once(
    body: object, param: str | None, post: Callable[..., requests.Response]
) -> None:
    answer = post(body)
    assert answer.status_code == 400
    assert answer.json()["error"].get("param") == param


def test_a_single_call_that_takes_usage_for_nobody_is_reported_too(
    mock: responses.RequestsMock,
) -> None:
    box = Sandbox(START, switches=Switches(unknown_usage_customer="dropped"))
    mount(box, mock)
    flow = Flow(Stage(box, stripe.StripeClient("sk_test_123")), mock)
    known, flow.usage.customer = flow.usage.customer, "cus_none"
    flow.usage.report("5", identifier="lost")
    flow.usage.customer = known
    assert flow.counted() == 0
    (report,) = flow.reported()
    assert codes(report) == {"meter_event_customer_not_found": 1}


def test_the_dashboard_shows_it_among_the_events(flow: Flow) -> None:
    flow.send(flow.event("many"), flow.event(event_name="unheard_of"))
    of_meter, of_none = flow.reported()
    web = create_app(flow.box).test_client()
    listed = web.get("/dashboard/events").text
    assert of_meter.type in listed
    assert of_none.type in listed
    assert "meter_event_invalid_value" in web.get(f"/dashboard/objects/{of_meter.id}").text
    assert of_meter.id in web.get(f"/dashboard/objects/{flow.usage.meter.id}").text
    assert of_none.id in web.get("/dashboard/events?q=no_meter_found").text
