"""Those who listen: events go down a WebSocket of the sandbox's own port, as to `stripe listen`.

A WebSocket client plays the CLI here, so that it can be as awkward as it likes; the CLI itself
listens in test_stripe_cli.py.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import stripe
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from sandbox import Delivery
from sandbox.kernel import lines
from sandbox.server import Server, open_server
from tests.support.processes import eventually

KEY = "sk_test_1234567890abc"
HEADERS = {"Authorization": f"Bearer {KEY}"}
LATEST = "2026-10-28.endive"
SHOP = "127.0.0.1:9/webhooks/stripe"


@pytest.fixture
def server() -> Iterator[Server]:
    server = open_server(port=0).start()
    yield server
    server.close()


class Listener:
    """What `stripe listen` does, one step at a time."""

    def __init__(self, server: Server, forward_to: str = SHOP, *features: str) -> None:
        self._server = server
        self._asked = {"device_name": "laptop", "websocket_features[]": features or "webhooks"}
        if forward_to:
            self._asked["forward_to_url"] = forward_to
        self.session = self.ask()

    def ask(self) -> Any:
        url = f"{self._server.url}/v1/stripecli/sessions"
        return requests.post(url, data=self._asked, headers=HEADERS, timeout=5).json()

    def connect(self, identifier: str | None = None) -> ClientConnection:
        session = self.session
        return connect(
            f"{session['websocket_url']}?websocket_feature={session['websocket_authorized_feature']}",
            additional_headers={"Websocket-Id": identifier or session["websocket_id"]},
            subprotocols=[Subprotocol("stripecli-devproxy-v1")],
            proxy=None,
        )


def hear(connection: ClientConnection) -> Any:
    return json.loads(connection.recv(timeout=10))


def acknowledge(connection: ClientConnection, frame: Any) -> None:
    conversation = frame.get("webhook_conversation_id", "")
    told = {
        "type": "event_ack",
        "event_id": json.loads(frame.get("event_payload") or frame["payload"])["id"],
        "webhook_conversation_id": conversation,
        "webhook_id": frame.get("webhook_id") or frame["destination_id"],
    }
    connection.send(json.dumps(told))


def answer(connection: ClientConnection, frame: Any, status: int = 200) -> None:
    told = {
        "type": "webhook_response",
        "forward_url": f"http://{SHOP}",
        "status": status,
        # large ones come in several frames
        "body": "x" * 5000,
        "request_body": frame.get("event_payload") or frame["payload"],
        "webhook_conversation_id": frame.get("webhook_conversation_id", ""),
        "notification_id": json.loads(frame.get("event_payload") or frame["payload"])["id"],
    }
    connection.send(json.dumps(told))


def happens(server: Server, name: str = "Ada") -> None:
    """A customer is made, and one event with it."""
    url = f"{server.url}/v1/customers"
    assert requests.post(url, data={"name": name}, headers=HEADERS, timeout=5).status_code == 200


def named(frame: Any) -> str:
    return str(json.loads(frame["event_payload"])["data"]["object"]["name"])


def only(server: Server) -> Delivery:
    (delivery,) = server.box.deliveries
    return delivery


def ended(server: Server) -> Callable[[], bool]:
    return lambda: all(each.state != "pending" for each in server.box.deliveries)


def nobody_listens(server: Server) -> Callable[[], bool]:
    return lambda: not any(line.connections for line in server.box.delivery.lines._lines.values())


def test_both_copies_come_signed_and_the_answer_is_the_result(server: Server) -> None:
    listener = Listener(server)
    with listener.connect() as line:
        assert line.subprotocol == "stripecli-devproxy-v1"
        happens(server)
        copies = [hear(line), hear(line)]
        assert [copy["endpoint"]["api_version"] for copy in copies] == [None, LATEST]
        secret = listener.session["secret"]
        for copy in copies:
            signature = copy["http_headers"]["Stripe-Signature"]
            client = stripe.StripeClient(KEY)
            event = client.construct_event(copy["event_payload"].encode(), signature, secret)
            assert event.type == "customer.created"
            acknowledge(line, copy)
        assert only(server).state == "pending"
        answer(line, copies[0])
        eventually(ended(server), "the answer is noted", 10)
    result = only(server)
    assert (result.state, result.status, result.attempts) == ("delivered", 200, 1)
    assert result.took_ms is not None
    event = requests.get(f"{server.url}/v1/events", headers=HEADERS, timeout=5).json()["data"][0]
    assert event["pending_webhooks"] == 0


def test_what_nobody_took_waits_for_the_next_connection(server: Server) -> None:
    """Also what was taken and not yet forwarded; what was answered does not come again."""
    listener = Listener(server)
    with listener.connect() as line:
        for name in ("answered", "acknowledged", "ignored"):
            happens(server, name)
        for copy in [hear(line) for _ in range(6)]:
            if named(copy) != "ignored":
                acknowledge(line, copy)
            if named(copy) == "answered":
                answer(line, copy)
    eventually(nobody_listens(server), "the sandbox notices", 10)
    happens(server, "while nobody listened")
    # the command was started anew, on the same machine
    with Listener(server).connect() as line:
        again = [named(hear(line)) for _ in range(6)]
    assert again[::2] == ["acknowledged", "ignored", "while nobody listened"]


def test_an_answer_other_than_2xx_is_a_failure_and_final(server: Server) -> None:
    with Listener(server).connect() as line:
        happens(server)
        answer(line, hear(line), 500)
        eventually(ended(server), "the answer is noted", 10)
    assert (only(server).state, only(server).status) == ("failed", 500)


def test_one_that_forwards_nowhere_has_done_its_part_with_the_acknowledgement(
    server: Server,
) -> None:
    with Listener(server, "").connect() as line:
        happens(server)
        acknowledge(line, hear(line))
        acknowledge(line, hear(line))
        eventually(ended(server), "both copies are acknowledged", 10)
    assert (only(server).state, only(server).status) == ("delivered", None)


def test_no_answer_at_all_is_told_as_such(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its receiver cannot be reached, or it does not want this event: it does not say which."""
    monkeypatch.setattr(lines, "ANSWER_WITHIN", 0.0)
    with Listener(server).connect() as line:
        happens(server)
        copy = hear(line)
        eventually(ended(server), "the sandbox gives up", 10)
        assert (only(server).state, only(server).error) == ("failed", lines.UNANSWERED)
        answer(line, copy)  # a debugger held it up
        eventually(lambda: only(server).state == "delivered", "a late answer counts", 10)


