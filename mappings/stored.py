"""Reading back a decision that was stored as JSON with its change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from mappings.decision import Decision
from mappings.direction import Direction
from mappings.errors import StoredDecisionError
from mappings.reader import Reader
from mappings.rules import (
    ALLOWANCE_EFFECTS,
    CREDITS,
    CYCLES,
    DIRECTION_KINDS,
    ON_FAILED_PAYMENT,
    ROUTES,
    TIMINGS,
)

_Value = TypeVar("_Value")


def decision_from_dict(stored: Mapping[str, object]) -> Decision:
    """The inverse of decision_to_dict. Raises StoredDecisionError for anything else.

    Never guesses: a change resolved under one rule must not be finished under another.
    """
    table = Reader(dict(stored))
    return Decision(
        rule=_present(table, "rule", table.text("rule")),
        direction=_direction(table.table("direction")),
        why=_present(table, "why", table.text("why")),
        route=_present(table, "route", table.choice("route", ROUTES)),
        reason=table.text("reason"),
        remedy=table.text("remedy"),
        timing=_present(table, "timing", table.choice("timing", TIMINGS)),
        cycle=_present(table, "cycle", table.choice("cycle", CYCLES)),
        credit=_present(table, "credit", table.choice("credit", CREDITS)),
        allowance=_present(table, "allowance", table.choice("allowance", ALLOWANCE_EFFECTS)),
        on_failed_payment=_present(
            table, "on_failed_payment", table.choice("on_failed_payment", ON_FAILED_PAYMENT)
        ),
        grace_days=_present(table, "grace_days", table.whole("grace_days")),
        acknowledge=_present(table, "acknowledge", table.flag("acknowledge")),
        selections=_present(table, "selections", table.listed("selections")),
    )


def _direction(table: Reader) -> Direction:
    return Direction(
        kind=_present(table, "kind", table.choice("kind", DIRECTION_KINDS)),
        decided_by=_present(table, "decided_by", table.text("decided_by")),
        why=_present(table, "why", table.text("why")),
    )


def _present(table: Reader, key: str, value: _Value | None) -> _Value:
    if value is None:
        raise StoredDecisionError.for_field(table.at(key))
    return value
