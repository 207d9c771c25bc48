"""Which plans the tour is about, picked from the catalogue by price and size, never by name."""

from __future__ import annotations

from dataclasses import dataclass

from mappings import Catalogue, Decision, Facts, Family, Offer, decide

# The account of the tour has grown by this much when it asks for more.
GROWTH = 4
BY_CARD = Facts(chargeable=True)


class NothingToTour(Exception):
    """The catalogue has no monthly plan that a card can buy; the text says so in one line."""


@dataclass(frozen=True)
class Cast:
    """The offers of the tour and what the catalogue's rules say about moving between them.

    ``small`` is bought first. ``large`` is what the account then grows into, None where the
    catalogue has no such plan or lets nobody change to it by themselves. ``other`` is a third,
    below ``large`` too. ``beside`` is of another family, which may share the subscription.
    """

    catalogue: Catalogue
    family: Family
    small: Offer
    large: Offer | None
    other: Offer | None = None
    beside: Offer | None = None

    @property
    def shrinks_at_a_page(self) -> bool:
        """Whether who cannot be charged goes from ``large`` to ``small`` by paying at a page."""
        if self.large is None:
            return False
        down = decide(self.catalogue, self.large, self.small, Facts(chargeable=False))
        return (down.timing, down.credit) == ("now", "time_to_balance")

    @property
    def is_metered(self) -> bool:
        """Whether ``small`` is billed by usage."""
        return self.catalogue.usage_of(self.small) is not None

    @property
    def by_sales(self) -> Offer | None:
        """What the rules send whoever is on the free plan to sales for."""
        home = self.family.free_offer()
        for offer in self.family.offers(self.catalogue.currencies[:1]):
            if decide(self.catalogue, home, offer, BY_CARD).route == "contact_sales":
                return offer
        return None

    @property
    def shrinks_later(self) -> bool:
        """Whether the account may go back from ``large`` at the end of a period."""
        return self.large is not None and _later(self.catalogue, self.large, self.small)

    @property
    def upgrade(self) -> Decision | None:
        """What the rules say about growing."""
        return decide(self.catalogue, self.small, self.large, BY_CARD) if self.large else None

    @property
    def cancellation(self) -> Decision:
        """What the rules say about leaving, from the plan held last."""
        held = self.small if self.shrinks_later else self.large or self.small
        return decide(self.catalogue, held, None, BY_CARD)

    @property
    def down_by_leaving(self) -> bool:
        """Whether the way down is to leave, at once, and to start again with the credit."""
        if self.large is None or self.cancellation.timing != "now":
            return False
        down = decide(self.catalogue, self.large, self.small, BY_CARD)
        return down.route == "not_offered" and self.cancellation.credit == "time_to_balance"

    def name(self, offer: Offer) -> str:
        """What people call an offer: "Core 10k monthly"."""
        return self.catalogue.price_nickname(offer)

    def family_of(self, offer: Offer) -> str:
        """The product line of an offer, as people call it."""
        return self.catalogue.family(offer.family).name

    def short_name(self, offer: Offer) -> str:
        """The plan and tier alone: "Core 10k"."""
        plan, tier = self.catalogue.plan_of(offer), self.catalogue.tier_of(offer)
        return f"{plan.name} {tier.name}"


def pick(catalogue: Catalogue) -> Cast:
    """The cheapest monthly plan of the first family that has one, and the one to grow into; where
    none has, the first plan that is billed by usage.

    Raises:
        NothingToTour: no family has a monthly plan that a card can buy.
    """
    for family in catalogue.families.values():
        monthly = _monthly(catalogue, family)
        if monthly:
            small = min(monthly, key=lambda offer: catalogue.price_of(offer).amount)
            large = _larger(catalogue, monthly, small)
            third = _third(catalogue, monthly, small, large)
            return Cast(catalogue, family, small, large, third, _beside(catalogue, family))
    for family in catalogue.families.values():
        metered = _metered(catalogue, family)
        if metered is not None:
            return Cast(catalogue, family, metered, None)
    raise NothingToTour(f"Catalogue {catalogue.name!r} has no monthly plan that a card can buy.")


def _beside(catalogue: Catalogue, family: Family) -> Offer | None:
    """The cheapest monthly plan of another family that shares a subscription with ``family``."""
    if not family.share_subscription:
        return None
    others = [
        offer
        for other in catalogue.families.values()
        if other.share_subscription and other.id != family.id
        for offer in _monthly(catalogue, other)
    ]
    return min(others, key=lambda offer: catalogue.price_of(offer).amount, default=None)


def _monthly(catalogue: Catalogue, family: Family) -> list[Offer]:
    """Offers with a fixed monthly price in the first currency that anybody may buy by card."""
    return [
        offer
        for offer in catalogue.priced_offers()
        if offer.family == family.id
        and offer.interval == "month"
        and offer.currency == catalogue.currencies[0]
        and catalogue.plan_of(offer).self_serve
        and decide(catalogue, None, offer, BY_CARD).route == "self_serve"
    ]


def _metered(catalogue: Catalogue, family: Family) -> Offer | None:
    """What is billed by usage and anybody may start and end at once."""
    for offer in family.offers(catalogue.currencies[:1]):
        start = decide(catalogue, None, offer, BY_CARD)
        if catalogue.usage_of(offer) is not None and _at_once(start):
            return offer if _at_once(decide(catalogue, offer, None, BY_CARD)) else None
    return None


def _larger(catalogue: Catalogue, monthly: list[Offer], small: Offer) -> Offer | None:
    """In the next plan up, the smallest tier of at least ``GROWTH`` times the size, else its
    largest; None if the rules do not let it happen at once.
    """
    rank = catalogue.plan_of(small).rank
    above = [offer for offer in monthly if catalogue.plan_of(offer).rank > rank]
    above.sort(key=lambda offer: (catalogue.plan_of(offer).rank, catalogue.tier_of(offer).size))
    next_plan = [offer for offer in above if offer.plan == above[0].plan]
    wanted = GROWTH * catalogue.tier_of(small).size
    enough = [offer for offer in next_plan if catalogue.tier_of(offer).size >= wanted]
    found = next(iter(enough or next_plan[-1:]), None)
    return found if found and _at_once(decide(catalogue, small, found, BY_CARD)) else None


def _third(
    catalogue: Catalogue, monthly: list[Offer], small: Offer, large: Offer | None
) -> Offer | None:
    """The cheapest of what the account could have instead of ``small`` from the next period on."""
    if large is None:
        return None
    others = [offer for offer in monthly if offer not in (small, large)]
    fit = [offer for offer in others if _later(catalogue, large, offer)]
    return min(fit, key=lambda offer: catalogue.price_of(offer).amount, default=None)


def _later(catalogue: Catalogue, held: Offer, wanted: Offer) -> bool:
    decision = decide(catalogue, held, wanted, BY_CARD)
    return decision.route == "self_serve" and decision.timing in ("period_end", "caller")


def _at_once(decision: Decision) -> bool:
    return decision.route == "self_serve" and decision.timing in ("now", "caller")
