"""Allowances as an account lives through them: granted, used, carried, credited, lapsed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.database import Database
from tests.support.allowances import Shelf


def on(month: int, day: int, hour: int = 9, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database, on(1, 1))


def test_a_paid_month_is_granted_once_and_lapses_with_it(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    for _ in range(3):
        shelf.accrue(on(1, 10))
    assert shelf.left(on(1, 20)) == 10_000
    assert shelf.left(on(2, 10)) == 0
    shelf.accrue(on(2, 11))
    assert shelf.moves() == {"grant": 10_000, "expire": -10_000}
