"""Leaves of the catalogue's shape: marshmallow fields that accept what TOML wrote, unconverted.

A number in quotes is not a number here and 1 is not true: whoever wrote it meant something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from marshmallow import ValidationError, fields

UNKNOWN_KEY = "this key is not part of the catalogue document"
MISSING_KEY = "this key is required"

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)

Check = Callable[[object], str | None]
"""Says what is wrong with a value, or None."""


class Leaf(fields.Field[object]):
    """A value that passes `check`, kept as it is."""

    def __init__(self, check: Check, *, required: bool = False) -> None:
        super().__init__(required=required, error_messages={"required": MISSING_KEY})
        self._check = check

    def _deserialize(self, value: object, *_: object, **__: object) -> object:
        complaint = self._check(value)
        if complaint is not None:
            raise ValidationError(complaint)
        return value


class Keyed(fields.Field[object]):
    """A table whose keys are chosen by the author: plans by id, prices by currency."""

    def __init__(self, key: Check, value: fields.Field[object], *, required: bool = False) -> None:
        super().__init__(required=required, error_messages={"required": MISSING_KEY})
        self._key = key
        self._value = value
        self._filled = required

    def _deserialize(self, value: object, *_: object, **__: object) -> object:
        if not isinstance(value, dict):
            raise ValidationError("this must be a table")
        if self._filled and not value:
            raise ValidationError("this must not be empty")
        errors = dict(self._errors(value.items()))
        if errors:
            raise ValidationError(errors)
        return value

    def _errors(self, items: Iterable[tuple[str, object]]) -> Iterable[tuple[str, object]]:
        for key, each in items:
            complaint = self._key(key)
            if complaint is not None:
                yield key, [complaint]
                continue
            try:
                self._value.deserialize(each)
            except ValidationError as error:
                yield key, error.messages


def text(value: object) -> str | None:
    if not isinstance(value, str):
        return "this must be a text in quotes"
    return None if value.strip() else "this must not be empty"


def identifier(value: object) -> str | None:
    if isinstance(value, str) and _ID.fullmatch(value):
        return None
    return "an id is lower-case words and digits joined by hyphens, such as pro-plus"


def name(value: object) -> str | None:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return None
    return "a name is lower-case words joined by underscores, such as active_scenarios"


def currency(value: object) -> str | None:
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return None
    return "a currency is a three-letter ISO code in lower case, such as usd"


def amount(value: object) -> str | None:
    if isinstance(value, str):
        return None
    return 'an amount is a text in quotes, such as "113.85", so that no digit is lost'


def flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "this must be true or false"


def limit(value: object) -> str | None:
    if value == "unlimited" or whole(0)(value) is None:
        return None
    return 'a limit is a whole number or "unlimited"'


def whole(least: int, most: int | None = None) -> Check:
    def check(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "this must be a whole number"
        if most is not None and value > most:
            return f"this must be at most {most}"
        return None if value >= least else f"this must be at least {least}"

    return check


def one_of(choices: Sequence[str]) -> Check:
    def check(value: object) -> str | None:
        return None if value in choices else f"{value!r} is none of: {', '.join(choices)}"

    return check


def list_of(check_each: Check, *, filled: bool = False) -> Check:
    def check(value: object) -> str | None:
        if not isinstance(value, list):
            return "this must be a list"
        if filled and not value:
            return "this must not be empty"
        complaints = (check_each(each) for each in value)
        return next((complaint for complaint in complaints if complaint is not None), None)

    return check


def one_or_more(check_each: Check) -> Check:
    """A single value or a list of them: `to = "free"` and `to = ["core", "pro"]`."""
    several = list_of(check_each, filled=True)
    return lambda value: several(value if isinstance(value, list) else [value])
