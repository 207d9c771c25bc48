"""Text that every database can keep, and numbers that are numbers.

JSON and percent-encoding can spell what is no text anywhere else: U+0000, which PostgreSQL stores
in no string, and half a surrogate pair, which has no UTF-8. Both are refused at the edge, so that
nothing behind it has to think of them.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from marshmallow import ValidationError, fields

from adapter.errors import Invalid

WHY = "Not text: it contains U+0000 or half a surrogate pair."


def storable(text: str) -> bool:
    """Whether ``text`` can be stored as it is."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def shown(text: str) -> str:
    """``text`` so that it can be stored: what cannot is spelled out, as in ``\\x00``."""
    return text if storable(text) else text.encode("unicode_escape").decode()


class Text(fields.String):
    """A string field for whatever callers send."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **more)
        if not storable(text):
            raise ValidationError(WHY)
        return text


class Email(Text, fields.Email):
    """An e-mail address that callers send."""


class Whole(fields.Integer):
    """A whole number in JSON's sense: 3 and 3.0 are the same, true and "3" are none."""

    def _deserialize(self, value: Any, *_where: Any, **_more: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


def install(app: Flask) -> None:
    """Refuse the same in paths. Call after ``access.install``: who has no key learns nothing."""
    app.before_request(_path)


def _path() -> None:
    for name, value in (request.view_args or {}).items():
        if isinstance(value, str) and not storable(value):
            raise Invalid("invalid_request", WHY, path=name)
