"""On what was measured: without it no number means anything."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text

from adapter.database import Database, open_database

from .tables import note

PACKAGES = ("granian", "flask", "sqlalchemy", "psycopg", "stripe")
FLUSHES = 100
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


def introduce(folder: Path, postgres_url: str | None) -> None:
    """Print the command, the machine, its disk and the versions."""
    note(f"command   python -m tests.bench {' '.join(sys.argv[1:])}".rstrip())
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    note(f"machine   {os.cpu_count()} cores ({platform.machine()}), load before the run {load}")
    note(f"disk      fdatasync of 4 KiB: median {_flush(folder) * 1e3:.2f} ms")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    note(f"versions  Python {platform.python_version()}, {packages}")
    note(f"SQLite    {sqlite3.sqlite_version}, WAL, synchronous=FULL")
    if postgres_url is not None:
        note(f"Postgres  {_postgres(postgres_url)}")


def _flush(folder: Path) -> float:
    """What the disk takes to make 4 KiB durable, in seconds."""
    taken = []
    with (folder / "flushed").open("wb", buffering=0) as file:
        for _ in range(FLUSHES):
            file.write(bytes(4096))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def _postgres(url: str) -> str:
    database = open_database(url)
    try:
        settings = [f"{name}={_shown(database, name)}" for name in DURABILITY]
        return ", ".join((_shown(database, "server_version"), *settings))
    finally:
        database.dispose()


def _shown(database: Database, setting: str) -> str:
    with database.read() as tx:
        return str(tx.execute(text(f"SHOW {setting}")).scalar_one())
