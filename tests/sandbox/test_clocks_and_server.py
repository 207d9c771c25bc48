"""Clocks of all kinds, and the sandbox as a server."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe
from click.testing import CliRunner

from sandbox import Sandbox, create_app
from sandbox.server import Server, open_server
from service.cli.main import main

from .conftest import DAY, START, Stage

YEAR_2020 = 1_577_836_800


class TestTestClocks:
    def test_their_customers_live_in_their_time(self, stage: Stage) -> None:
        clock = stage.api.test_helpers.test_clocks.create({"frozen_time": YEAR_2020})
        customer = stage.customer(test_clock=clock.id)
        sub = stage.subscribe(customer, stage.price(1000))
        assert (sub["created"], sub["test_clock"]) == (YEAR_2020, clock.id)
        target = YEAR_2020 + 32 * DAY
        advanced = stage.api.test_helpers.test_clocks.advance(clock.id, {"frozen_time": target})
        assert advanced.status == "advancing"
        ready = stage.api.test_helpers.test_clocks.retrieve(clock.id)
        assert (ready.status, ready.frozen_time) == ("ready", target)
        assert stage.latest(sub["id"])["status"] == "paid"
        assert stage.latest(sub["id"])["created"] == YEAR_2020 + 31 * DAY
        assert stage.box.now() == START
        assert stage.events("test_helpers") == [
            "test_helpers.test_clock.created",
            "test_helpers.test_clock.advancing",
            "test_helpers.test_clock.ready",
        ]

    def test_they_go_forward_and_not_too_far(self, stage: Stage) -> None:
        clock = stage.api.test_helpers.test_clocks.create({"frozen_time": YEAR_2020})
        stage.subscribe(stage.customer(test_clock=clock.id), stage.price(1000))
        for target in (YEAR_2020 - 1, YEAR_2020 + 90 * DAY):
            with pytest.raises(stripe.InvalidRequestError):
                stage.api.test_helpers.test_clocks.advance(clock.id, {"frozen_time": target})

    def test_deleting_one_takes_its_customers_along(self, stage: Stage) -> None:
        clock = stage.api.test_helpers.test_clocks.create({"frozen_time": YEAR_2020})
        customer = stage.customer(test_clock=clock.id)
        stage.api.test_helpers.test_clocks.delete(clock.id)
        assert stage.api.customers.retrieve(customer).deleted is True


class TestTheSandboxClock:
    def test_frozen_it_moves_only_when_advanced(self) -> None:
        box = Sandbox(START)
        assert box.now() == START
        assert box.advance(seconds=5) == START + 5
        with pytest.raises(ValueError, match="forward"):
            box.advance(to=START)

    def test_without_a_start_it_follows_wall_time(self) -> None:
        box = Sandbox()
        assert abs(box.now() - int(time.time())) <= 1
        box.advance(seconds=1000)
        assert abs(box.now() - int(time.time()) - 1000) <= 1


class TestControls:
    def test_state_clock_faults_and_deliveries(self) -> None:
        box = Sandbox(START)
        web = create_app(box).test_client()
        assert web.get("/_sandbox/state").get_json()["now"] == START
        assert web.post("/_sandbox/clock", json={"advance": 60}).get_json()["now"] == START + 60
        assert web.post("/_sandbox/clock", json={"to": 1}).status_code == 400
        fault = {"method": "GET", "path": "/v1/customers", "kind": "429"}
        assert web.post("/_sandbox/faults", json=fault).status_code == 200
        assert web.post("/_sandbox/faults", json={"kind": "melt"}).status_code == 400
        key = {"Authorization": "Bearer sk_test_1"}
        assert web.get("/v1/customers", headers=key).status_code == 429
        assert web.get("/v1/customers", headers=key).status_code == 200
        assert web.get("/_sandbox/deliveries").get_json() == []
        assert (
            web.get("/nowhere", headers=key)
            .get_json()["error"]["message"]
            .startswith("Unrecognized request URL (GET: /nowhere)")
        )


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    heard: list[tuple[str, bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.headers["Stripe-Signature"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.heard = []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(receiver: str) -> Iterator[Server]:
    server = open_server(port=0, forward_to=receiver).start()
    yield server
    server.close()


def until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_over_real_http_with_the_sdk(server: Server) -> None:
    client = stripe.StripeClient("sk_test_1", base_addresses={"api": server.url})
    customer = client.v1.customers.create({"name": "Ada", "payment_method": "pm_card_visa"})
    assert customer.name == "Ada"
    until(lambda: len(Receiver.heard) >= 2)
    header, body = Receiver.heard[0]
    assert server.secret is not None
    assert client.construct_event(body, header, server.secret).type == "customer.created"
    state = requests.get(f"{server.url}/_sandbox/state", timeout=5).json()
    assert state["counts"]["customer"] == 1


def test_an_answer_has_one_date_and_it_is_the_sandboxs_own(server: Server) -> None:
    """A second one, in wall time, would come first and hide the clock from its clients."""
    server.box.advance(seconds=10 * DAY)
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=5)
    connection.request("GET", "/v1/prices", headers={"Authorization": "Bearer sk_test_one_date"})
    dates = connection.getresponse().headers.get_all("Date", [])
    connection.close()
    assert len(dates) == 1
    assert abs(parsedate_to_datetime(dates[0]).timestamp() - server.box.now()) < 5


def test_many_at_once_get_one_object_under_one_key(server: Server) -> None:
    url = f"{server.url}/v1/customers"
    headers = {"Authorization": "Bearer sk_test_1", "Idempotency-Key": "one"}
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(
            requests.post(url, data={"name": "a"}, headers=headers, timeout=5).status_code
        )

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 409}
    assert server.box.state()["counts"]["customer"] == 1


def test_a_reset_closes_the_connection(server: Server) -> None:
    server.box.fail_next("GET", "/v1/customers", "reset")
    key = {"Authorization": "Bearer sk_test_1"}
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.url}/v1/customers", headers=key, timeout=5)
    server.box.fail_next("GET", "/v1/customers", "timeout_before")
    with pytest.raises(requests.RequestException):
        requests.get(f"{server.url}/v1/customers", headers=key, timeout=0.3)
    assert requests.get(f"{server.url}/v1/customers", headers=key, timeout=5).status_code == 200


def test_as_a_program_it_says_where_it_is() -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--start", "2026-01-01"]
    command += ["--forward-to", "http://127.0.0.1:9/hook"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        first, second = program.stdout.readline(), program.stdout.readline()
        url = first.split(" on ")[1].split()[0]
        state = requests.get(f"{url}/_sandbox/state", timeout=5)
        program.terminate()
    assert "whsec_" in second
    assert json.loads(state.text)["now"] == 1_767_225_600


def test_a_socket_is_for_its_owner_and_replaces_nothing_but_a_socket(tmp_path: Path) -> None:
    door = tmp_path / "stripe.sock"
    for _ in range(2):
        server = open_server(port=0, unix_socket=door).start()
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        server.close()
    letter = tmp_path / "letter.txt"
    letter.write_text("dear diary")
    for path, said in ((letter, "is not a socket"), (tmp_path / ("long" * 30), "is too long")):
        refused = CliRunner().invoke(main, ["sandbox", "--port", "0", "--unix-socket", str(path)])
        assert refused.exit_code == 2
        assert said in refused.output
    assert letter.read_text() == "dear diary"
