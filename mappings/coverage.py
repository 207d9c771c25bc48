"""Walking the rules: every change that can happen in a family is tried against them.

What a rule can see of a change is finite, so nothing here is guessed: a rule that never decides
anything, a change that no rule decides, and a rule that asks for what is not carried out are found
by trying them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mappings.catalogue import Catalogue
from mappings.decision import Facts, situation_of
from mappings.direction import Direction, direction_in
from mappings.family import Family
from mappings.offer import Offer
from mappings.problems import Problem, Problems
from mappings.rules import REFUSALS, Rule, Situation
from mappings.supported import (
    SPOKEN,
    Move,
    alternatives,
    clash,
    is_carried_out,
    move_of,
    needs_a_page,
)

# Problems that hide what was meant, in parts without which every finding below would be a guess.
_HIDING = {"missing_key", "invalid_value", "unknown_key", "unknown_plan"}
_NEEDED = re.compile(
    r"|order|size_is|rules(\[\d+\](\.when.*)?)?|plans|plans\.[^.]+"
    r"|plans\.[^.]+\.(rank|kind|tiers(\[\d+\](\.(id|size|prices|prices\.[a-z]+))?)?)"
)


def check_rules(catalogue: Catalogue, problems: Problems) -> None:
    """Walk the rules of every family whose plans and rules could be read."""
    for family in catalogue.families.values():
        if _is_readable(family, problems):
            _Walk(family, catalogue.currencies, problems).report()


def reachable(family: Family, currencies: tuple[str, ...]) -> tuple[Situation, ...]:
    """Every situation a change within the family can be in, each once, in a stable order.

    One currency stands for all: comparisons do not look at it, and no rule is asked about a change
    of currency.
    """
    offers = (None, *family.offers(currencies[:1]))
    found: dict[tuple[Situation, bool], None] = {}
    for current in offers:
        for target in offers:
            if current is None and target is None:
                continue
            trial_possible = current is not None and not current.is_free
            for way in _ways(family, current, target):
                situation = situation_of(family, way, current, target, Facts(chargeable=True))
                found[situation, trial_possible] = None
    return tuple(dict.fromkeys(each for seen in found for each in _with_facts(*seen)))


def _ways(family: Family, current: Offer | None, target: Offer | None) -> Iterator[Direction]:
    """The direction at an equal quantity, and where that decides nothing, of more and of fewer."""
    way = direction_in(family, current, target)
    yield way
    if way.kind in ("same", "lateral"):
        yield direction_in(family, current, target, 1, 2)
        yield direction_in(family, current, target, 2, 1)


def _with_facts(situation: Situation, trial_possible: bool) -> Iterator[Situation]:
    for chargeable in (True, False):
        yield replace(situation, chargeable=chargeable)
        if trial_possible:
            yield replace(situation, chargeable=chargeable, trialing=True)


def _is_readable(family: Family, problems: Problems) -> bool:
    return bool(family.plans and family.order) and not any(
        _hides(problem, f"families.{family.id}") for problem in problems
    )


def _hides(problem: Problem, prefix: str) -> bool:
    if problem.code not in _HIDING or not problem.path.startswith(prefix):
        return False
    path = problem.path.removeprefix(prefix).removeprefix(".")
    misspelled = path.startswith("rules[") and problem.code == "unknown_key"
    return misspelled or _NEEDED.fullmatch(path) is not None


class _Walk:
    """Which rule decides which situations, and what is wrong with that."""

    def __init__(self, family: Family, currencies: tuple[str, ...], problems: Problems) -> None:
        self._family = family
        self._problems = problems
        self._path = f"families.{family.id}.rules"
        self._situations = reachable(family, currencies)
        self._decided: dict[int, list[Situation]] = {i: [] for i in range(len(family.rules))}
        self._undecided: list[Situation] = []
        for situation in self._situations:
            first = self._first_match(situation)
            (self._undecided if first is None else self._decided[first]).append(situation)

    def report(self) -> None:
        self._report_undecided("cancellations", [s for s in self._undecided if not s.to_plan])
        self._report_undecided("changes", [s for s in self._undecided if s.to_plan])
        for index, rule in enumerate(self._family.rules):
            path = f"{self._path}[{index}]"
            if not self._decided[index]:
                self._report_dead(index, rule)
            elif rule.then.route not in REFUSALS and not self._problems.under(path):
                self._report_action(path, rule, self._decided[index])

    def _first_match(self, situation: Situation) -> int | None:
        rules = enumerate(self._family.rules)
        return next((i for i, rule in rules if rule.when.matches(situation)), None)

    def _report_undecided(self, what: str, undecided: Sequence[Situation]) -> None:
        if undecided:
            others = f" and {len(undecided) - 1} more cases" if len(undecided) > 1 else ""
            message = f"no rule covers all {what}; none matches: {undecided[0]}{others}"
            self._problems.add(self._path, "no_catch_all", message)

    def _report_dead(self, index: int, rule: Rule) -> None:
        wanted = [s for s in self._situations if rule.when.matches(s)]
        takers = {i for i in range(index) if any(s in self._decided[i] for s in wanted)}
        if takers:
            names = ", ".join(repr(self._family.rules[i].id) for i in sorted(takers))
            message = f"rule {rule.id!r} never decides: {names} before it takes every case of it"
        else:
            message = f"rule {rule.id!r} never matches: no change in this family meets its `when`"
        self._problems.add(f"{self._path}[{index}]", "rule_never_matches", message)

    def _report_action(self, path: str, rule: Rule, decided: Sequence[Situation]) -> None:
        for message in dict.fromkeys(self._impossible(rule, decided)):
            self._problems.add(path, "action_never_runs", f"rule {rule.id!r} {message}")
        for message in dict.fromkeys(self._sold_by_sales(decided)):
            self._problems.add(path, "sales_only", f"rule {rule.id!r} {message}")
        moves = dict.fromkeys(move_of(self._family, s) for s in decided)
        for move in moves:
            if move != "nothing" and not is_carried_out(self._family, move, rule.then):
                message = _not_carried_out(self._family, rule, move)
                self._problems.add(path, "unsupported_combination", message)
        if any(s.chargeable and needs_a_page(move_of(self._family, s), rule.then) for s in decided):
            message = (
                f"rule {rule.id!r} credits the old plan's rest to the balance, which is done for a "
                "plan bought at a page; who can be charged is not sent to one, so say when = { "
                "chargeable = false }"
            )
            self._problems.add(path, "unsupported_combination", message)
        if _keeps_the_cycle(rule) and any(s.interval_changes for s in decided):
            message = (
                f"rule {rule.id!r} keeps the cycle when the interval changes; another interval "
                'always starts a new cycle at Stripe, so say cycle = "restart"'
            )
            self._problems.add(path, "unsupported_combination", message)

    def _impossible(self, rule: Rule, decided: Sequence[Situation]) -> Iterator[str]:
        """Actions that have nothing to act on, in at least one case that comes to this rule."""
        then, family = rule.then, self._family
        moves = {move_of(family, situation) for situation in decided}
        if "nothing" in moves:
            yield (
                "would act on a change to what is held already; put a rule with direction = "
                '"same" and route = "not_offered" before it'
            )
        if then.route == "cancel_and_resubscribe" and moves - {"change", "nothing"}:
            yield "cancels and resubscribes where there are not two paid plans to do it between"
        if then.on_failed_payment == "free" and family.free_plan is None:
            yield "falls to the free plan on a failed payment, but the family has none"
        if family.size_is == "limit" and then.credit == "unused_allowance":
            yield 'credits unused allowance, but the family has none: size_is = "limit"'
        if family.size_is == "limit" and then.allowance != "reset":
            yield 'moves allowance over, but the family has none: size_is = "limit"'

    def _sold_by_sales(self, decided: Sequence[Situation]) -> Iterator[str]:
        for situation in decided:
            plan = self._family.plans.get(situation.to_plan or "")
            if plan and not plan.self_serve and situation.direction != "same":
                yield (
                    f"lets a caller move to {plan.name}, which is sales-only; put a rule with "
                    f'to = "{plan.id}" and route = "contact_sales" before it'
                )


def _keeps_the_cycle(rule: Rule) -> bool:
    """A new subscription starts a cycle of its own, so only a change of the old one can keep it."""
    return rule.then.cycle == "keep" and rule.then.route == "self_serve"


def _not_carried_out(family: Family, rule: Rule, move: Move) -> str:
    then = rule.then
    reason = clash(family, move, then)
    if reason is not None:
        return f"rule {rule.id!r} cannot be carried out on {SPOKEN[move]}: {reason}"
    asked = [f"route {then.route}", f"timing {then.timing}", f"cycle {then.cycle}"]
    asked += [f"credit {then.credit}", f"allowance {then.allowance}"]
    asked.append(f"on_failed_payment {then.on_failed_payment}")
    if then.grace_days:
        asked.append(f"grace_days {then.grace_days}")
    if then.selections:
        asked.append(f"selections {', '.join(then.selections)}")
    return (
        f"rule {rule.id!r} asks for {', '.join(asked)} on {SPOKEN[move]}, which is not carried "
        f"out; what is: {alternatives(move)}"
    )
