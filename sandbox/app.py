"""The Flask app: a thin transport for the v1 API, and the `/_sandbox/` controls."""

from __future__ import annotations

import socket
import time
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from .box import Sandbox
from .exchanges import Reply
from .hosted import hosted_pages
from .kernel.faults import Dropped

METHODS = ["GET", "POST", "DELETE"]
SILENCE = 90  # longer than the SDK's default timeout of 80 s, so that a timeout is what it sees


def create_app(box: Sandbox) -> Flask:
    """A WSGI app that speaks for `box`."""
    app = Flask("sandbox")
    app.json.sort_keys = False  # type: ignore[attr-defined]

    @app.route("/v1/<path:rest>", methods=METHODS)
    def api(rest: str) -> ResponseReturnValue:
        encoded = request.query_string.decode()
        if request.method != "GET":
            body = request.get_data(as_text=True)
            encoded = "&".join(part for part in (encoded, body) if part)
        try:
            reply = box.call(request.method, f"/v1/{rest}", encoded, dict(request.headers))
        except Dropped as dropped:
            return _hang_up(dropped)
        return _respond(reply)

    @app.errorhandler(404)
    @app.errorhandler(405)
    def unknown(_: Exception) -> ResponseReturnValue:
        return _respond(box.call(request.method, request.path, "", dict(request.headers)))

    app.register_blueprint(hosted_pages(box))
    _controls(app, box)
    return app


def _respond(reply: Reply) -> Response:
    response = jsonify(reply.body)
    response.status_code = reply.status
    response.headers.update(reply.headers)
    return response


def _hang_up(dropped: Dropped) -> ResponseReturnValue:
    """No answer: a reset closes the connection, a timeout keeps the client waiting first."""
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if dropped.kind != "reset":
        time.sleep(request.headers.get("X-Sandbox-Patience", SILENCE, type=int))
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=599)


def _controls(app: Flask, box: Sandbox) -> None:
    @app.get("/_sandbox/state")
    def state() -> ResponseReturnValue:
        return jsonify(box.state())

    @app.post("/_sandbox/clock")
    def clock() -> ResponseReturnValue:
        wanted = _json_body()
        try:
            box.advance(seconds=wanted.get("advance"), to=wanted.get("to"))
        except (TypeError, ValueError) as error:
            return jsonify({"error": str(error)}), 400
        return jsonify(box.state())

    @app.post("/_sandbox/faults")
    def faults() -> ResponseReturnValue:
        wanted = _json_body()
        try:
            box.faults.plan(
                str(wanted.get("method", "*")),
                str(wanted.get("path", "")),
                str(wanted.get("kind")),
                int(wanted.get("count", 1)),
            )
        except ValueError as error:
            return jsonify({"error": str(error)}), 400
        return jsonify([asdict(fault) for fault in box.faults.planned])

    @app.post("/_sandbox/deliver")
    def deliver() -> ResponseReturnValue:
        return jsonify([asdict(delivery) for delivery in box.deliver_pending()])

    @app.get("/_sandbox/deliveries")
    def deliveries() -> ResponseReturnValue:
        return jsonify([asdict(delivery) for delivery in box.deliveries])

    @app.post("/_sandbox/payment_intents/<intent>/authenticate")
    def authenticate(intent: str) -> ResponseReturnValue:
        try:
            box.authenticate(intent, succeed=_json_body().get("succeed", True) is not False)
        except LookupError:
            return jsonify({"error": f"no payment intent {intent} awaits its customer"}), 404
        return jsonify(box.state())


def _json_body() -> dict[str, Any]:
    body = request.get_json(silent=True, force=True)
    return body if isinstance(body, dict) else {}
