"""What an endpoint accepts, declared: each field reads its raw form value or answers Stripe's 400.

An empty string unsets: it is read as None with the key present (stripe-facts §1.2); a field that
cannot be unset says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import (
    Json,
    StripeError,
    empty_parameter,
    invalid,
    missing_parameter,
    one_of,
    unknown_parameter,
)
from .forms import as_list

Reader = Callable[[Any, str], Any]


@dataclass(frozen=True)
class Field:
    """A reader for one parameter; `required` ones must be sent, `clearable` ones accept ''."""

    read: Reader
    required: bool = False
    clearable: bool = True


Fields = dict[str, Field]


def read_fields(fields: Fields, raw: Json, prefix: str = "") -> Json:
    """The typed parameters of a request; unknown ones are rejected as Stripe does."""
    values: Json = {}
    for name, value in raw.items():
        label = f"{prefix}[{name}]" if prefix else name
        field = fields.get(name)
        if field is None:
            raise unknown_parameter(label)
        if value == "":
            if not field.clearable:
                raise empty_parameter(label)
            values[name] = None
        else:
            values[name] = field.read(value, label)
    for name, field in fields.items():
        if field.required and name not in values:
            raise missing_parameter(f"{prefix}[{name}]" if prefix else name)
    return values


def text(*, required: bool = False, clearable: bool = True, most: int = 5000) -> Field:
    def read(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {_shown(value)}", name)
        if len(value) > most:
            raise invalid(
                f"Invalid string: {value[:7]}...{value[-7:]}; must be at most {most} characters",
                name,
                "parameter_invalid_string_blank" if not value.strip() else None,
            )
        return value

    return Field(read, required, clearable and not required)


def integer(*, required: bool = False, least: int | None = None, most: int | None = None) -> Field:
    def read(value: Any, name: str) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            message = f"Invalid integer: {_shown(value)}"
            raise invalid(message, name, "parameter_invalid_integer") from None
        if least is not None and number < least:
            message = f"This value must be greater than or equal to {least}."
            raise invalid(message, name, "parameter_invalid_integer")
        if most is not None and number > most:
            message = f"This value must be less than or equal to {most}."
            raise invalid(message, name, "parameter_invalid_integer")
        return number

    return Field(read, required)


def decimal(*, required: bool = False) -> Field:
    def read(value: Any, name: str) -> Decimal:
        try:
            number = Decimal(value)
        except (TypeError, InvalidOperation):
            raise invalid(f"Invalid decimal: {_shown(value)}", name) from None
        if not number.is_finite() or -int(number.as_tuple().exponent) > 12:
            raise invalid(f"Invalid decimal: {value}; at most 12 decimal places", name)
        return number

    return Field(read, required)


def boolean(*, required: bool = False) -> Field:
    def read(value: Any, name: str) -> bool:
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {_shown(value)}", name)
        return bool(value == "true")

    return Field(read, required)


def moment(*, words: tuple[str, ...] = ("now",), required: bool = False) -> Field:
    """Unix seconds, or one of the words that stand for a moment (`now`, `min_period_end`)."""

    def read(value: Any, name: str) -> int | str:
        if value in words:
            return str(value)
        if isinstance(value, str) and value.isdigit():
            return int(value)
        hint = f" or {one_of(words)}" if words else ""
        message = f"Invalid timestamp: {_shown(value)}; must be an integer Unix timestamp{hint}"
        raise invalid(message, name, "parameter_invalid_integer")

    return Field(read, required)


def enum(*values: str, required: bool = False) -> Field:
    def read(value: Any, name: str) -> str:
        if value not in values:
            raise invalid(f"Invalid {name}: must be one of {one_of(values)}", name)
        return str(value)

    return Field(read, required)


def record(fields: Fields, *, required: bool = False) -> Field:
    def read(value: Any, name: str) -> Json:
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        return read_fields(fields, value, name)

    return Field(read, required)


def array(of: Field, *, required: bool = False, most: int = 100) -> Field:
    def read(value: Any, name: str) -> list[Any]:
        entries = as_list(value) if isinstance(value, dict) else None
        if entries is None:
            raise invalid("Invalid array", name)
        if len(entries) > most:
            raise invalid(f"Array {name} exceeded maximum {most} allowed elements.", name)
        return [of.read(entry, f"{name}[{index}]") for index, entry in enumerate(entries)]

    return Field(read, required)


def words_map() -> Field:
    """Metadata: at most 50 keys of 40 and values of 500 characters (Stripe docs: metadata)."""

    def read(value: Any, name: str) -> dict[str, str]:
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        for key, entry in value.items():
            if not isinstance(entry, str):
                raise invalid("Metadata values must be strings.", f"{name}[{key}]")
            if len(key) > 40:
                message = f"Metadata keys can be at most 40 characters long: {key}"
                raise invalid(message, f"{name}[{key}]")
            if len(entry) > 500:
                message = (
                    "Metadata values can have up to 500 characters, but you passed in a value that "
                    f"is {len(entry)} characters. Invalid value: {entry[:40]}"
                )
                raise invalid(message, f"{name}[{key}]")
        return dict(value)

    return Field(read)


def any_of(*fields: Field) -> Field:
    """The first reader that accepts the value; the last one's complaint when none does."""

    def read(value: Any, name: str) -> Any:
        for field in fields[:-1]:
            try:
                return field.read(value, name)
            except StripeError:
                continue
        return fields[-1].read(value, name)

    return Field(read)


METADATA = words_map()


def merge_metadata(current: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Keys merge, an empty value removes its key, None removes all (Stripe docs: metadata)."""
    if change is None:
        return {}
    merged = {**current, **change}
    merged = {key: value for key, value in merged.items() if value != ""}
    if len(merged) > 50:
        raise invalid("Metadata can have at most 50 keys.", "metadata")
    return merged


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else "an object"
