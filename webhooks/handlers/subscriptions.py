"""Events of subscriptions."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def created(event: EventRow) -> list[Ref]:
    """``customer.subscription.created``."""
    return _itself(event)


def updated(event: EventRow) -> list[Ref]:
    """``customer.subscription.updated``."""
    return _itself(event)


def deleted(event: EventRow) -> list[Ref]:
    """``customer.subscription.deleted``."""
    return _itself(event)


def _itself(event: EventRow) -> list[Ref]:
    return [Ref("subscription", event.object_id)] if event.object_id else []
