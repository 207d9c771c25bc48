"""Events of Checkout Sessions. What a completed one has made is fetched with it."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def completed(event: EventRow) -> list[Ref]:
    """``checkout.session.completed``: paid, saved, or a payment of some days was begun."""
    return _itself(event)


def paid_later(event: EventRow) -> list[Ref]:
    """``checkout.session.async_payment_succeeded``."""
    return _itself(event)


def refused_later(event: EventRow) -> list[Ref]:
    """``checkout.session.async_payment_failed``."""
    return _itself(event)


def expired(event: EventRow) -> list[Ref]:
    """``checkout.session.expired``: it was left, or closed from here."""
    return _itself(event)


def _itself(event: EventRow) -> list[Ref]:
    return [Ref("checkout", event.object_id)] if event.object_id else []
