"""Finding or starting a PostgreSQL server for the suite.

TEST_DATABASE_URL names one (its user must be allowed to create databases). Without it,
PostgreSQL's own programs on this machine start a private one on a unix socket, with durability
switched off, since it only lives as long as the suite. As root they run as an unprivileged user,
because PostgreSQL refuses root.
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from adapter.database import Database, open_database
from adapter.migrations import migrate
from tests.support import engines

TEMPLATE = "planshift_template"
VERSIONS = "alembic_version"
# SQL text, no data: fixed names made by this module only.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
# What is committed outlives the death of the server, though not that of the machine.
SAFE = ("fsync=off", "max_connections=200")


class NoPostgres(Exception):
    """There is no server and none can be started; the text says what is missing."""


@dataclass(frozen=True)
class Programs:
    """How a server of our own is started and stopped."""

    pg_ctl: tuple[str, ...]
    start_options: tuple[str, ...]
    user: str | None

    def start(self) -> None:
        _run([*self.pg_ctl, *self.start_options, "start"], self.user)

    def stop(self, mode: str) -> None:
        _run([*self.pg_ctl, "-m", mode, "stop"], self.user)


class PostgresServer:
    """A server on which databases are made from a migrated template."""

    def __init__(self, base_url: str, programs: Programs | None = None):
        self._base = make_url(base_url)
        self._programs = programs
        self._made = 0
        self._prefix = f"planshift_{os.getpid()}"
        self._template = f"{self._prefix}_{TEMPLATE}"
        self._admin = create_engine(
            self._base.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        self._sql(f'CREATE DATABASE "{self._template}"')
        database = open_database(self.url(self._template))
        migrate(database)
        engines.share(database.engine)
        self._emptying = _emptying(database)
        database.dispose()
        self._lent: str | None = None

    def url(self, name: str) -> str:
        """The URL of a database on this server."""
        return self._base.set(database=name).render_as_string(hide_password=False)

    def create_database(self) -> str:
        """A fresh, migrated database."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        self._sql(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return name

    @contextmanager
    def lend_database(self) -> Iterator[str]:
        """The URL of an empty, migrated database; the same each time, emptied in between.

        Emptying takes 10 ms, making one anew 26 ms; but three workers of the suite that make them
        at once wait half a second for each.
        """
        self._lent = self._lent or self.create_database()
        yield self.url(self._lent)
        self._empty(self._lent)

    def _empty(self, name: str) -> None:
        """Take out all rows, whoever is still connected, and begin all sequences anew."""
        self._sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        engine = create_engine(
            self._base.set(drivername="postgresql+psycopg", database=name), poolclass=NullPool
        )
        with engine.begin() as connection:
            connection.execute(text(self._emptying))

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self) -> None:
        """Drop what was made, and stop the server if it was started here."""
        for name in filter(None, (self._template, self._lent)):
            self.drop_database(name)
        self._admin.dispose()
        if self._programs:
            self._programs.stop("immediate")

    def goes_away(self, mode: str) -> None:
        """Stop the server (``fast``, or ``immediate``, as in a crash); only one started here."""
        assert self._programs is not None
        self._admin.dispose()
        self._programs.stop(mode)

    def comes_back(self) -> None:
        """Start it again, on what it had committed."""
        assert self._programs is not None
        self._programs.start()

    def _sql(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


def _emptying(database: Database) -> str:
    """SQL that brings a database back to how ``database`` is: migrated, without a row."""
    with database.read() as tx:
        order = inspect(tx.connection()).get_sorted_table_and_fkc_names()
        # who refers to others goes before them
        tables = [name for name, _ in reversed(order) if name is not None]
        full = [t for t in tables if tx.scalar(text(f'SELECT count(*) FROM "{t}"'))]
        found = tx.scalars(text("SELECT sequencename FROM pg_sequences"))
        sequences = [f'ALTER SEQUENCE "{name}" RESTART' for name in found]
    assert full == [VERSIONS], f"migrations leave rows in {full}: say here how they come back"
    deletes = [f'DELETE FROM "{name}"' for name in tables if name != VERSIONS]
    return "; ".join((*deletes, *sequences))


def find_server() -> PostgresServer:
    """The server named by TEST_DATABASE_URL, else a private one.

    Raises:
        NoPostgres: neither is possible.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        return PostgresServer(url)
    return private_server()


def private_server(settings: Sequence[str] | None = None) -> PostgresServer:
    """A server of our own, with ``settings`` instead of the fast ones.

    Raises:
        NoPostgres: its programs are not there, or do not run.
    """
    programs = _programs()
    user = _unprivileged_user()
    # The socket's path must be short (107 bytes), so it gets a folder of its own.
    sockets = Path(tempfile.mkdtemp(prefix="pg"))
    data = Path(tempfile.mkdtemp(prefix="pgdata")) / "data"
    if user:
        for owned in (sockets, data.parent):
            shutil.chown(owned, user=user)
    _run(
        [str(programs / "initdb"), "-D", str(data), "-U", "planshift", "-A", "trust", "-E", "UTF8"],
        user,
    )
    wanted = " ".join(f"-c {setting}" for setting in settings or FAST)
    options = f"-c listen_addresses='' -k {sockets} {wanted}"
    log = data.parent / "server.log"
    pg_ctl = (str(programs / "pg_ctl"), "-D", str(data), "-w")
    ours = Programs(pg_ctl, ("-l", str(log), "-o", options), user)
    ours.start()
    return PostgresServer(f"postgresql://planshift@/postgres?host={sockets}", ours)


def _programs() -> Path:
    found = [Path(path).parent for path in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    if not found:
        raise NoPostgres("set TEST_DATABASE_URL, or install PostgreSQL (package 'postgresql')")
    return max(found)


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("running as root and there is no unprivileged user to start PostgreSQL as")


def _run(command: list[str], user: str | None) -> None:
    done = subprocess.run(
        command, user=user, cwd="/", capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        raise NoPostgres(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
