"""The catalogue: everything one deployment sells, and its names at Stripe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mappings import naming
from mappings.errors import NoFixedPrice, UnknownOffer
from mappings.family import Allowance, Family, Plan, Tier, Usage, intervals_of
from mappings.money import Money, UnitPrice, decimals_of
from mappings.offer import INTERVALS, Offer, UnknownPrice


@dataclass(frozen=True)
class Catalogue:
    """A checked catalogue document. Made by `load_catalogue`; never changes.

    `tenant` marks everything of ours at Stripe, so that two deployments can share one account.
    """

    name: str
    tenant: str
    currencies: tuple[str, ...]
    families: Mapping[str, Family]

    def family(self, family_id: str) -> Family:
        """Raises UnknownOffer (field "family")."""
        if family_id not in self.families:
            raise UnknownOffer.for_family(family_id, self.families, self.name)
        return self.families[family_id]

    def plan(self, family_id: str, plan_id: str) -> Plan:
        """Raises UnknownOffer (field "family" or "plan")."""
        return self.family(family_id).plan(plan_id)

    def offer(
        self,
        family: str,
        plan: str,
        tier: str | None = None,
        interval: str | None = None,
        currency: str | None = None,
    ) -> Offer:
        """The offer so named; raises UnknownOffer saying which part is unknown and what is known.

        A free plan is not billed: whatever tier, interval and currency were given, its offer is the
        one free offer of the family. A sales-only tier without prices still needs an interval and a
        currency, since an account on it is billed by agreement.
        """
        sold = self.plan(family, plan)
        if sold.is_free:
            return Offer(family, plan, next(iter(sold.tiers)), None, None)
        size = sold.tier(tier)
        intervals = intervals_of(sold, size)
        found = next((known for known in INTERVALS if known == interval), None)
        if found is None or found not in intervals:
            raise UnknownOffer.for_interval(interval, intervals, size.id)
        if currency is None or currency not in self.currencies:
            raise UnknownOffer.for_currency(currency, self.currencies, size.id)
        return Offer(family, plan, size.id, found, currency)

    def free_offer(self, family: str) -> Offer | None:
        """The family's free plan as an offer, or None if it has no free plan."""
        return self.family(family).free_offer()

    def offers(self) -> Iterator[Offer]:
        """Every offer, the free ones included, in catalogue order."""
        for family in self.families.values():
            yield from family.offers(self.currencies)

    def priced_offers(self) -> Iterator[Offer]:
        """Every offer with a fixed recurring price, in catalogue order."""
        for offer in self.offers():
            if self._price(offer) is not None:
                yield offer

    def sold_offers(self) -> Iterator[Offer]:
        """Every offer with a price at Stripe, fixed or per unit of usage, in catalogue order."""
        for offer in self.offers():
            if self._price(offer) is not None or self.usage_of(offer) is not None:
                yield offer

    def is_agreed(self, offer: Offer) -> bool:
        """Whether the offer has no price here, so that it is held by agreement."""
        unpriced = self._price(offer) is None and self.usage_of(offer) is None
        return unpriced and not offer.is_free

    def usage_of(self, offer: Offer) -> Usage | None:
        """How usage of the offer is billed; None unless its plan is metered."""
        return self.plan_of(offer).usage if self.plan_of(offer).is_metered else None

    def unit_price_of(self, offer: Offer) -> UnitPrice:
        """The price of one unit of usage. Raises NoFixedPrice for what is not metered."""
        usage, currency = self.usage_of(offer), offer.currency
        if usage is None or currency is None:
            raise NoFixedPrice.for_unmetered(offer.plan)
        amount = usage.unit_prices[currency].scaleb(decimals_of(currency))
        return UnitPrice(amount, currency)

    def meters(self) -> dict[str, str]:
        """The event names of the meters that plans are billed by, each with what people call it."""
        return {
            plan.usage.meter: f"{family.name}: {family.unit}"
            for family in self.families.values()
            for plan in family.plans.values()
            if plan.usage is not None
        }

    def price_of(self, offer: Offer) -> Money:
        """The price for one whole interval. Raises NoFixedPrice for free, metered and unpriced
        offers.
        """
        price = self._price(offer)
        if price is not None:
            return price
        if offer.is_free:
            raise NoFixedPrice.for_free(offer.plan)
        if self.usage_of(offer) is not None:
            raise NoFixedPrice.for_metered(offer.plan)
        raise NoFixedPrice.for_unpriced(offer.plan, offer.tier)

    def plan_of(self, offer: Offer) -> Plan:
        """Raises UnknownOffer if the plan has left the catalogue since the offer was made."""
        return self.plan(offer.family, offer.plan)

    def tier_of(self, offer: Offer) -> Tier:
        """Raises UnknownOffer if the tier has left the catalogue since the offer was made."""
        return self.plan_of(offer).tier(offer.tier)

    def allowance_of(self, offer: Offer) -> Allowance | None:
        """What is granted at a time, and how often; None where size is a standing limit.

        An annual offer is granted its whole year at once, unless its plan resets every month.
        """
        if self.family(offer.family).size_is == "limit":
            return None
        plan, tier = self.plan_of(offer), self.tier_of(offer)
        if offer.interval == "year" and plan.allowance_reset == "period":
            return Allowance(tier.year_size, "period")
        return Allowance(tier.size, "month" if offer.interval != "month" else plan.allowance_reset)

    def lookup_key(self, offer: Offer) -> str:
        """The lookup key of the offer's current price at Stripe: unique, at most 200 characters."""
        return naming.lookup_key(self.tenant, offer)

    def product_id(self, family: str, plan: str) -> str:
        """The id of the plan's product at Stripe."""
        return naming.product_id(self.tenant, family, plan)

    def product_name(self, family: str, plan: str) -> str:
        """What customers read on an invoice: "Operations Core"."""
        return f"{self.family(family).name} {self.plan(family, plan).name}"

    def unused_product_id(self, family: str) -> str:
        """The id at Stripe of what a line is about that pays back unused allowance."""
        return naming.unused_product_id(self.tenant, family)

    def unused_product_name(self, family: str) -> str:
        """What customers read on such a line: "Unused operations"."""
        return f"Unused {self.family(family).unit}"

    def unused_product_metadata(self, family: str) -> dict[str, str]:
        """Metadata that marks that product as this catalogue's."""
        return naming.unused_product_metadata(self.tenant, family)

    def price_nickname(self, offer: Offer) -> str:
        """What staff read in Stripe's dashboard: "Core 10k monthly"."""
        period = {None: "", "month": " monthly", "year": " annual"}[offer.interval]
        return f"{self.plan_of(offer).name} {self.tier_of(offer).name}{period}"

    def metadata_of(self, offer: Offer) -> dict[str, str]:
        """Metadata of the offer's price, from which `offer_from_metadata` finds it again."""
        return naming.metadata(self.tenant, offer)

    def product_metadata(self, family: str, plan: str) -> dict[str, str]:
        """Metadata that marks the plan's product as this catalogue's."""
        return naming.product_metadata(self.tenant, family, plan)

    def offer_from_metadata(self, metadata: Mapping[str, str]) -> Offer | UnknownPrice:
        """The offer of a price with this metadata, current or older. Total: never raises."""
        tenant = metadata.get(naming.TENANT)
        if tenant is None:
            return UnknownPrice("no_metadata", "The price carries no planshift metadata.")
        if tenant != self.tenant:
            return UnknownPrice("foreign_tenant", f"The price belongs to tenant {tenant!r}.")
        named = [metadata.get(key) for key in naming.OFFER_KEYS]
        family, plan, tier, interval, currency = (part or "" for part in named)
        try:
            offer = self.offer(family, plan, tier, interval, currency)
        except UnknownOffer as unknown:
            return UnknownPrice("not_in_catalogue", unknown.happened)
        if offer.is_free:
            return UnknownPrice(
                "not_in_catalogue", f"Plan {plan!r} is free now; a free plan has no price."
            )
        return offer

    def _price(self, offer: Offer) -> Money | None:
        if offer.interval is None or offer.currency is None:
            return None
        return self.tier_of(offer).prices.get((offer.interval, offer.currency))
