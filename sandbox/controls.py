"""The `/_sandbox/` controls: what a person or a test in another process does to a sandbox.

| | |
|---|---|
| GET state | clock, counts |
| POST clock | `{"advance": seconds}` or `{"to": unix}` |
| GET, POST, DELETE faults | `{"method", "path", "kind", "count", "probability"}`; DELETE: none |
| GET, POST, DELETE latency | `{"method", "path", "seconds"}` |
| GET, POST, DELETE delivery | habits, of the run or of one `"endpoint"` |
| POST deliver | send what waits now |
| GET deliveries | every delivery there was |
| GET, POST, DELETE switches | the named switches; `{"retry_days": [1, 2]}`; DELETE: defaults |
| POST events/<id>/resend | `{"endpoint": "we_…"}`, or all that it was meant for |
| POST payment_intents/<id>/authenticate | `{"succeed": true}`; also for setup intents |
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from .box import Sandbox
from .kernel.errors import Json
from .switchboard import turn
from .switches import Switches


def controls(box: Sandbox) -> Blueprint:
    """The controls of this sandbox, to be mounted by the app."""
    room = Blueprint("controls", __name__, url_prefix="/_sandbox")

    @room.errorhandler(ValueError)
    @room.errorhandler(TypeError)
    def refuse(error: Exception) -> ResponseReturnValue:
        return jsonify({"error": str(error)}), 400

    @room.errorhandler(LookupError)
    def missing(error: Exception) -> ResponseReturnValue:
        return jsonify({"error": str(error.args[0] if error.args else error)}), 404

    _clock(room, box)
    _faults(room, box)
    _delivery(room, box)
    _switches(room, box)
    return room


def _clock(room: Blueprint, box: Sandbox) -> None:
    @room.get("/state")
    def state() -> ResponseReturnValue:
        return jsonify(box.state())

    @room.post("/clock")
    def clock() -> ResponseReturnValue:
        wanted = _body()
        box.advance(seconds=wanted.get("advance"), to=wanted.get("to"))
        return jsonify(box.state())

    @room.post("/payment_intents/<intent>/authenticate")
    def authenticate(intent: str) -> ResponseReturnValue:
        try:
            box.authenticate(intent, succeed=_body().get("succeed", True) is not False)
        except LookupError:
            return jsonify({"error": f"{intent} awaits no answer of its customer"}), 404
        return jsonify(box.state())


def _faults(room: Blueprint, box: Sandbox) -> None:
    @room.get("/faults")
    def faults() -> ResponseReturnValue:
        return jsonify([asdict(fault) for fault in box.faults.planned])

    @room.post("/faults")
    def plan_fault() -> ResponseReturnValue:
        wanted = _body()
        count = wanted.get("count", 1)
        box.faults.plan(
            str(wanted.get("method", "*")),
            str(wanted.get("path", "")),
            str(wanted.get("kind")),
            None if count is None else int(count),
            float(wanted.get("probability", 1.0)),
        )
        return faults()

    @room.delete("/faults")
    def no_faults() -> ResponseReturnValue:
        box.faults.clear()
        return faults()

    @room.get("/latency")
    def latency() -> ResponseReturnValue:
        return jsonify([asdict(slow) for slow in box.latency.planned])

    @room.post("/latency")
    def plan_latency() -> ResponseReturnValue:
        wanted = _body()
        method, path = str(wanted.get("method", "*")), str(wanted.get("path", ""))
        box.latency.plan(method, path, float(wanted.get("seconds", 0.1)))
        return latency()

    @room.delete("/latency")
    def no_latency() -> ResponseReturnValue:
        box.latency.clear()
        return latency()


def _delivery(room: Blueprint, box: Sandbox) -> None:
    @room.get("/delivery")
    def habits() -> ResponseReturnValue:
        return jsonify(asdict(box.delivery.habits(request.args.get("endpoint"))))

    @room.post("/delivery")
    def put_on() -> ResponseReturnValue:
        wanted = _body()
        endpoint = wanted.pop("endpoint", None)
        return jsonify(asdict(box.delivery.put_on(endpoint, **wanted)))

    @room.delete("/delivery")
    def behave() -> ResponseReturnValue:
        box.delivery.behave()
        return habits()

    @room.post("/deliver")
    def deliver() -> ResponseReturnValue:
        return jsonify([asdict(delivery) for delivery in box.deliver_pending()])

    @room.get("/deliveries")
    def deliveries() -> ResponseReturnValue:
        return jsonify([asdict(delivery) for delivery in box.deliveries])

    @room.post("/events/<event>/resend")
    def resend(event: str) -> ResponseReturnValue:
        made = box.delivery.resend(event, _body().get("endpoint"))
        return jsonify([asdict(delivery) for delivery in made])


def _switches(room: Blueprint, box: Sandbox) -> None:
    @room.get("/switches")
    def switches() -> ResponseReturnValue:
        return jsonify(asdict(box.switches))

    @room.post("/switches")
    def turn_some() -> ResponseReturnValue:
        turn(box.switches, _body())
        return switches()

    @room.delete("/switches")
    def turn_back() -> ResponseReturnValue:
        turn(box.switches, asdict(Switches()))
        return switches()


def _body() -> dict[str, Any]:
    body: Json | None = request.get_json(silent=True, force=True)
    return body if isinstance(body, dict) else {}
