"""Copies of a sandbox and of a database, each to live on by itself."""

from __future__ import annotations

import copy
import shutil
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from sandbox import Sandbox


def copied_box(box: Sandbox) -> Sandbox:
    """A sandbox of its own with the same objects, keys, clock and waiting deliveries."""
    locks = {
        id(lock): threading.RLock() if lock is box.lock else threading.Lock()
        for lock in (box.lock, box.faults._lock, box.delivery._draining, box._keys._lock)
    }
    known: dict[int, Any] = {**locks, **{id(seen): seen for seen in box.observers}}
    return copy.deepcopy(box, known)


_names: Callable[[], int] = count(1).__next__


def copied_database(url: str, folder: Path) -> str:
    """A copy of a database that nobody is connected to; a SQLite file goes into ``folder``."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = folder / f"copy{_names()}.db"
        shutil.copy(str(parsed.database), path)
        return f"sqlite:///{path}"
    # Copies of copies keep their names short.
    name = f"{str(parsed.database).partition('_life')[0]}_life{_names()}"
    _administer(url, f'CREATE DATABASE "{name}" TEMPLATE "{parsed.database}"')
    return parsed.set(database=name).render_as_string(hide_password=False)


def drop_database(url: str) -> None:
    """Remove a copy that is no longer needed."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        _administer(url, f'DROP DATABASE IF EXISTS "{parsed.database}" WITH (FORCE)')


def drop_copies(url: str) -> None:
    """Remove every copy that was made of a PostgreSQL database."""
    like = f"{make_url(url).database}_life%"
    for name in _administer(url, f"SELECT datname FROM pg_database WHERE datname LIKE '{like}'"):
        _administer(url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _administer(url: str, statement: str) -> list[str]:
    address = make_url(url).set(drivername="postgresql+psycopg", database="postgres")
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        done = connection.execute(text(statement))
        found = [str(row[0]) for row in done] if done.returns_rows else []
    engine.dispose()
    return found
