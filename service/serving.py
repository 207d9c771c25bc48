"""Serving the app with granian: one process of threads on SQLite, which has a single writer."""

from __future__ import annotations

import os

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from adapter.gateway.pacing import Urgency
from adapter.migrations import is_current

from . import logs
from .app import create_app
from .settings import Settings, SettingsError
from .wiring import Parts, build

# Threads wait for Stripe more than they compute; granian warns above four per core.
THREADS = min(16, 4 * (os.cpu_count() or 1))
NEEDS = ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")


def ready_parts(needs: tuple[str, ...]) -> Parts:
    """The parts from the environment, with the database at its newest revision.

    Raises:
        SettingsError: a setting is missing or wrong, or the database is outdated.
    """
    settings = Settings.from_environment(os.environ, needs=needs)
    parts = build(settings, urgency=Urgency.PROMPT)
    if not is_current(parts.database):
        raise SettingsError(
            "The database is not at the newest revision: run 'planshift db upgrade'."
        )
    return parts


def app() -> Flask:
    """The factory that granian's processes call."""
    logs.configure()
    return create_app(ready_parts(NEEDS))


def serve(host: str, port: int, processes: int | None) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError: the service cannot start, in one line; checked before any process is made.
    """
    parts = ready_parts(NEEDS)
    if parts.database.is_sqlite and processes not in (None, 1):
        raise SettingsError("SQLite has one writer: serve with one process, or use PostgreSQL.")
    parts.database.dispose()
    Granian(
        "service.serving:app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes or 1,
        blocking_threads=THREADS,
        factory=True,
        log_access=False,
        websockets=False,
    ).serve()
