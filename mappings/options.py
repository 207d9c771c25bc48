"""The changes that are open to an account, by the rules: what a page of billing facts lists."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.catalogue import Catalogue
from mappings.decision import Decision, Facts, decide
from mappings.offer import Offer


@dataclass(frozen=True)
class Option:
    """Offers of one plan that the rules answer alike; no offers: the end of what is held.

    `decision` is that of the first of them.
    """

    plan: str | None
    offers: tuple[Offer, ...]
    decision: Decision


def options(
    catalogue: Catalogue, family: str, current: Offer | None, facts: Facts, currency: str
) -> tuple[Option, ...]:
    """Every change of the family that leads somewhere else, in catalogue order, the end of the plan
    last; also those that sales make and those that are not offered, each with its reason.

    `current` None: nothing is held. Pure, and total on a checked catalogue.
    """
    grouped: dict[tuple[str, str, str], list[tuple[Offer, Decision]]] = {}
    for offer in catalogue.family(family).offers((currency,)):
        decision = decide(catalogue, current, offer, facts)
        if decision.direction.kind != "same":
            alike = (offer.plan, decision.rule, decision.direction.kind)
            grouped.setdefault(alike, []).append((offer, decision))
    found = [
        Option(plan, tuple(offer for offer, _ in each), each[0][1])
        for (plan, _, _), each in grouped.items()
    ]
    end = decide(catalogue, current, None, facts) if current and not current.is_free else None
    return (*found, Option(None, (), end)) if end is not None else tuple(found)
