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


def pending_update_applied(event: EventRow) -> list[Ref]:
    """``customer.subscription.pending_update_applied``: the payment that was waited for came."""
    return _itself(event)


def pending_update_expired(event: EventRow) -> list[Ref]:
    """``customer.subscription.pending_update_expired``: it did not."""
    return _itself(event)


def paused(event: EventRow) -> list[Ref]:
    """``customer.subscription.paused``."""
    return _itself(event)


def resumed(event: EventRow) -> list[Ref]:
    """``customer.subscription.resumed``."""
    return _itself(event)


def trial_will_end(event: EventRow) -> list[Ref]:
    """``customer.subscription.trial_will_end``; also sent when somebody ends the trial early."""
    return _itself(event)


def _itself(event: EventRow) -> list[Ref]:
    return [Ref("subscription", event.object_id)] if event.object_id else []
