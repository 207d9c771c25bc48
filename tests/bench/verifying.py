"""``planshift serve`` with the insert left out: the measure that durable ingest is held against.

Everything else is the product: its command, its server with its threads, its app, its edge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from flask import Flask
from granian import Granian

from service import logs, serving
from service.app import create_app
from service.cli import main
from service.wiring import Parts
from webhooks import Edge, Receipt
from webhooks.edge import _parsed, event_row


class VerifyingEdge(Edge):
    """Verifies, parses and makes the row as the edge does; then answers without storing it."""

    def receive(self, body: bytes, signature: str | None) -> Receipt:
        event = _parsed(self._verified(body, signature))
        row = event_row(event, self._livemode, self._clock.now())
        return Receipt(row["id"], "stored" if row["state"] == "pending" else "ignored")


def verifying(parts: Parts) -> Parts:
    """The same parts with an edge that stores nothing."""
    settings = parts.settings
    edge = VerifyingEdge(parts.database, settings.webhook_secrets, settings.livemode, parts.clock)
    return replace(parts, edge=edge)


def app() -> Flask:
    """The factory that granian's processes call."""
    logs.configure()
    return create_app(verifying(serving.ready_parts(serving.NEEDS)))


def _granian(_target: str, **options: Any) -> Any:
    return Granian(f"{__spec__.name}:app", **options)


if __name__ == "__main__":
    with patch.object(serving, "Granian", _granian):
        main()
