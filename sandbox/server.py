"""The sandbox as a server on loopback: threaded, with a thread for its clock and its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .app import create_app
from .box import Sandbox
from .exchanges import Recorder

API_KEY = "sk_test_sandbox"


class QuietHandler(WSGIRequestHandler):
    """Requests are in the sandbox's own log; the terminal stays readable."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without http.server's own ``Date``: it tells wall time, and the sandbox's comes later."""
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: object) -> None:
        pass


class Server:
    """A running sandbox. `url` and `secret` (of the forwarded endpoint) are what a client needs."""

    def __init__(self, box: Sandbox, http: BaseWSGIServer, secret: str | None) -> None:
        self.box = box
        self.secret = secret
        self.url = f"http://{http.host}:{http.port}"
        self._http = http
        self._stop = threading.Event()

    def start(self) -> Server:
        """Serves from threads of its own and returns at once."""
        # often looked at, so that closing does not wait
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def run(self) -> None:
        """Serves until interrupted."""
        threading.Thread(target=self._tick, daemon=True).start()
        try:
            self._http.serve_forever()
        finally:
            self.close()

    def close(self) -> None:
        self._stop.set()
        self.box.delivery.lines.hang_up()
        self._http.shutdown()
        self._http.server_close()

    def _tick(self) -> None:
        while not self._stop.wait(0.05):
            self.box.catch_up()
            if self.box.deliver == "background":
                self.box.deliver_due()


def open_server(
    host: str = "127.0.0.1",
    port: int = 12111,
    *,
    box: Sandbox | None = None,
    forward_to: str | None = None,
    start: datetime | int | None = None,
    seed: int = 0,
    record: Path | None = None,
) -> Server:
    """A server bound to its port and not yet serving; port 0 takes any free one.

    `record` names a file to which every exchange and event is appended.
    """
    box = box or Sandbox(start, seed=seed, deliver="background")
    if record:
        box.observers.append(Recorder(record))
    http = make_server(host, port, create_app(box), threaded=True, request_handler=QuietHandler)
    box.world.pages = f"http://{host}:{http.server_port}"
    secret = _forward(box, forward_to) if forward_to else None
    return Server(box, http, secret)


def serve(
    host: str = "127.0.0.1",
    port: int = 12111,
    *,
    forward_to: str | None = None,
    start: datetime | int | None = None,
    seed: int = 0,
    record: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Serves until interrupted; `say` receives the lines that tell a person how to reach it."""
    server = open_server(host, port, forward_to=forward_to, start=start, seed=seed, record=record)
    say(f"Stripe sandbox on {server.url}  (any sk_test_… key, e.g. {API_KEY})")
    if server.secret:
        say(f"Forwarding events to {forward_to}, signed with {server.secret}")
    say(f"Look at it in a browser: {server.url}/")
    say(f"Controls: GET {server.url}/_sandbox/state, POST {server.url}/_sandbox/clock")
    server.run()


def _forward(box: Sandbox, url: str) -> str:
    """An endpoint for every event, made through the API as anyone would."""
    form = urlencode({"url": url, "enabled_events[]": "*"})
    headers = {"Authorization": f"Bearer {API_KEY}"}
    return str(box.call("POST", "/v1/webhook_endpoints", form, headers).body["secret"])
