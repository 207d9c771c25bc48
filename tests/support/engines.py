"""Engines that share what SQLAlchemy has compiled.

It keeps compiled statements per engine, and every test has an engine of its own; compiling anew
would take a tenth of the suite's time. The tests' engines differ in nothing but the database.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import Engine

from adapter import database

# The statements of the whole suite, so that none is compiled twice.
STATEMENTS = 5_000
_PREPARE_SQLITE = database._prepare_sqlite
_FIRST: dict[str, Engine] = {}


def share(engine: Engine) -> None:
    """Let every engine of this kind that is opened from now on use what this one has compiled.

    It must have connected: only then does its dialect know the server.
    """
    if engine.dialect.name not in _FIRST:
        engine._compiled_cache.capacity = STATEMENTS
        _FIRST[engine.dialect.name] = engine


def _create_engine(*arguments: Any, **options: Any) -> Engine:
    engine = sqlalchemy.create_engine(*arguments, **options)
    first = _FIRST.get(engine.dialect.name)
    if first is not None:
        # What it would ask the server when it first connects, the shared dialect knows.
        engine.dialect.initialize = lambda _connection: None
        # Statements are found by their dialect, so it is shared with them.
        engine.dialect = first.dialect
        engine._compiled_cache = first._compiled_cache
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    _PREPARE_SQLITE(connection, record)
    # No test cuts the power, so nothing need reach the disk before the next statement.
    connection.execute("PRAGMA synchronous=OFF")


def install() -> None:
    """Have ``open_database`` make its engines so."""
    database.create_engine = _create_engine
    database._prepare_sqlite = _prepare_sqlite
