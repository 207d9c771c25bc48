"""What reconcile finds: differences, and what it cannot or need not compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["subscription", "customer", "invoice", "schedule"]

# The field of an object, or of a line, that one side has and the other has not.
EXISTS = "exists"


@dataclass(frozen=True)
class Difference:
    """A field that reads differently here and at Stripe, which a fresh fetch has confirmed.

    ``account`` is the caller's id. ``since``: it was the same when reconcile last saw it, at that
    moment (wall time); None if it never did. ``ours`` and ``theirs`` are JSON values.
    """

    kind: Kind
    id: str
    account: str
    field: str
    ours: Any
    theirs: Any
    since: datetime | None
    repaired: bool


@dataclass(frozen=True)
class UnknownPrice:
    """A line of an account here whose price maps to no offer; ``reason`` says why."""

    subscription: str
    item: str
    account: str
    price: str
    reason: str


@dataclass(frozen=True)
class Foreign:
    """A subscription whose customer is not an account here: somebody else's business."""

    subscription: str
    customer: str


@dataclass(frozen=True)
class Failure:
    """An object that could not be looked at or repaired, and why; it held up no other."""

    kind: Kind
    id: str
    error: str


Finding = Difference | UnknownPrice | Foreign | Failure
