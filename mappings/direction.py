"""Direction: whether a change goes up, down or sideways, and which comparison says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.catalogue import Catalogue
from mappings.errors import IncomparableOffers
from mappings.family import Family, OrderKey
from mappings.offer import INTERVALS, Offer
from mappings.rules import DirectionKind


@dataclass(frozen=True)
class Direction:
    """`kind`, the comparison that decided it (an order key, or why none was needed), a sentence.

    `start` is an upgrade from nothing: from no plan or the free plan to any other.
    """

    kind: DirectionKind
    decided_by: str
    why: str


def direction(
    catalogue: Catalogue,
    current: Offer | None,
    target: Offer | None,
    quantity_before: int = 1,
    quantity_after: int = 1,
) -> Direction:
    """Where a change leads. `current` None: the account holds nothing. `target` None: cancellation.

    Quantities are how many of the offer a line holds, 1 or more; they matter only between paid
    offers that are level otherwise. Raises IncomparableOffers across families, UnknownOffer for an
    offer that is no longer sold.
    """
    named = current or target
    if named is None:
        return Direction("same", "nothing", "there is no plan to cancel")
    family = catalogue.family(named.family)
    return direction_in(family, current, target, quantity_before, quantity_after)


def compare(
    family: Family,
    left: Offer | None,
    right: Offer | None,
    left_quantity: int = 1,
    right_quantity: int = 1,
) -> int:
    """-1, 0 or 1 as `left` stands below, level with or above `right`.

    A total preorder on the offers of a family: nothing and the free plan stand level, below every
    other offer whatever the keys say; the others are compared by the family's order keys, and last
    by quantity. Were quantity compared between equal offers only, the order would not be
    transitive: two of one offer are more than one of any offer that is level with it.
    """
    mine = _standing(family, left, left_quantity)
    other = _standing(family, right, right_quantity)
    return (mine > other) - (mine < other)


def direction_in(
    family: Family,
    current: Offer | None,
    target: Offer | None,
    quantity_before: int = 1,
    quantity_after: int = 1,
) -> Direction:
    """`direction` within one family whose catalogue need not be complete yet."""
    if current is not None and target is not None and current.family != target.family:
        raise IncomparableOffers.between(current.family, target.family)
    if current is None or current.is_free:
        return _from_nothing(family, target)
    if target is None:
        return Direction("cancel", "cancellation", f"{_named(family, current)} is given up")
    if target.is_free:
        why = f"{_named(family, target)} is the free plan, below every other"
        return Direction("downgrade", "free", why)
    before = _counted(family, current, quantity_before)
    after = _counted(family, target, quantity_after)
    if current == target and before == after:
        return Direction("same", "identical", f"{_named(family, target)} is held already")
    return _between_paid(family, current, target, before, after)


def _from_nothing(family: Family, target: Offer | None) -> Direction:
    if target is None:
        return Direction("same", "nothing", "there is no paid plan to cancel")
    if target.is_free:
        return Direction("same", "free", f"{_named(family, target)} is held already")
    why = f"{_named(family, target)} is taken up by an account that pays for nothing yet"
    return Direction("start", "free", why)


def _between_paid(
    family: Family, current: Offer, target: Offer, before: int, after: int
) -> Direction:
    for key in family.order:
        old, new = _value(family, current, key), _value(family, target, key)
        if old != new:
            return Direction(_way(old, new), key, _sentence(family, key, current, target))
    if before != after:
        more = "more" if after > before else "fewer"
        why = f"{after:,} of {_named(family, target)} is {more} than {before:,}"
        return Direction(_way(before, after), "quantity", why)
    compared = " and ".join(_SPOKEN[key] for key in family.order)
    return Direction("lateral", "none", f"{compared} are equal in both")


def _way(before: int, after: int) -> DirectionKind:
    return "upgrade" if after > before else "downgrade"


def _standing(family: Family, offer: Offer | None, quantity: int) -> tuple[int, ...]:
    if offer is None or offer.is_free:
        return (0,)
    values = (_value(family, offer, key) for key in family.order)
    return (1, *values, _counted(family, offer, quantity))


def _counted(family: Family, offer: Offer, quantity: int) -> int:
    """A metered line has no quantity: it is billed by what was used."""
    return 1 if family.plan(offer.plan).kind == "metered" else quantity


def _value(family: Family, offer: Offer, key: OrderKey) -> int:
    plan = family.plan(offer.plan)
    tier = plan.tier(offer.tier)
    match key:
        case "plan":
            return plan.rank
        case "tier":
            return tier.size_for(offer.interval)
        case "tier_per_month":
            return tier.size
        case "interval":
            return INTERVALS.index(offer.interval) if offer.interval else -1


_SPOKEN: Mapping[OrderKey, str] = {
    "plan": "the plan's rank",
    "tier": "the size",
    "tier_per_month": "the size per month",
    "interval": "the interval",
}


def _sentence(family: Family, key: OrderKey, current: Offer, target: Offer) -> str:
    up = _value(family, target, key) > _value(family, current, key)
    if key == "plan":
        word = "above" if up else "below"
        return f"{_named(family, target)} ranks {word} {_named(family, current)}"
    if key == "interval":
        word = "longer" if up else "shorter"
        return f"the {target.interval} is {word} than the {current.interval}"
    new, old = _value(family, target, key), _value(family, current, key)
    per = " a month" if key == "tier_per_month" else ""
    return f"{new:,} {family.unit}{per} is {'more' if up else 'fewer'} than {old:,}"


def _named(family: Family, offer: Offer) -> str:
    return family.plan(offer.plan).name
