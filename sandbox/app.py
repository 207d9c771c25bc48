"""The Flask app: a thin transport for the v1 API, and the `/_sandbox/` controls."""

from __future__ import annotations

import socket
import time

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from .box import Sandbox
from .controls import controls
from .dashboard import dashboard
from .exchanges import Reply
from .guard import guard
from .hosted import hosted_pages
from .kernel.faults import Dropped
from .listening import listeners
from .pages import checkout_pages, portal_pages

METHODS = ["GET", "POST", "DELETE"]


def create_app(box: Sandbox) -> Flask:
    """A WSGI app that speaks for `box`."""
    app = Flask("sandbox")
    app.json.sort_keys = False  # type: ignore[attr-defined]

    @app.route("/<any(v1, v2):version>/<path:rest>", methods=METHODS)
    def api(version: str, rest: str) -> ResponseReturnValue:
        encoded = request.query_string.decode()
        if request.method != "GET":
            body = request.get_data(as_text=True)
            encoded = "&".join(part for part in (encoded, body) if part)
        try:
            reply = box.call(request.method, f"/{version}/{rest}", encoded, dict(request.headers))
        except Dropped as dropped:
            return _hang_up(dropped, box.silence)
        return _respond(reply)

    @app.errorhandler(404)
    @app.errorhandler(405)
    def unknown(_: Exception) -> ResponseReturnValue:
        return _respond(box.call(request.method, request.path, "", dict(request.headers)))

    guard(app, box)
    app.register_blueprint(dashboard(box))
    app.register_blueprint(hosted_pages(box))
    app.register_blueprint(checkout_pages(box))
    app.register_blueprint(portal_pages(box))
    app.register_blueprint(listeners(box))
    app.register_blueprint(controls(box))
    return app


def _respond(reply: Reply) -> Response:
    response = jsonify(reply.body)
    response.status_code = reply.status
    response.headers.update(reply.headers)
    return response


def _hang_up(dropped: Dropped, silence: float) -> ResponseReturnValue:
    """No answer: a reset closes the connection, a timeout keeps the client waiting first."""
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if dropped.kind != "reset":
        time.sleep(request.headers.get("X-Sandbox-Patience", silence, type=float))
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=599)
