"""Selections: what the customer must choose when the new plan leaves room for fewer."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.catalogue import Catalogue
from mappings.decision import Decision
from mappings.family import Family, Selection
from mappings.offer import Offer


def required_selections(
    catalogue: Catalogue,
    decision: Decision,
    current: Offer | None,
    target: Offer | None,
    in_use: Mapping[str, int],
) -> tuple[Selection, ...]:
    """Those of the decision's selections that this change needs, in the order the rule names them.

    One is needed where the new plan's limit is above zero and below what the account has: as
    `in_use` says, by the name of the limit, else as much as the old plan allows. Unlimited is more
    than any number. A cancellation, `target` None, leads to the free plan; where there is none, or
    where the new plan allows none of a thing, nothing is kept and so nothing is chosen.

    Pure. Raises UnknownOffer if a plan has left the catalogue since the offer was made.
    """
    named = target or current
    if named is None:
        return ()
    family = catalogue.family(named.family)
    return tuple(
        selection
        for name in decision.selections
        # A stored decision may name what the catalogue has ceased to ask for.
        if (selection := family.selections.get(name)) is not None
        and _leaves_room_for_fewer(family, selection.limit, current, target, in_use)
    )


def _leaves_room_for_fewer(
    family: Family,
    limit: str,
    current: Offer | None,
    target: Offer | None,
    in_use: Mapping[str, int],
) -> bool:
    allowed = _allowed(family, target, limit)
    if not allowed:  # unlimited, or none at all
        return False
    has = in_use[limit] if limit in in_use else _allowed(family, current, limit)
    return has is None or has > allowed


def _allowed(family: Family, offer: Offer | None, limit: str) -> int | None:
    """How much the offer's plan allows; None is unlimited. No offer is the free plan, if any."""
    plan = family.plan(offer.plan) if offer else family.free_plan
    return plan.limits[limit] if plan else 0
