"""The sandbox as a server on loopback: threaded, with a thread for its clock and its webhooks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from .app import create_app
from .box import Sandbox
from .exchanges import Recorder

LONGEST = 107
"""Bytes of a Unix socket's path, as Linux has it (unix(7)); some systems allow a few less."""
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

    def __init__(
        self, box: Sandbox, doors: list[BaseWSGIServer], told: list[str], secret: str | None
    ) -> None:
        self.box = box
        self.secret = secret
        self.url = f"http://{doors[0].host}:{doors[0].port}"
        self._doors = doors
        self._told = told
        self._stop = threading.Event()

    def start(self) -> Server:
        """Serves from threads of its own and returns at once."""
        for door in self._doors:
            # often looked at, so that closing does not wait
            threading.Thread(target=door.serve_forever, args=(0.05,), daemon=True).start()
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def run(self, say: Callable[[str], None]) -> None:
        """Serves until interrupted; `say` receives the lines that tell a person how to reach it."""
        self.start()
        try:
            for line in self._told:
                say(line)
            self._stop.wait()
        finally:
            self.close()

    def close(self) -> None:
        self._stop.set()
        self.box.delivery.lines.hang_up()
        for door in self._doors:
            door.shutdown()
            door.server_close()

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
    unix_socket: Path | None = None,
    forward_to: str | None = None,
    start: datetime | int | None = None,
    seed: int = 0,
    record: Path | None = None,
) -> Server:
    """A server bound to its port and not yet serving; port 0 takes any free one.

    `unix_socket` is a second way in, for this user alone: the Stripe CLI goes to other hosts of
    Stripe's for some things, and only a socket turns it around (stripe-facts §6.2). `record` names
    a file to which every exchange and event is appended. Raises OSError where a socket cannot be.
    """
    box = box or Sandbox(start, seed=seed, deliver="background")
    if record:
        box.observers.append(Recorder(record))
    app = create_app(box)
    others = [_on_socket(unix_socket, app)] if unix_socket else []
    http = make_server(host, port, app, threaded=True, request_handler=QuietHandler)
    url = f"http://{host}:{http.server_port}"
    box.world.pages = url
    told = [f"Stripe sandbox on {url}  (any sk_test_… key, e.g. {API_KEY})"]
    if unix_socket:
        told.append(f"Also on {unix_socket}, for STRIPE_CLI_UNIX_SOCKET of the Stripe CLI")
    secret = _forward(box, forward_to) if forward_to else None
    if secret:
        told.append(f"Forwarding events to {forward_to}, signed with {secret}")
    told.append(f"Look at it in a browser: {url}/")
    told.append(f"Controls: GET {url}/_sandbox/state, POST {url}/_sandbox/clock")
    return Server(box, [http, *others], told, secret)


def _on_socket(path: Path, app: Flask) -> BaseWSGIServer:
    """A server on a Unix socket; the socket that an earlier one left behind is replaced."""
    if path.exists() and not path.is_socket():
        raise FileExistsError(f"{path} exists and is not a socket")
    if len(os.fsencode(path)) > LONGEST:
        raise OSError(f"{path} is too long for a socket: at most {LONGEST} bytes")
    before = os.umask(0o177)
    try:
        return make_server(f"unix://{path}", 0, app, threaded=True, request_handler=QuietHandler)
    finally:
        os.umask(before)


def _forward(box: Sandbox, url: str) -> str:
    """An endpoint for every event, made through the API as anyone would."""
    form = urlencode({"url": url, "enabled_events[]": "*"})
    headers = {"Authorization": f"Bearer {API_KEY}"}
    return str(box.call("POST", "/v1/webhook_endpoints", form, headers).body["secret"])
