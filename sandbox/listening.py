"""The WebSocket of `stripe listen`, on the sandbox's own port (stripe-facts §6.4)."""

from __future__ import annotations

import json
from contextlib import suppress

from flask import Blueprint, Request, Response, jsonify, request
from flask.typing import ResponseReturnValue
from websockets.exceptions import ConnectionClosed
from websockets.server import ServerProtocol
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from .box import Sandbox
from .resources.cli_sessions import FAMILY, PATH, admit

PROTOCOL = Subprotocol("stripecli-devproxy-v1")


class Over(Response):
    """The connection is used up: there is nobody to answer."""

    def __call__(self, *_: object) -> list[bytes]:
        raise ConnectionAbortedError


def listeners(box: Sandbox) -> Blueprint:
    """Where listeners connect to this sandbox."""
    room = Blueprint("listeners", __name__)

    @room.route(f"{PATH}<session>", websocket=True)
    def subscribe(session: str) -> ResponseReturnValue:
        with box.lock:
            found = box.world.store.peek(FAMILY, request.headers.get("Websocket-Id", session))
        if found is None:
            # these words make the listener ask for a new session (§6.4)
            return jsonify({"error": {"message": "Unknown WebSocket ID."}}), 404
        with box.acting():
            # before the answer: what happens from now on is for them
            listener = admit(box.world, found)["id"]
            box.delivery.lines.lay(listener)
        connection = _upgrade(request)
        if connection is None:
            return jsonify({"error": {"message": "This is no opening of a WebSocket."}}), 400
        with connection:
            _serve(box, listener, connection)
        return Over()

    return room


def _upgrade(asked: Request) -> Connection | None:
    """The request as a WebSocket. The server has read its head, so it is told over again."""
    protocol = ServerProtocol(subprotocols=[PROTOCOL])
    head = [f"GET {asked.full_path} HTTP/1.1", *(f"{n}: {value}" for n, value in asked.headers)]
    protocol.receive_data("\r\n".join([*head, "", ""]).encode("latin-1"))
    told = protocol.events_received()
    socket = asked.environ.get("werkzeug.socket")
    if not told or socket is None:
        return None
    answer = protocol.accept(told[0])  # type: ignore[arg-type]
    if answer.status_code != 101:
        return None
    protocol.send_response(answer)
    socket.sendall(b"".join(protocol.data_to_send()))
    return Connection(socket, protocol)


class Talk:
    """A connection as the switchboard knows it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, frame: str) -> None:
        with suppress(ConnectionClosed):
            self._connection.send(frame)

    def close(self) -> None:
        self._connection.close()


def _serve(box: Sandbox, listener: str, connection: Connection) -> None:
    """Until the connection ends. Who sends is the thread that delivers; here is who hears."""
    wire = Talk(connection)
    box.delivery.lines.connect(listener, wire)
    try:
        for message in connection:
            box.delivery.lines.heard(listener, json.loads(message))
    except (ConnectionClosed, ValueError):
        pass
    finally:
        box.delivery.lines.disconnect(listener, wire)
