"""Whether everything a scenario names is there: accounts, offers, cards, switches, habits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings import Catalogue, Family
from mappings.problems import Problems
from sandbox import Switches
from sandbox.billing.cards import CARDS
from sandbox.kernel.habits import Habits
from sandbox.switchboard import turn

from .schemas import COMPARED, NONE

Told = Mapping[str, Any]
ACCOUNTLESS = frozenset({"pass", "until", "fault", "habits", "switch", "calm", "backfill"})
# What needs to know which family is meant, where there are several.
OF_A_FAMILY = frozenset({"change", "buy", "use"})
FAMILY_FACTS = frozenset({"plan", "status", "left", "ends"})


def check_names(told: Told, catalogue: Catalogue, problems: Problems) -> None:
    """Add a problem for every name that stands for nothing."""
    _turnable(told["switches"], "switches", problems)
    for ref, account in told["accounts"].items():
        _card(account["card"], f"accounts.{ref}.card", problems)
    emails = [one["email"] for one in told["accounts"].values() if one["email"]]
    for email in {one for one in emails if emails.count(one) > 1}:
        problems.add("accounts", "same_email", f"{email} belongs to more than one account")
    checks = _Checks(told["accounts"], catalogue, problems)
    for number, step in enumerate(told["steps"], 1):
        path = f"steps[{number}]"
        for action, body in step.items():
            if action not in ("say", "expect"):
                checks.action(action, body, path)
        for place, expected in enumerate(step["expect"]):
            one = f"{path}.expect" if len(step["expect"]) == 1 else f"{path}.expect[{place}]"
            checks.expectation(step, expected, one)


class _Checks:
    def __init__(self, accounts: Told, catalogue: Catalogue, problems: Problems) -> None:
        self._accounts = accounts
        self._catalogue = catalogue
        self._problems = problems

    def action(self, action: str, body: Any, path: str) -> None:
        path = f"{path}.{action}"
        if action == "switch":
            _turnable(body, path, self._problems)
        elif action == "habits":
            _wearable(body, path, self._problems)
        if action in ACCOUNTLESS:
            return
        self._account(body, path)
        family = self._family(body, path, needed=action in OF_A_FAMILY)
        if "card" in body:
            _card(body["card"], f"{path}.card", self._problems)
        if action == "change" and family is not None:
            self._offer(family, body, path)
        for place, part in enumerate(body.get("also", ())):
            where = f"{path}.also[{place}]"
            if (other := self._family(part, where, needed=True)) is not None:
                self._offer(other, part, where)
        if action == "buy" and family is not None and body["pack"] not in family.packs:
            self._unknown(f"{path}.pack", "pack", body["pack"], family.packs)

    def expectation(self, step: Told, expected: Told, path: str) -> None:
        asked = expected.keys() & COMPARED
        if not asked:
            self._problems.add(path, "empty", f"expects one of {', '.join(sorted(COMPARED))}")
        self._account({**_owner(step), **expected}, path)
        body = {**_family_of(step), **expected}
        family = self._family(body, path, needed=bool(asked & FAMILY_FACTS))
        if family is not None:
            for name in ("plan", *(["scheduled"] if "scheduled" in expected else [])):
                words = expected.get(name) or []
                for word in [words] if isinstance(words, str) else words:
                    self._plan_word(family, word, f"{path}.{name}")

    def _account(self, body: Told, path: str) -> None:
        ref = body.get("account")
        if ref is None and len(self._accounts) > 1:
            known = ", ".join(self._accounts)
            self._problems.add(path, "which_account", f"says which account: {known}")
        elif ref is not None and ref not in self._accounts:
            self._unknown(f"{path}.account", "account", ref, self._accounts)

    def _family(self, body: Told, path: str, *, needed: bool) -> Family | None:
        families, named = self._catalogue.families, body.get("family")
        if named is None:
            if len(families) == 1:
                return next(iter(families.values()))
            if needed:
                known = ", ".join(families)
                self._problems.add(path, "which_family", f"says which family: {known}")
            return None
        if named not in families:
            self._unknown(f"{path}.family", "family", named, families)
        return families.get(named)

    def _offer(self, family: Family, body: Told, path: str) -> None:
        plan = family.plans.get(body["plan"])
        if plan is None:
            self._unknown(f"{path}.plan", "plan", body["plan"], family.plans)
            return
        tiers = plan.tiers
        if body.get("tier") is not None and body["tier"] not in tiers:
            self._unknown(f"{path}.tier", "tier", body["tier"], tiers)

    def _plan_word(self, family: Family, word: str, path: str) -> None:
        if word == NONE:
            return
        plan, _, rest = word.partition("/")
        if plan not in family.plans:
            self._unknown(path, "plan", plan, [*family.plans, NONE])
            return
        tier = rest.partition("/")[0]
        tiers = family.plans[plan].tiers
        if tier and tier not in tiers:
            self._unknown(path, "tier", tier, tiers)

    def _unknown(self, path: str, what: str, named: str, known: Any) -> None:
        self._problems.add(
            path, f"unknown_{what}", f"there is no {what} {named!r}; known: {', '.join(known)}"
        )


def _owner(step: Told) -> Told:
    body = _body(step)
    return {"account": body["account"]} if body.get("account") else {}


def _family_of(step: Told) -> Told:
    body = _body(step)
    return {"family": body["family"]} if body.get("family") else {}


def _body(step: Told) -> Told:
    for name, body in step.items():
        if name not in ("say", "expect") and isinstance(body, dict):
            return body
    return {}


def _card(name: str, path: str, problems: Problems) -> None:
    if name not in (*CARDS, NONE):
        known = ", ".join((*CARDS, NONE))
        problems.add(path, "unknown_card", f"there is no test card {name!r}; known: {known}")


def _turnable(wanted: Told, path: str, problems: Problems) -> None:
    for name, value in wanted.items():
        try:
            turn(Switches(), {name: value})
        except ValueError as refused:
            problems.add(f"{path}.{name}", "not_a_switch", str(refused))


def _wearable(wanted: Told, path: str, problems: Problems) -> None:
    try:
        Habits().changed(dict(wanted))
    except ValueError as refused:
        problems.add(path, "not_a_habit", str(refused))
