"""The catalogue as plain JSON data, for programs and for people who ask what is sold."""

from __future__ import annotations

from dataclasses import asdict

from mappings.catalogue import Catalogue
from mappings.family import Family, Pack, Plan, Tier, intervals_of
from mappings.money import Money
from mappings.offer import Interval, Offer
from mappings.rules import REFUSALS, Rule


def describe(catalogue: Catalogue) -> dict[str, object]:
    """Everything a caller may choose from, in catalogue order; amounts in minor units and as text.

    A limit of null means unlimited. Rules are in order: the first that matches decides.
    """
    return {
        "name": catalogue.name,
        "tenant": catalogue.tenant,
        "currencies": list(catalogue.currencies),
        "families": [_family(catalogue, family) for family in catalogue.families.values()],
    }


def _family(catalogue: Catalogue, family: Family) -> dict[str, object]:
    return {
        "id": family.id,
        "name": family.name,
        "unit": family.unit,
        "size_is": family.size_is,
        "order": list(family.order),
        "share_subscription": family.share_subscription,
        "plans": [_plan(catalogue, family, plan) for plan in family.plans.values()],
        "packs": [_pack(pack) for pack in family.packs.values()],
        "selections": [asdict(selection) for selection in family.selections.values()],
        "rules": [_rule(rule) for rule in family.rules],
    }


def _plan(catalogue: Catalogue, family: Family, plan: Plan) -> dict[str, object]:
    return {
        "id": plan.id,
        "name": plan.name,
        "rank": plan.rank,
        "kind": plan.kind,
        "self_serve": plan.self_serve,
        "limits": dict(plan.limits),
        "features": list(plan.features),
        "usage": _usage(plan),
        "tiers": [_tier(catalogue, family, plan, tier) for tier in plan.tiers.values()],
    }


def _usage(plan: Plan) -> dict[str, object] | None:
    if plan.usage is None:
        return None
    # As text: a price per unit has more decimals than a JSON number keeps.
    prices = {currency: str(price) for currency, price in plan.usage.unit_prices.items()}
    return {
        "meter": plan.usage.meter,
        "unit_prices": prices,
        "calculated_days_before": plan.usage.calculated_days_before,
    }


def _tier(catalogue: Catalogue, family: Family, plan: Plan, tier: Tier) -> dict[str, object]:
    intervals: tuple[Interval | None, ...] = (None,) if plan.is_free else intervals_of(plan, tier)
    return {
        "id": tier.id,
        "name": tier.name,
        "size": tier.size,
        "intervals": [_sold(catalogue, family, plan, tier, interval) for interval in intervals],
    }


def _sold(
    catalogue: Catalogue, family: Family, plan: Plan, tier: Tier, interval: Interval | None
) -> dict[str, object]:
    currency = None if interval is None else catalogue.currencies[0]
    offer = Offer(family.id, plan.id, tier.id, interval, currency)
    allowance = catalogue.allowance_of(offer)
    return {
        "interval": interval,
        "size": tier.size_for(interval),
        "allowance": asdict(allowance) if allowance else None,
        "prices": [_money(tier.prices[sold]) for sold in tier.prices if sold[0] == interval],
    }


def _pack(pack: Pack) -> dict[str, object]:
    prices = [_money(price) for price in pack.prices.values()]
    return {"id": pack.id, "name": pack.name, "units": pack.units, "prices": prices}


def _rule(rule: Rule) -> dict[str, object]:
    """Conditions that do not matter are left out, as is what a refusal does not do."""
    when = {
        "direction": list(rule.when.directions),
        "from": list(rule.when.from_plans),
        "to": list(rule.when.to_plans),
        "interval_changes": rule.when.interval_changes,
        "chargeable": rule.when.chargeable,
        "trialing": rule.when.trialing,
    }
    then: dict[str, object] = asdict(rule.then)
    then["selections"] = list(rule.then.selections)
    if rule.then.route in REFUSALS:
        then = {key: then[key] for key in ("route", "reason", "remedy")}
    matters = {key: value for key, value in when.items() if value not in (None, [])}
    return {"id": rule.id, "when": matters, "then": then}


def _money(money: Money) -> dict[str, object]:
    return {"amount": money.amount, "currency": money.currency, "text": str(money)}
