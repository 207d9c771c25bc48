"""One database, two kinds: SQLite embedded, PostgreSQL for many processes.

``write()`` is the only way to change rows. On SQLite it takes one lock per process and BEGIN
IMMEDIATE, because SQLite has a single writer and its busy handler is unfair: waiting in line here
keeps the slowest request near 40 ms instead of 800 ms (measured, see ADR 001).
"""

from __future__ import annotations

import select
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm import Session

from .errors import Misconfigured
from .tickets import CounterTickets, SequenceTickets

BUSY_TIMEOUT_MS = 5_000
READ_ONLY = "planshift_read_only"
# Both ends find a dead peer within ten seconds: ours so that it goes on elsewhere, the server's so
# that it frees our locks.
KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}
# Threads that serve or work share these; most wait for Stripe and hold none. Who finds none free
# waits: opening one and closing it costs PostgreSQL more than an object does (measured in ADR 001).
CONNECTIONS = 12


def is_away(error: BaseException) -> bool:
    """Whether ``error`` says that the database cannot be reached or used at present.

    Nothing is wrong with the work then: it is rolled back, and done again when the database is
    back. (A commit may have arrived though its answer did not; so work is always idempotent.)
    """
    broken = isinstance(error, DBAPIError) and error.connection_invalidated
    # The last comes from the connection for tickets, which is the driver's own.
    away = OperationalError | InterfaceError | PoolExhausted | sqlite3.OperationalError
    return broken or isinstance(error, away)


class _Writing(threading.local):
    """Whether this thread is in a transaction that may change rows."""

    now = False

    def __enter__(self) -> None:
        self.now = True

    def __exit__(self, *_: object) -> None:
        self.now = False


class _Transaction(Session):
    """Keeps at hand what it has read, so that none of it is read twice."""


def _keep(tx: Session, row: object) -> None:
    tx.info.setdefault("kept", []).append(row)


event.listen(_Transaction, "loaded_as_persistent", _keep)
event.listen(_Transaction, "pending_to_persistent", _keep)


class Database:
    """Hands out transactions on one SQLAlchemy engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._writing = _Writing()
        self._tickets = (
            CounterTickets(engine, BUSY_TIMEOUT_MS / 1000)
            if self.is_sqlite
            else SequenceTickets(engine)
        )
        # PostgreSQL keeps nothing between two statements that read: no BEGIN, no ROLLBACK.
        options = {READ_ONLY: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reading = engine.execution_options(**options)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits when the block ends and rolls back when it raises.

        One inside another is a mistake, and on SQLite would wait for itself for ever: most likely
        Stripe is called within a transaction (see ``gateway.pacing``).
        """
        self._refuse_within("a transaction is begun")
        session = _Transaction(self.engine, expire_on_commit=False)
        with self._writing, session, self._tickets.transaction(session):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """To read from; what is read stays usable after the block.

        On SQLite it is one snapshot; on PostgreSQL each statement sees what is committed by then.
        """
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    def next_ticket(self) -> int:
        """The next number of the one global order of calls to Stripe (see ``mirror``).

        Taken before the call and committed at once: a ticket that is never used leaves a gap,
        which harms nothing.
        """
        self._refuse_within("a ticket is taken")
        return self._tickets.take()

    def _refuse_within(self, what: str) -> None:
        if self._writing.now:
            raise RuntimeError(f"{what} within a transaction of the same thread")

    def dispose(self) -> None:
        """Close every connection."""
        self._tickets.close()
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open ``url`` (``sqlite:///file.db`` or ``postgresql://…``).

    Raises:
        Misconfigured: the URL is not one of the two supported databases, or its driver is absent.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as malformed:
        raise Misconfigured(
            "unsupported_database",
            "PLANSHIFT_DATABASE_URL is not a URL; use sqlite:///… or postgresql://…",
        ) from malformed
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return Database(_sqlite_engine(str(url)))
    if backend == "postgresql":
        return Database(_postgres_engine(url))
    raise Misconfigured(
        "unsupported_database",
        f"PLANSHIFT_DATABASE_URL names {backend!r}; use sqlite:///… or postgresql://…",
    )


def _sqlite_engine(url: str) -> Engine:
    # isolation_level=None hands BEGIN to us; sqlite3 would otherwise begin too late and deferred.
    engine = create_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _postgres_engine(url: str) -> Engine:
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(
            parsed,
            pool_size=CONNECTIONS,
            max_overflow=0,
            connect_args={**KEEPALIVE, "cursor_factory": _terse_cursor()},
        )
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            "driver_missing", "PostgreSQL needs the extra: pip install 'planshift[postgres]'."
        ) from missing
    event.listen(engine, "connect", _prepare_postgres)
    event.listen(engine, "checkout", _refuse_dead)
    return engine


def _prepare_postgres(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET tcp_{name} = {value}" for name, value in KEEPALIVE.items()))
    connection.commit()


def _terse_cursor() -> type[Any]:
    """Cursors that describe their columns by name and type, which is all that is asked for. psycopg
    looks up each type as well: 0.4 ms of an object's 5.5 (ADR 001).
    """
    from psycopg import Cursor  # noqa: PLC0415  (an extra)

    class Terse(Cursor[Any]):
        @property
        def description(self) -> Any:
            answer = self.pgresult
            if answer is None or not answer.nfields:
                return None
            return [
                ((answer.fname(at) or b"").decode(), answer.ftype(at), *[None] * 5)
                for at in range(answer.nfields)
            ]

    return Terse


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    """Replace a connection that ended while it lay in the pool, with all that are as old.

    The server sends nothing to one that is idle unless it ends it, and of a peer that is silently
    gone the keepalives tell; so its socket knows, and the server need not be asked each time.
    """
    if connection.closed or _has_heard(connection.fileno()):
        raise InvalidatePoolError()


def _has_heard(socket: int) -> bool:
    heard = select.poll()
    heard.register(socket, select.POLLIN)
    return bool(heard.poll(0))
