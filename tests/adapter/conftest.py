"""What several files of this room begin with: an account with allowances, a mail server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapter.database import Database, open_database
from tests.support.allowances import Shelf, on
from tests.support.smtp import SmtpReceiver


@pytest.fixture
def shelf(sqlite_url: str) -> Iterator[Shelf]:
    """An account for stories in which the database has no part of its own."""
    database = open_database(sqlite_url)
    yield Shelf(database, on(1, 1))
    database.dispose()


@pytest.fixture
def either(database: Database) -> Shelf:
    """The same account on each kind of database."""
    return Shelf(database, on(1, 1))


@pytest.fixture
def receiver() -> Iterator[SmtpReceiver]:
    """A mail server that keeps what it is given."""
    with SmtpReceiver() as receiver:
        yield receiver
