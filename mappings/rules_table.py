"""Reading rules out of the document, and what is wrong with one rule by itself."""

from __future__ import annotations

from mappings.problems import Problems
from mappings.reader import Reader
from mappings.rules import (
    ALLOWANCE_EFFECTS,
    CREDITS,
    CYCLES,
    DIRECTION_KINDS,
    ON_FAILED_PAYMENT,
    REFUSALS,
    ROUTES,
    TIMINGS,
    Action,
    Rule,
    When,
)

# Ids under which decisions are made that no catalogue can change.
RESERVED_IDS = frozenset({"currency-is-fixed", "nothing-held"})

_DOING = (
    "timing", "cycle", "credit", "allowance", "on_failed_payment", "grace_days", "acknowledge",
    "selections",
)  # fmt: skip


class RuleReader:
    """Reads the rules of one family, which has these plans and these selections, by id."""

    def __init__(
        self, plan_ids: tuple[str, ...], selection_ids: tuple[str, ...], problems: Problems
    ) -> None:
        self._plan_ids = plan_ids
        self._selection_ids = selection_ids
        self._problems = problems

    def rules(self, family: Reader) -> tuple[Rule, ...]:
        """One rule per entry, so that a rule's position here is its position in the document."""
        rules: list[Rule] = []
        for table in family.tables("rules"):
            rule = self._rule(table)
            self._check_id(table, rule, rules)
            self._check_answer(table, rule.then)
            self._check_selections(table, rule.then)
            rules.append(rule)
        return tuple(rules)

    def _rule(self, table: Reader) -> Rule:
        when = table.table("when")
        conditions = When(
            directions=when.choices("direction", DIRECTION_KINDS),
            from_plans=self._plans(when, "from"),
            to_plans=self._plans(when, "to"),
            interval_changes=when.flag("interval_changes"),
            chargeable=when.flag("chargeable"),
            trialing=when.flag("trialing"),
        )
        return Rule(table.text("id") or "", conditions, _action(table))

    def _plans(self, when: Reader, key: str) -> tuple[str, ...]:
        named = when.texts(key)
        for plan in named:
            if plan not in self._plan_ids:
                known = ", ".join(self._plan_ids)
                message = f"{plan!r} is not a plan of this family; it has {known}"
                self._problems.add(when.at(key), "unknown_plan", message)
        return named

    def _check_id(self, table: Reader, rule: Rule, earlier: list[Rule]) -> None:
        if rule.id in RESERVED_IDS:
            message = f"{rule.id!r} is kept for a decision that no catalogue can change"
            self._problems.add(table.at("id"), "reserved_id", message)
        if rule.id and rule.id in {other.id for other in earlier}:
            self._problems.add(table.at("id"), "duplicate_id", f"{rule.id!r} names two rules")

    def _check_answer(self, table: Reader, then: Action) -> None:
        """A refusal says why and does nothing; anything else says when and needs no reason."""
        refuses = then.route in REFUSALS
        needed = "reason" if refuses else "timing"
        if not table.has(needed):
            message = f'a rule with route = "{then.route}" must give a {needed}'
            self._problems.add(table.at(needed), "missing_key", message)
        for key in _DOING if refuses else ("reason", "remedy"):
            if table.has(key):
                message = f'{key} has no effect with route = "{then.route}"; remove it'
                self._problems.add(table.at(key), "setting_without_effect", message)

    def _check_selections(self, table: Reader, then: Action) -> None:
        for name in then.selections:
            if name not in self._selection_ids:
                message = f"{name!r} is not declared; say what it is about under selections.{name}"
                self._problems.add(table.at("selections"), "unknown_selection", message)


def _action(table: Reader) -> Action:
    return Action(
        route=table.choice("route", ROUTES) or "self_serve",
        reason=table.text("reason"),
        remedy=table.text("remedy"),
        timing=table.choice("timing", TIMINGS) or "now",
        cycle=table.choice("cycle", CYCLES) or "keep",
        credit=table.choice("credit", CREDITS) or "none",
        allowance=table.choice("allowance", ALLOWANCE_EFFECTS) or "reset",
        on_failed_payment=table.choice("on_failed_payment", ON_FAILED_PAYMENT) or "keep_current",
        grace_days=table.whole("grace_days") or 0,
        acknowledge=table.flag("acknowledge") or False,
        selections=table.texts("selections"),
    )
