"""What a family is made of: plans, tiers, packs, and the order that compares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

from mappings.errors import UnknownOffer
from mappings.money import Money
from mappings.offer import INTERVALS, Interval, Offer
from mappings.rules import Rule

PlanKind = Literal["free", "licensed", "metered"]
OrderKey = Literal["plan", "tier", "tier_per_month", "interval"]
SizeIs = Literal["allowance", "limit"]
Reset = Literal["month", "period"]

PLAN_KINDS: tuple[PlanKind, ...] = get_args(PlanKind)
ORDER_KEYS: tuple[OrderKey, ...] = get_args(OrderKey)
SIZE_IS: tuple[SizeIs, ...] = get_args(SizeIs)
RESETS: tuple[Reset, ...] = get_args(Reset)


@dataclass(frozen=True)
class Allowance:
    """`units` granted at a time, anew every calendar month or once per billing period."""

    units: int
    reset: Reset


@dataclass(frozen=True)
class Usage:
    """How a metered plan is billed: the Stripe meter's event name, and the price of one unit.

    Unit prices are whole units of the currency and may be far below a cent: {"usd": 0.0004}. So
    many days before the billing date the charges so far are calculated.
    """

    meter: str
    unit_prices: Mapping[str, Decimal]
    calculated_days_before: int = 3


@dataclass(frozen=True)
class Tier:
    """A size within a plan.

    `size` is what a month holds and `year_size` what a year holds: twelve times as much where the
    size is an allowance that is used up, the same where it is a limit that stands.
    """

    id: str
    name: str
    size: int
    year_size: int
    prices: Mapping[tuple[Interval, str], Money]

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The intervals it is priced in, month before year."""
        sold = {interval for interval, _ in self.prices}
        return tuple(interval for interval in INTERVALS if interval in sold)

    def size_for(self, interval: Interval | None) -> int:
        """The size as sold: 10,000 a month is 120,000 a year."""
        return self.year_size if interval == "year" else self.size


@dataclass(frozen=True)
class Plan:
    """A named set of features with a rank. A limit of None means unlimited."""

    id: str
    name: str
    rank: int
    kind: PlanKind
    self_serve: bool
    limits: Mapping[str, int | None]
    features: tuple[str, ...]
    tiers: Mapping[str, Tier]
    allowance_reset: Reset = "period"
    usage: Usage | None = None

    @property
    def is_free(self) -> bool:
        return self.kind == "free"

    @property
    def is_metered(self) -> bool:
        return self.kind == "metered"

    def tier(self, tier_id: str | None) -> Tier:
        """Raises UnknownOffer (field "tier")."""
        if tier_id is None or tier_id not in self.tiers:
            raise UnknownOffer.for_tier(tier_id, self.tiers, self.id)
        return self.tiers[tier_id]


@dataclass(frozen=True)
class Pack:
    """Extra allowance sold once, on top of a tier: `units` of it, priced per currency."""

    id: str
    name: str
    units: int
    prices: Mapping[str, Money]


@dataclass(frozen=True)
class Selection:
    """What a customer chooses when a plan leaves room for fewer: `limit` is that of the plans,
    `text` the question, a sentence for the customer."""

    id: str
    limit: str
    text: str


@dataclass(frozen=True)
class Family:
    """A product line of which an account holds one plan. Plans are in order of rank."""

    id: str
    name: str
    unit: str
    size_is: SizeIs
    order: tuple[OrderKey, ...]
    plans: Mapping[str, Plan]
    rules: tuple[Rule, ...]
    packs: Mapping[str, Pack] = field(default_factory=dict)
    share_subscription: bool = False
    selections: Mapping[str, Selection] = field(default_factory=dict)

    @property
    def free_plan(self) -> Plan | None:
        return next((plan for plan in self.plans.values() if plan.is_free), None)

    @property
    def is_metered(self) -> bool:
        """Whether some plan of it is billed by usage."""
        return any(plan.is_metered for plan in self.plans.values())

    @property
    def pays_back(self) -> bool:
        """Whether some rule pays back allowance that was not used."""
        return any(rule.then.credit == "unused_allowance" for rule in self.rules)

    @property
    def minds_charging(self) -> bool:
        """Whether some rule asks if the customer can be charged."""
        return any(rule.when.chargeable is not None for rule in self.rules)

    def plan(self, plan_id: str) -> Plan:
        """Raises UnknownOffer (field "plan")."""
        if plan_id not in self.plans:
            raise UnknownOffer.for_plan(plan_id, self.plans, self.id)
        return self.plans[plan_id]

    def pack(self, pack_id: str) -> Pack:
        """Raises UnknownOffer (field "pack")."""
        if pack_id not in self.packs:
            raise UnknownOffer.for_pack(pack_id, self.packs, self.id)
        return self.packs[pack_id]

    def free_offer(self) -> Offer | None:
        """The offer of the free plan, if the family has one."""
        plan = self.free_plan
        if plan is None or not plan.tiers:
            return None
        return Offer(self.id, plan.id, next(iter(plan.tiers)), None, None)

    def offers(self, currencies: tuple[str, ...]) -> Iterator[Offer]:
        """Every offer of the family: the free one, then by rank, tier, interval and currency.

        Includes offers without a fixed price (metered and unpriced sales-only plans), which an
        account may hold.
        """
        free = self.free_offer()
        if free is not None:
            yield free
        for plan in self.plans.values():
            if plan.is_free:
                continue
            for tier in plan.tiers.values():
                for interval in intervals_of(plan, tier):
                    for currency in currencies:
                        yield Offer(self.id, plan.id, tier.id, interval, currency)


def intervals_of(plan: Plan, tier: Tier) -> tuple[Interval, ...]:
    """The intervals an offer of this tier may have; metered usage is billed monthly.

    A sales-only tier without prices is agreed by hand, so both intervals are possible.
    """
    if plan.kind == "metered":
        return ("month",)
    return tier.intervals or INTERVALS
