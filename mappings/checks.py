"""What is wrong with plans, tiers and packs beyond their shape: everything but the rules."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.catalogue import Catalogue
from mappings.family import Family, Plan
from mappings.naming import LOOKUP_KEY_MAX
from mappings.problems import Problems
from mappings.reader import Reader
from mappings.supported import PLAN_KINDS_CARRIED_OUT


def check_catalogue(catalogue: Catalogue, document: Reader, problems: Problems) -> None:
    """Report what makes families, plans, tiers or packs unsellable. `document` is the same thing
    as written, for what is lost in reading: positions, and what was given in vain."""
    _check_no_repeats(catalogue.currencies, document.at("currencies"), problems)
    for family_id, table in document.named("families"):
        family = catalogue.families[family_id]
        _check_no_repeats(table.texts("order"), table.at("order"), problems)
        _check_ranks(table, problems)
        _check_free_plans(table, problems)
        _check_limits(table, problems)
        _check_packs(family, table, problems)
        _check_selections(family, table, problems)
        for plan_id, plan_table in table.named("plans"):
            plan = family.plans.get(plan_id)
            if plan is not None:
                _PlanCheck(family, plan, plan_table, problems).run()
    _check_meters(document, problems)
    _check_lookup_keys(catalogue, problems)


def _check_no_repeats(values: Iterable[str], path: str, problems: Problems) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            problems.add(path, "duplicate_id", f"{value!r} is listed twice")
        seen.add(value)


def _check_ranks(family: Reader, problems: Problems) -> None:
    holders: dict[int, str] = {}
    for plan_id, plan in family.named("plans"):
        rank = plan.whole("rank")
        if rank is None:
            continue
        if rank in holders:
            message = f"{holders[rank]!r} has rank {rank} too; ranks put plans in one order"
            problems.add(plan.at("rank"), "duplicate_rank", message)
        holders.setdefault(rank, plan_id)


def _check_free_plans(family: Reader, problems: Problems) -> None:
    free = [plan for _, plan in family.named("plans") if plan.text("kind") == "free"]
    for extra in free[1:]:
        message = "the family has a free plan already; an account that pays nothing has one plan"
        problems.add(extra.at("kind"), "second_free_plan", message)


def _check_limits(family: Reader, problems: Problems) -> None:
    """Each plan states every limit: an absent one could mean none or unlimited."""
    plans = [plan for _, plan in family.named("plans")]
    stated = dict.fromkeys(name for plan in plans for name in plan.table("limits").names())
    for plan in plans:
        limits = plan.table("limits")
        for name in stated:
            if not limits.has(name):
                message = 'other plans have this limit; give a number, 0 or "unlimited"'
                problems.add(limits.at(name), "missing_limit", message)


def _check_packs(family: Family, table: Reader, problems: Problems) -> None:
    if family.size_is == "limit" and table.has("packs"):
        message = 'packs add to an allowance, which size_is = "limit" has none of; remove them'
        problems.add(table.at("packs"), "setting_without_effect", message)


def _check_selections(family: Family, table: Reader, problems: Problems) -> None:
    """A selection is about a limit of the plans, and some rule asks for it."""
    limits = {name for _, plan in table.named("plans") for name in plan.table("limits").names()}
    asked = {name for rule in family.rules for name in rule.then.selections}
    for name, selection in table.named("selections"):
        limit = selection.text("limit")
        if limit is not None and limit not in limits:
            message = f"{limit!r} is a limit of no plan in this family"
            problems.add(selection.at("limit"), "unknown_limit", message)
        if name not in asked:
            message = "no rule asks for this; name it in a rule's selections or remove it"
            problems.add(selection.path, "setting_without_effect", message)


def _check_meters(document: Reader, problems: Problems) -> None:
    """What a meter has counted is billed by every price on it that the customer has."""
    families: dict[str, str] = {}
    for family_id, family in document.named("families"):
        for _, plan in family.named("plans"):
            meter = plan.table("usage").text("meter")
            if meter is None:
                continue
            if families.setdefault(meter, family_id) != family_id:
                message = (
                    f"family {families[meter]!r} is billed by {meter!r} too, so that an account "
                    "with both would pay for the same usage twice; give each its own meter"
                )
                problems.add(plan.table("usage").at("meter"), "shared_meter", message)


def _check_lookup_keys(catalogue: Catalogue, problems: Problems) -> None:
    longest: dict[str, int] = {}
    for offer in catalogue.offers():
        path = f"families.{offer.family}.plans.{offer.plan}.tiers.{offer.tier}"
        longest[path] = max(longest.get(path, 0), len(catalogue.lookup_key(offer)))
    for path, length in longest.items():
        if length > LOOKUP_KEY_MAX:
            message = (
                f"its lookup key has {length} characters and Stripe takes {LOOKUP_KEY_MAX}; "
                "shorten the ids or the tenant"
            )
            problems.add(path, "lookup_key_too_long", message)


class _PlanCheck:
    """What is wrong with one plan, by its kind."""

    def __init__(self, family: Family, plan: Plan, table: Reader, problems: Problems) -> None:
        self._family = family
        self._plan = plan
        self._table = table
        self._problems = problems

    def run(self) -> None:
        checks = {"free": self._free, "licensed": self._licensed, "metered": self._metered}
        checks[self._plan.kind]()
        if not self._plan.tiers and not self._problems.under(self._table.at("tiers")):
            message = "a plan has at least one tier"
            self._problems.add(self._table.at("tiers"), "invalid_value", message)
        if self._plan.kind != "metered" and self._table.has("usage"):
            self._in_vain("usage", 'only kind = "metered" is billed by usage')
        if self._family.size_is == "limit" and self._table.has("allowance_reset"):
            self._in_vain("allowance_reset", 'size_is = "limit" has no allowance to reset')
        if self._plan.kind not in PLAN_KINDS_CARRIED_OUT:
            message = f"{self._plan.kind} plans are not carried out yet"
            self._problems.add(self._table.at("kind"), "unsupported_combination", message)

    def _free(self) -> None:
        self._one_tier("free")
        for tier in self._table.tables("tiers"):
            if tier.has("prices"):
                message = "a free plan has no prices: at Stripe it is the absence of a line"
                self._problems.add(tier.at("prices"), "setting_without_effect", message)
        for key in ("self_serve", "allowance_reset"):
            if self._table.has(key):
                self._in_vain(key, "a free plan is open to all and its allowance runs monthly")

    def _licensed(self) -> None:
        previous: int | None = None
        for tier in self._table.tables("tiers"):
            size = tier.whole("size")
            if self._plan.self_serve and not tier.has("prices"):
                message = (
                    "a tier without prices cannot be bought; price it or set self_serve = false"
                )
                self._problems.add(tier.at("prices"), "missing_price", message)
            if size is None:
                continue
            if size < 1:
                message = "a tier that is paid for must hold something"
                self._problems.add(tier.at("size"), "invalid_value", message)
            if previous is not None and size <= previous:
                message = f"sizes must increase down the list; {size:,} follows {previous:,}"
                self._problems.add(tier.at("size"), "size_not_increasing", message)
            previous = size

    def _metered(self) -> None:
        self._one_tier("metered")
        if not self._table.has("usage"):
            message = "a metered plan says which meter it is billed by, and the price of a unit"
            self._problems.add(self._table.at("usage"), "missing_key", message)
        for tier in self._table.tables("tiers"):
            if tier.has("prices"):
                message = "a metered plan has no fixed fee; its price is under usage.unit_prices"
                self._problems.add(tier.at("prices"), "unsupported_combination", message)
        if self._family.share_subscription:
            path = f"families.{self._family.id}.share_subscription"
            message = f"{self._plan.id!r} is metered, and usage never shares a subscription"
            self._problems.add(path, "unsupported_combination", message)

    def _one_tier(self, kind: str) -> None:
        if len(list(self._table.tables("tiers"))) > 1:
            message = f"a {kind} plan has exactly one tier"
            self._problems.add(self._table.at("tiers"), "too_many_tiers", message)

    def _in_vain(self, key: str, because: str) -> None:
        message = f"this has no effect here: {because}"
        self._problems.add(self._table.at(key), "setting_without_effect", message)
