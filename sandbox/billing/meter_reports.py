"""What could not be counted: told some seconds later, in one event per meter (Stripe docs: handle
meter event errors). It is the only word there is of usage that was taken and is lost."""

from __future__ import annotations

from itertools import groupby

from ..kernel.calendar import rfc3339
from ..kernel.errors import Json
from ..kernel.world import World

REPORT = "_meter_report"
WINDOW_S = 10
"""How long errors are gathered: what lies between validation_start and validation_end in the
examples of Stripe's docs."""
SAMPLES = 5


def report(
    world: World, meter: Json | None, code: str, message: str, identifier: str | None
) -> None:
    """Notes an event that is not counted, for the report of its meter, or of no meter at all."""
    now = world.now()
    start = now - now % WINDOW_S
    name = f"{meter['id'] if meter else 'none'}:{start}"
    entry = world.store.find(REPORT, name) or world.add(
        REPORT,
        {
            "id": name,
            "object": REPORT,
            "meter": meter["id"] if meter else None,
            "start": start,
            "errors": [],
            "told": False,
        },
    )
    entry["errors"].append({"code": code, "message": message, "identifier": identifier})


class MeterReports:
    """They are told when their window is over."""

    def due(self, world: World, body: Json) -> int | None:  # noqa: ARG002 - the protocol's shape
        return None if body["told"] else int(body["start"]) + WINDOW_S

    def act(self, world: World, body: Json) -> None:
        body["told"] = True
        count = len(body["errors"])
        what = "There is 1 invalid event" if count == 1 else f"There are {count} invalid events"
        data = {
            "developer_message_summary": what,
            "reason": {"error_count": count, "error_types": _types(body["errors"])},
            "validation_end": rfc3339(body["start"] + WINDOW_S),
            "validation_start": rfc3339(body["start"]),
        }
        meter = body["meter"]
        if meter is None:
            world.notify("v1.billing.meter.no_meter_found", data, None)
            return
        related = {"id": meter, "type": "billing.meter", "url": f"/v1/billing/meters/{meter}"}
        world.notify("v1.billing.meter.error_report_triggered", data, related)


def _types(found: list[Json]) -> list[Json]:
    by_code = sorted(found, key=lambda one: str(one["code"]))
    return [
        _type(code, list(alike)) for code, alike in groupby(by_code, lambda one: str(one["code"]))
    ]


def _type(code: str, alike: list[Json]) -> Json:
    samples = [
        {"error_message": one["message"], "request": {"identifier": one["identifier"]}}
        for one in alike[:SAMPLES]
    ]
    return {"code": code, "error_count": len(alike), "sample_errors": samples}
