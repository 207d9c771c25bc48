"""Where the time of one ingested event goes: the pieces, measured apart, one request at a time."""

from __future__ import annotations

import io
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from flask import Flask

from adapter.rows import insert_once
from adapter.tables import EventRow
from service.app import create_app
from service.settings import Settings
from service.wiring import Parts, build
from tests.support.shops import loaded
from webhooks.edge import _parsed, event_row

from .databases import Databases
from .ingest import Target
from .load import burst
from .payloads import Delivery, deliveries
from .servers import environment
from .tables import microseconds, note, table, title
from .verifying import verifying

CHUNKS = 12
CHUNK = 30
STORING = ("begin", "insert", "commit")
VERIFYING = ("verify", "json", "row")
EDGE = (*VERIFYING, *STORING)
WSGI, WIRE = "Flask and the app", "granian, loopback, client"
Taken = dict[str, list[float]]


def measure(made: Databases, verify_only: Target) -> None:
    """Measure the pieces on every kind of database in turn and print them."""
    parts = {kind: _parts(made.make(kind)) for kind in made.kinds}
    apps = {kind: create_app(verifying(built)) for kind, built in parts.items()}
    taken: dict[str, Taken] = {kind: defaultdict(list) for kind in parts}
    for number in range(CHUNKS):
        wire = _over_the_wire(verify_only, number)
        for kind, built in parts.items():
            for signed in deliveries(f"pieces_{number}", CHUNK):
                _apart(built, signed, taken[kind])
                _whole(apps[kind], signed, taken[kind])
            taken[kind]["wire"].extend(wire)
    for built in parts.values():
        built.database.dispose()
    title("2. Where the time of one event goes (microseconds, one at a time, medians)")
    note(f"{CHUNKS * CHUNK} events; Flask and granian: verify only in-process and over one")
    note("connection, less the pieces inside it")
    _print({kind: _pieces(taken[kind]) for kind in parts})


def _pieces(taken: Taken) -> dict[str, float]:
    found = {name: statistics.median(times[CHUNK:]) for name, times in taken.items()}
    whole, wire = found.pop("whole"), found.pop("wire")
    found[WSGI] = whole - sum(found[name] for name in VERIFYING)
    found[WIRE] = wire - whole
    return found


def _print(columns: Mapping[str, Mapping[str, float]]) -> None:
    names = (*EDGE, WSGI, WIRE)
    rows = [(name, *(microseconds(taken[name]) for taken in columns.values())) for name in names]
    sums = (microseconds(sum(taken.values())) for taken in columns.values())
    table(("piece", *columns), [*rows, ("sum", *sums)])


def _parts(url: str) -> Parts:
    return build(Settings.from_environment(environment(url)), catalogue=loaded("operations"))


def _apart(parts: Parts, signed: Delivery, taken: Taken) -> None:
    """The edge, step by step."""
    marks = [time.perf_counter()]

    def mark() -> None:
        marks.append(time.perf_counter())

    text = parts.edge._verified(signed.body, signed.signature)
    mark()
    event = _parsed(text)
    mark()
    row = event_row(event, parts.edge._livemode, parts.clock.now())
    mark()
    with parts.database.write() as tx:
        tx.connection()
        mark()
        insert_once(tx, EventRow, row)
        mark()
    mark()
    for name, begin, end in zip(EDGE, marks[:-1], marks[1:], strict=True):
        taken[name].append(end - begin)


def _whole(app: Flask, signed: Delivery, taken: Taken) -> None:
    """The app as a server calls it, without storing."""
    environ = _environ(signed)
    statuses: list[str] = []
    begin = time.perf_counter()
    answer = app(environ, lambda status, _headers, _failure=None: statuses.append(status))
    b"".join(answer)
    taken["whole"].append(time.perf_counter() - begin)
    assert statuses == ["200 OK"], statuses


def _environ(signed: Delivery) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/webhooks/stripe",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_TYPE": "application/json; charset=utf-8",
        "CONTENT_LENGTH": str(len(signed.body)),
        "HTTP_STRIPE_SIGNATURE": signed.signature,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(signed.body),
        "wsgi.errors": io.StringIO(),
    }


def _over_the_wire(verify_only: Target, number: int) -> list[float]:
    """Requests without storing, over one connection."""
    signed = list(deliveries(f"wire_{number}", CHUNK))
    return burst(verify_only.port, signed, 10, connections=1).latencies
