"""What the plan of a held line grants, when, and where it is booked."""

from __future__ import annotations

from mappings import INTERVALS, Allowance, Catalogue, Interval, Offer, UnknownOffer

from ..clock import to_unix
from ..holdings import Holding
from .calendar import Slot, slots_of
from .ledger import Place


def allowance_of(catalogue: Catalogue, offer: Offer | None) -> Allowance | None:
    """What an offer is granted; None without an allowance, or once its plan is not sold any more.

    A metered plan is billed for what is used, so there is nothing to be granted.
    """
    try:
        if offer is None or catalogue.plan_of(offer).kind == "metered":
            return None
        return catalogue.allowance_of(offer)
    except UnknownOffer:
        return None


def slots_of_line(catalogue: Catalogue, held: Holding) -> list[Slot]:
    """The stretches for which a held line is granted its allowance."""
    allowance = allowance_of(catalogue, held.offer)
    yearly = held.offer is not None and held.offer.interval == "year"
    monthly = yearly and allowance is not None and allowance.reset == "month"
    return slots_of(held.line.period_start, held.line.period_end, monthly=monthly)


def place_of(held: Holding) -> Place:
    """Where the lots of a held line belong."""
    line = held.line
    assert line.family is not None
    return Place(line.family, held.subscription.id, line.id, line.period_start, line.period_end)


def source_of(place: Place, slot: Slot, earlier: int) -> str:
    """What a grant comes from: the line, its period, the stretch of it, and how often before."""
    line = f"{place.subscription_id}:{place.item_id}:{to_unix(place.stretch_start)}"
    return f"{line}:{slot.number}:{earlier}"


def interval_named(name: str | None) -> Interval | None:
    return next((known for known in INTERVALS if known == name), None)
