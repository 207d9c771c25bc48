"""Reading families, plans, tiers and packs out of the document."""

from __future__ import annotations

from mappings.family import (
    ORDER_KEYS,
    PLAN_KINDS,
    RESETS,
    SIZE_IS,
    Family,
    Pack,
    Plan,
    PlanKind,
    Selection,
    SizeIs,
    Tier,
    Usage,
)
from mappings.prices_table import PriceReader
from mappings.problems import Problems
from mappings.reader import Reader
from mappings.rules_table import RuleReader


class FamilyReader:
    """Reads one family. Parts that cannot be read are left out; they have been reported."""

    def __init__(self, prices: PriceReader, problems: Problems) -> None:
        self._prices = prices
        self._problems = problems

    def family(self, family_id: str, table: Reader) -> Family:
        size_is = table.choice("size_is", SIZE_IS) or "allowance"
        named = [(key, self._plan(key, each, size_is)) for key, each in table.named("plans")]
        plans = sorted((plan for _, plan in named if plan), key=lambda plan: plan.rank)
        rules = RuleReader(
            tuple(key for key, _ in named), table.table("selections").names(), self._problems
        )
        return Family(
            id=family_id,
            name=table.text("name") or family_id,
            unit=table.text("unit") or "units",
            size_is=size_is,
            order=table.choices("order", ORDER_KEYS),
            plans={plan.id: plan for plan in plans},
            rules=rules.rules(table),
            packs=self._packs(table),
            share_subscription=table.flag("share_subscription") or False,
            selections={
                key: Selection(key, each.text("limit") or "", each.text("text") or "")
                for key, each in table.named("selections")
            },
        )

    def _plan(self, plan_id: str, table: Reader, size_is: SizeIs) -> Plan | None:
        rank = table.whole("rank")
        if rank is None:
            return None
        kind = table.choice("kind", PLAN_KINDS) or "licensed"
        limits = table.table("limits")
        return Plan(
            id=plan_id,
            name=table.text("name") or plan_id,
            rank=rank,
            kind=kind,
            self_serve=table.flag("self_serve") is not False,
            limits={key: limits.whole(key) for key in limits.names()},
            features=table.texts("features"),
            tiers=self._tiers(table, kind, size_is),
            allowance_reset=table.choice("allowance_reset", RESETS) or "period",
            usage=self._usage(table),
        )

    def _tiers(self, plan: Reader, kind: PlanKind, size_is: SizeIs) -> dict[str, Tier]:
        tiers: dict[str, Tier] = {}
        for table in plan.tables("tiers"):
            tier_id, size = table.text("id"), table.whole("size")
            prices = self._prices.recurring(table.table("prices")) if kind == "licensed" else {}
            if tier_id is None or size is None:
                continue
            if tier_id in tiers:
                self._duplicate(table.at("id"), tier_id)
                continue
            year_size = size * 12 if size_is == "allowance" else size
            tiers[tier_id] = Tier(tier_id, table.text("name") or tier_id, size, year_size, prices)
        return tiers

    def _usage(self, plan: Reader) -> Usage | None:
        usage = plan.table("usage")
        meter = usage.text("meter")
        if meter is None:
            return None
        prices = self._prices.unit_prices(usage.table("unit_prices"))
        days = usage.whole("calculated_days_before")
        return Usage(meter, prices, Usage.calculated_days_before if days is None else days)

    def _packs(self, family: Reader) -> dict[str, Pack]:
        packs: dict[str, Pack] = {}
        for table in family.tables("packs"):
            pack_id, size = table.text("id"), table.whole("size")
            prices = self._prices.amounts(table.table("prices"))
            if pack_id is None or size is None:
                continue
            if pack_id in packs:
                self._duplicate(table.at("id"), pack_id)
                continue
            packs[pack_id] = Pack(pack_id, table.text("name") or pack_id, size, prices)
        return packs

    def _duplicate(self, path: str, value: str) -> None:
        self._problems.add(path, "duplicate_id", f"{value!r} is used twice in this list")
