"""Which of Stripe's errors mean that an object is gone: policy as data, closed by default.

Marking something as gone ends plans, so nothing is inferred: an error that is not in here is raised
as what it is. A 404 says as well that a path is wrong, that another object the request names is
missing, or that the key is of the other mode, in which every object seems to be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "customer",
    "subscription",
    "invoice",
    "schedule",
    "checkout",
    "refund",
    "dispute",
    "price",
    "product",
]


@dataclass(frozen=True)
class Absence:
    """A 404 with code ``resource_missing`` about one of ``params``. ``why`` says how it happens."""

    params: frozenset[str]
    why: str


def _of(path_word: str, why: str) -> Absence:
    # Older families call the id in the path "id", newer ones by the path's own word.
    return Absence(frozenset({"id", path_word}), why)


CODE = "resource_missing"
_TEST_DATA = "its test clock, or all test data, was deleted"

GONE: Mapping[Kind, Absence] = {
    # One that is deleted by itself is no error: it comes back with 200, marked as deleted.
    "customer": _of("customer", _TEST_DATA),
    # A cancelled one stays retrievable for good.
    "subscription": _of("subscription_exposed_id", _TEST_DATA),
    "invoice": _of("invoice", "a draft was deleted, here or in the dashboard"),
    # Released, cancelled and completed ones stay retrievable.
    "schedule": _of("schedule", _TEST_DATA),
    "checkout": _of("session", _TEST_DATA),
    "refund": _of("refund", _TEST_DATA),
    "dispute": _of("dispute", _TEST_DATA),
    "price": _of("price", "it was deleted in the dashboard before anybody used it"),
    "product": _of("product", "it was deleted; that is possible while it has no price"),
}

# What Stripe adds to the message where the key is of the other mode than the object.
OTHER_MODE = "a similar object exists in"


def is_gone(
    kind: Kind, status: int | None, code: str | None, param: str | None, message: str
) -> bool:
    """Whether Stripe's answer to asking for one object of ``kind`` means that there is none."""
    return (
        status == 404 and code == CODE and param in GONE[kind].params and OTHER_MODE not in message
    )
