"""Which lines share a subscription, or may."""

from __future__ import annotations

from sqlalchemy.orm import Session

from mappings import Catalogue, Offer

from ..changes.schedules import live_schedule, refuse_foreign
from ..holdings import Holding
from .refusals import refuse_busy_subscription


def host_of(
    tx: Session, catalogue: Catalogue, holdings: list[Holding], offer: Offer
) -> Holding | None:
    """A line whose subscription a start of ``offer`` joins.

    Raises Conflict: another change is at work on it, or somebody else's schedule carries it.
    """
    host = _company(catalogue, holdings, offer)
    if host is not None:
        refuse_busy_subscription(tx, host)
        refuse_foreign(live_schedule(tx, host.subscription))
    return host


def _company(catalogue: Catalogue, holdings: list[Holding], offer: Offer) -> Holding | None:
    """A line of a family that shares subscriptions, on the interval and currency wanted.

    One that is not paid, on trial or set to end is no company: what is bought would not be paid
    either, cost nothing, or end with it.
    """
    if not catalogue.family(offer.family).share_subscription:
        return None
    for held in holdings:
        shares = held.offer and catalogue.family(held.offer.family).share_subscription
        sub = held.subscription
        if not shares or held.offer is None or sub.status != "active" or sub.cancel_at is not None:
            continue
        if (held.offer.interval, held.offer.currency) == (offer.interval, offer.currency):
            return held
    return None


def others_of(
    holdings: list[Holding], held: Holding | None, host: Holding | None
) -> tuple[Holding, ...]:
    """The other lines of the same subscription."""
    at = held or host
    return tuple(
        other
        for other in holdings
        if at is not None
        and other.subscription.id == at.subscription.id
        and (held is None or other.line.id != held.line.id)
    )
