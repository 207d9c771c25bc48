"""Empty, migrated databases of both kinds, as durable as in production."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from adapter.database import open_database
from adapter.migrations import migrate
from tests.support import postgres
from tests.support.postgres import NoPostgres, PostgresServer

# The suite switches durability off; what is measured here is its price.
DURABLE = ("max_connections=200", "shared_buffers=128MB")


@dataclass
class Databases:
    """Makes databases; ``kinds`` says which there are."""

    folder: Path
    server: PostgresServer | None
    why_no_postgres: str = ""
    _made: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("SQLite", "PostgreSQL") if self.server else ("SQLite",)

    def make(self, kind: str) -> str:
        """The URL of a fresh database."""
        if kind == "PostgreSQL":
            assert self.server is not None
            name = self.server.create_database()
            self._made.append(name)
            return self.server.url(name)
        self._made.append("")
        url = f"sqlite:///{self.folder / f'{len(self._made)}.db'}"
        database = open_database(url)
        migrate(database)
        database.dispose()
        return url

    def drop(self) -> None:
        """Remove what was made on a server, which may not be ours."""
        for name in filter(None, self._made):
            assert self.server is not None
            self.server.drop_database(name)


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """Databases in ``folder`` and on a PostgreSQL server, if there is one or one can be started."""
    try:
        server, why = _server(folder), ""
    except NoPostgres as reason:
        server, why = None, str(reason)
    made = Databases(folder, server, why)
    try:
        yield made
    finally:
        if server is not None:
            made.drop()
            server.stop()


def _server(folder: Path) -> PostgresServer:
    # Its files go into our folder, which is removed; PostgreSQL's own user has to get in.
    folder.chmod(0o711)
    with patch.object(postgres, "FAST", DURABLE), patch.object(tempfile, "tempdir", str(folder)):
        return postgres.find_server()