def test_thin_events_come_without_the_object(server: Server) -> None:
    listener = Listener(server, SHOP, "v2_events")
    with listener.connect() as line:
        happens(server)
        frame = hear(line)
        assert (frame["type"], frame["destination_id"]) == (
            "v2_event",
            listener.session["device_token"],
        )
        payload = json.loads(frame["payload"])
        assert payload["type"] == "v1.customer.created"
        assert "data" not in payload
        acknowledge(line, frame)
        answer(line, frame)
        eventually(ended(server), "the answer is noted", 10)
    assert (only(server).thin, only(server).state) == (True, "delivered")


def test_an_unknown_id_is_told_in_the_words_that_make_the_cli_ask_anew(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Listener(server).connect("cliws_nobody")
    assert json.loads(refused.value.response.body or b"")["error"] == {
        "message": "Unknown WebSocket ID."
    }


def test_a_ping_is_answered(server: Server) -> None:
    with Listener(server).connect() as line:
        assert line.ping().wait(10)


def test_the_secret_belongs_to_the_machine_and_outlives_the_sandbox(server: Server) -> None:
    told = Listener(server, "").session["secret"]
    assert Listener(server).session["secret"] == told
    other = open_server(port=0).start()
    try:
        assert Listener(other).session["secret"] == told
    finally:
        other.close()


def test_an_event_is_sent_again_to_those_who_listen(server: Server) -> None:
    with Listener(server).connect() as line:
        happens(server)
        first = hear(line)
        answer(line, hear(line))
        eventually(ended(server), "the answer is noted", 10)
        event = json.loads(first["event_payload"])["id"]
        url = f"{server.url}/v1/events/{event}/retry"
        requests.post(url, data={"for_stripecli": "true"}, headers=HEADERS, timeout=5)
        assert json.loads(hear(line)["event_payload"])["id"] == event


def test_a_flood_is_let_through_as_it_is_answered(server: Server) -> None:
    """The CLI forwards all it has at once; the service behind it is not to drown in it."""
    with Listener(server).connect() as line:
        with server.box.lock:  # all are made before the first is sent
            threads = [threading.Thread(target=happens, args=(server,)) for _ in range(100)]
            for thread in threads:
                thread.start()
        seen: set[str] = set()
        while len(seen) < 100:
            copy = hear(line)
            seen.add(json.loads(copy["event_payload"])["id"])
            under_way = [
                each for each in server.box.deliveries if each.attempts and each.state == "pending"
            ]
            assert len(under_way) <= lines.AT_ONCE
            answer(line, copy)
        for thread in threads:
            thread.join()
        eventually(ended(server), "all are answered", 10)
