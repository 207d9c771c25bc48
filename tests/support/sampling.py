"""What of a large matrix runs in every test run; ``SOAK=1`` runs the whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

from tests.conftest import DATABASES

SOAK = bool(os.environ.get("SOAK"))


def in_turn(*cases: Iterable[Any]) -> list[Any]:
    """Each case on one of the databases, by turns, as a first parameter ``database_url``.

    For matrices that are about something else: both databases meet every part of the code, though
    not every combination.
    """
    databases = len(DATABASES)
    return [
        pytest.param(database, *case, id="-".join(str(part) for part in (*case, database)))
        for number, case in enumerate(cases)
        for turn, database in enumerate(DATABASES)
        if SOAK or number % databases == turn
    ]
