"""Reading single fields of Stripe's objects, which are not dicts and may lack any of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def object_id(value: Any) -> str | None:
    """The id of a field that is an id, an expanded object, or absent."""
    if value is None or isinstance(value, str):
        return value
    return str(value["id"])


def type_of(value: Any) -> str | None:
    """The type of an expanded object; None where Stripe gave only its id, or nothing."""
    return None if value is None or isinstance(value, str) else str(value["type"])


def moment(seconds: int | None) -> datetime | None:
    """Stripe's unix seconds as an aware datetime."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def required_moment(seconds: int) -> datetime:
    """As ``moment``, for fields that are never null."""
    return datetime.fromtimestamp(seconds, UTC)


def field(thing: Any, name: str) -> Any:
    """A field that may be absent altogether (the SDK's objects are not dicts)."""
    return thing[name] if name in thing else None  # noqa: SIM401  (no .get there)


def exact(number: Any) -> str | None:
    """A decimal as text without a surplus digit, so that two of the same value are the same."""
    return None if number is None else f"{Decimal(str(number)).normalize():f}"


def metadata_of(thing: Any) -> dict[str, str]:
    metadata = field(thing, "metadata")
    if metadata is None:
        return {}
    return dict(metadata if isinstance(metadata, dict) else metadata.to_dict())


def plain(thing: Any) -> Any:
    """An object of the SDK as plain JSON values; decimals as text (stripe-facts §1.4)."""
    return thing.to_dict(for_json=True) if hasattr(thing, "to_dict") else thing
