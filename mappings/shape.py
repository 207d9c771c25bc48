"""The shape of the catalogue document: which keys there are, and what each may hold.

This file is the table of contents of the document; docs/catalogue.md explains it with examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marshmallow import RAISE, Schema, fields

from mappings import leaves
from mappings.family import ORDER_KEYS, PLAN_KINDS, RESETS, SIZE_IS
from mappings.leaves import Keyed, Leaf
from mappings.offer import INTERVALS
from mappings.problems import Problems
from mappings.rules import (
    ALLOWANCE_EFFECTS,
    CREDITS,
    CYCLES,
    DIRECTION_KINDS,
    ON_FAILED_PAYMENT,
    ROUTES,
    TIMINGS,
)


class _Table(Schema):
    """A table that refuses keys it does not know."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": leaves.UNKNOWN_KEY, "type": "this must be a table"}


def _table(schema: type[_Table]) -> fields.Nested:
    return fields.Nested(schema)


def _tables(schema: type[_Table], *, required: bool = False) -> fields.List[object]:
    return fields.List(
        fields.Nested(schema),
        required=required,
        error_messages={"required": leaves.MISSING_KEY, "invalid": "this must be a list of tables"},
    )


def _amounts() -> Keyed:
    return Keyed(leaves.currency, Leaf(leaves.amount), required=True)


class _When(_Table):
    direction = Leaf(leaves.one_or_more(leaves.one_of(DIRECTION_KINDS)))
    from_ = Leaf(leaves.one_or_more(leaves.identifier))
    to = Leaf(leaves.one_or_more(leaves.identifier))
    interval_changes = Leaf(leaves.flag)
    chargeable = Leaf(leaves.flag)
    trialing = Leaf(leaves.flag)

    def on_bind_field(self, field_name: str, field_obj: fields.Field[object]) -> None:
        """`from` is a word of Python's, so the field cannot be named like the key."""
        if field_name == "from_":
            field_obj.data_key = "from"


class _Rule(_Table):
    id = Leaf(leaves.identifier, required=True)
    when = _table(_When)
    route = Leaf(leaves.one_of(ROUTES))
    reason = Leaf(leaves.text)
    remedy = Leaf(leaves.text)
    timing = Leaf(leaves.one_of(TIMINGS))
    cycle = Leaf(leaves.one_of(CYCLES))
    credit = Leaf(leaves.one_of(CREDITS))
    allowance = Leaf(leaves.one_of(ALLOWANCE_EFFECTS))
    on_failed_payment = Leaf(leaves.one_of(ON_FAILED_PAYMENT))
    grace_days = Leaf(leaves.whole(0))
    acknowledge = Leaf(leaves.flag)
    selections = Leaf(leaves.list_of(leaves.name))


class _Tier(_Table):
    id = Leaf(leaves.identifier, required=True)
    name = Leaf(leaves.text)
    size = Leaf(leaves.whole(0), required=True)
    prices = Keyed(leaves.one_of(INTERVALS), _amounts())


class _Usage(_Table):
    meter = Leaf(leaves.name, required=True)
    unit_prices = _amounts()
    calculated_days_before = Leaf(leaves.whole(1, 27))


class _Plan(_Table):
    name = Leaf(leaves.text, required=True)
    rank = Leaf(leaves.whole(0), required=True)
    kind = Leaf(leaves.one_of(PLAN_KINDS))
    self_serve = Leaf(leaves.flag)
    limits = Keyed(leaves.name, Leaf(leaves.limit))
    features = Leaf(leaves.list_of(leaves.name))
    allowance_reset = Leaf(leaves.one_of(RESETS))
    usage = _table(_Usage)
    tiers = _tables(_Tier, required=True)


class _Pack(_Table):
    id = Leaf(leaves.identifier, required=True)
    name = Leaf(leaves.text)
    size = Leaf(leaves.whole(1), required=True)
    prices = _amounts()


class _Selection(_Table):
    limit = Leaf(leaves.name, required=True)
    text = Leaf(leaves.text, required=True)


class _Family(_Table):
    name = Leaf(leaves.text, required=True)
    unit = Leaf(leaves.text, required=True)
    size_is = Leaf(leaves.one_of(SIZE_IS), required=True)
    order = Leaf(leaves.list_of(leaves.one_of(ORDER_KEYS), filled=True), required=True)
    share_subscription = Leaf(leaves.flag)
    plans = Keyed(leaves.identifier, _table(_Plan), required=True)
    packs = _tables(_Pack)
    selections = Keyed(leaves.name, _table(_Selection))
    rules = _tables(_Rule, required=True)


class _Catalogue(_Table):
    name = Leaf(leaves.text, required=True)
    tenant = Leaf(leaves.identifier, required=True)
    currencies = Leaf(leaves.list_of(leaves.currency, filled=True), required=True)
    families = Keyed(leaves.identifier, _table(_Family), required=True)


_CODES = {leaves.UNKNOWN_KEY: "unknown_key", leaves.MISSING_KEY: "missing_key"}


def check_shape(document: Mapping[str, object], problems: Problems) -> None:
    """Report every missing, unknown or ill-typed key of the document, each at its path."""
    for path, message in _flat(_Catalogue().validate(document), ""):
        problems.add(path, _CODES.get(message, "invalid_value"), message)


def _flat(errors: object, path: str) -> Iterator[tuple[str, str]]:
    """marshmallow nests messages as the document is nested; a path reads better."""
    if isinstance(errors, Mapping):
        for key, below in errors.items():
            yield from _flat(below, _below(path, key))
    elif isinstance(errors, list):
        for message in errors:
            yield path, str(message)


def _below(path: str, key: object) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key == "_schema":
        return path
    return f"{path}.{key}" if path else str(key)
