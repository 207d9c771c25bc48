"""Events of customers."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def updated(event: EventRow) -> list[Ref]:
    """``customer.updated``."""
    return _itself(event)


def deleted(event: EventRow) -> list[Ref]:
    """``customer.deleted``; the fetch brings it back marked as deleted."""
    return _itself(event)


def _itself(event: EventRow) -> list[Ref]:
    return [Ref("customer", event.object_id)] if event.object_id else []
