"""A small catalogue document that passes, for tests to break one thing at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from mappings import Catalogue, CatalogueError, build_catalogue, load_catalogue

Document = dict[str, Any]


def prices(month: str, year: str) -> Document:
    return {"month": {"usd": month, "eur": month}, "year": {"usd": year, "eur": year}}


SMALL: Document = {
    "name": "Mail",
    "tenant": "mail",
    "currencies": ["usd", "eur"],
    "families": {
        "email": {
            "name": "Email",
            "unit": "contacts",
            "size_is": "limit",
            "order": ["tier"],
            "plans": {
                "free": {
                    "name": "Free",
                    "rank": 0,
                    "kind": "free",
                    "limits": {"users": 1},
                    "tiers": [{"id": "500", "size": 500}],
                },
                "plus": {
                    "name": "Plus",
                    "rank": 1,
                    "limits": {"users": "unlimited"},
                    "tiers": [
                        {"id": "1k", "size": 1_000, "prices": prices("15.00", "150.00")},
                        {"id": "2k", "size": 2_000, "prices": prices("25.00", "250.00")},
                        {"id": "5k", "size": 5_000, "prices": prices("60.00", "600.00")},
                    ],
                },
            },
            "rules": [
                {
                    "id": "up",
                    "when": {"direction": ["upgrade", "lateral"]},
                    "timing": "now",
                    "cycle": "restart",
                    "credit": "time",
                },
                {
                    "id": "to-free",
                    "when": {"direction": "downgrade", "to": "free"},
                    "timing": "period_end",
                },
                {
                    "id": "down",
                    "when": {"direction": "downgrade"},
                    "timing": "now",
                    "cycle": "restart",
                },
                {"id": "cancel", "when": {"direction": "cancel"}, "timing": "caller"},
                {
                    "id": "same",
                    "when": {"direction": "same"},
                    "route": "not_offered",
                    "reason": "It is held already.",
                },
            ],
        }
    },
}

Problems = list[tuple[str, str]]


@pytest.fixture(scope="session")
def small() -> Document:
    """The sound document itself: copy it before breaking it."""
    return SMALL


@pytest.fixture
def document(small: Document) -> Document:
    return copy.deepcopy(small)


@pytest.fixture
def email(document: Document) -> Document:
    """The one family of `document`."""
    family: Document = document["families"]["email"]
    return family


@pytest.fixture
def problems_of() -> Callable[[Document], Problems]:
    """The (path, code) of every problem, in the order reported; empty for a sound document."""

    def check(document: Document) -> Problems:
        try:
            build_catalogue(document)
        except CatalogueError as error:
            return [(problem.path, problem.code) for problem in error.problems]
        return []

    return check


@pytest.fixture
def message_of() -> Callable[[Document], str]:
    """The message of a document's only problem."""

    def check(document: Document) -> str:
        with pytest.raises(CatalogueError) as caught:
            build_catalogue(document)
        (problem,) = caught.value.problems
        return problem.message

    return check


@pytest.fixture(scope="session")
def operations() -> Catalogue:
    return load_catalogue("operations")
