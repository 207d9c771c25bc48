"""Events of subscription schedules: ours, the portal's, and somebody's in the dashboard."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def created(event: EventRow) -> list[Ref]:
    """``subscription_schedule.created``."""
    return _with_subscription(event)


def updated(event: EventRow) -> list[Ref]:
    """``subscription_schedule.updated``: phases edited, split, or entered."""
    return _with_subscription(event)


def released(event: EventRow) -> list[Ref]:
    """``subscription_schedule.released``: what was scheduled does not come any more."""
    return _with_subscription(event)


def canceled(event: EventRow) -> list[Ref]:
    """``subscription_schedule.canceled``; the subscription went with it."""
    return _with_subscription(event)


def aborted(event: EventRow) -> list[Ref]:
    """``subscription_schedule.aborted``: its subscription ended under it."""
    return _with_subscription(event)


def completed(event: EventRow) -> list[Ref]:
    """``subscription_schedule.completed``."""
    return _with_subscription(event)


def _with_subscription(event: EventRow) -> list[Ref]:
    # The schedule first: what the subscription settles looks at it.
    refs = [Ref("schedule", event.object_id)] if event.object_id else []
    return [*refs, Ref("subscription", event.subscription_id)] if event.subscription_id else refs
