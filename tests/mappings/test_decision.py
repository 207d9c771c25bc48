"""Decisions: the first rule that matches, why it did, and what is stored of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import (
    Action,
    Catalogue,
    Decision,
    Direction,
    Facts,
    NoRuleMatches,
    Rule,
    When,
    build_catalogue,
    decide,
    decision_to_dict,
    load_catalogue,
)
from mappings.rules import (
    ALLOWANCE_EFFECTS,
    CREDITS,
    CYCLES,
    DIRECTION_KINDS,
    ON_FAILED_PAYMENT,
    ROUTES,
    TIMINGS,
)

CHARGEABLE = Facts(chargeable=True)
OPERATIONS = load_catalogue("operations")


def with_rules(catalogue: Catalogue, *rules: Rule) -> Catalogue:
    """The catalogue under other rules, unchecked, to see what they decide before being carried
    out."""
    family = next(iter(catalogue.families.values()))
    return replace(catalogue, families={family.id: replace(family, rules=rules)})


def test_the_first_rule_that_matches_decides(document: dict[str, Any]) -> None:
    catalogue = with_rules(
        build_catalogue(document),
        Rule("big-step", When(directions=("upgrade",), to_plans=("plus",)), Action(credit="none")),
        Rule("any-step", When(directions=("upgrade",)), Action(credit="time")),
    )
    small = catalogue.offer("email", "plus", "1k", "month", "usd")
    large = catalogue.offer("email", "plus", "5k", "month", "usd")
    decision = decide(catalogue, small, large, CHARGEABLE)
    assert (decision.rule, decision.credit) == ("big-step", "none")
    assert decision.why == (
        "5,000 contacts is more than 1,000, so this is an upgrade; rule 'big-step' applies."
    )


def test_row_3_2_and_3_4_chargeable_customers_are_scheduled_others_pay_now(
    document: dict[str, Any],
) -> None:
    down = When(directions=("downgrade",))
    catalogue = with_rules(
        build_catalogue(document),
        Rule(
            "scheduled",
            When(directions=("downgrade",), chargeable=True),
            Action(timing="period_end", on_failed_payment="keep_current", grace_days=7),
        ),
        Rule("paid-now", down, Action(timing="now", cycle="restart", credit="time_to_balance")),
    )
    current = catalogue.offer("email", "plus", "2k", "month", "usd")
    target = catalogue.offer("email", "plus", "1k", "year", "usd")
    scheduled = decide(catalogue, current, target, Facts(chargeable=True))
    paid_now = decide(catalogue, current, target, Facts(chargeable=False))
    assert (scheduled.timing, scheduled.grace_days) == ("period_end", 7)
    assert (paid_now.timing, paid_now.credit) == ("now", "time_to_balance")


def test_row_1_1_and_4_4_refusals_carry_their_reason_and_the_way_out(
    document: dict[str, Any],
) -> None:
    catalogue = with_rules(
        build_catalogue(document),
        Rule(
            "cancel-first",
            When(directions=("downgrade",)),
            Action(route="not_offered", reason="Not directly.", remedy="Cancel, then start."),
        ),
    )
    current = catalogue.offer("email", "plus", "2k", "month", "usd")
    target = catalogue.offer("email", "plus", "1k", "month", "usd")
    decision = decide(catalogue, current, target, CHARGEABLE)
    assert decision.route == "not_offered"
    assert (decision.reason, decision.remedy) == ("Not directly.", "Cancel, then start.")


def test_conditions_are_met_one_by_one(document: dict[str, Any]) -> None:
    catalogue = build_catalogue(document)
    month = catalogue.offer("email", "plus", "1k", "month", "usd")
    year = catalogue.offer("email", "plus", "1k", "year", "usd")
    conditions = {
        "interval": When(interval_changes=True),
        "trial": When(trialing=True),
        "unchargeable": When(chargeable=False),
        "from-free": When(from_plans=("free",)),
        "otherwise": When(),
    }
    rules = [Rule(name, when, Action()) for name, when in conditions.items()]
    catalogue = with_rules(catalogue, *rules)

    def rule(current: Any, target: Any, *, chargeable: bool = True, trialing: bool = False) -> str:
        return decide(catalogue, current, target, Facts(chargeable, trialing)).rule

    assert rule(month, year) == "interval"
    assert rule(month, None, trialing=True) == "trial"
    assert rule(month, None, chargeable=False) == "unchargeable"
    assert rule(catalogue.free_offer("email"), month) == "from-free"
    assert rule(None, month) == "from-free"  # who holds nothing counts as on the free plan
    assert rule(month, None) == "otherwise"


def test_another_currency_is_refused_whatever_the_rules_say() -> None:
    dollars = OPERATIONS.offer("operations", "core", "10k", "month", "usd")
    euros = OPERATIONS.offer("operations", "teams", "10k", "year", "eur")
    decision = decide(OPERATIONS, dollars, euros, CHARGEABLE)
    assert (decision.route, decision.rule) == ("not_offered", "currency-is-fixed")
    assert decision.remedy == "Choose a price in USD, or cancel and start again in EUR."


def test_a_change_of_quantity_is_decided_by_the_rules_of_its_direction() -> None:
    core = OPERATIONS.offer("operations", "core", "10k", "month", "usd")
    more = decide(OPERATIONS, core, core, Facts(True, quantity_before=2, quantity_after=5))
    fewer = decide(OPERATIONS, core, core, Facts(True, quantity_before=5, quantity_after=2))
    equal = decide(OPERATIONS, core, core, Facts(True, quantity_before=5, quantity_after=5))
    assert (more.rule, fewer.rule, equal.rule) == ("upgrade", "downgrade", "unchanged")
    assert fewer.why == (
        "2 of Core is fewer than 5, so this is a downgrade; rule 'downgrade' applies."
    )


def test_nothing_to_nothing_is_answered_too() -> None:
    decision = decide(OPERATIONS, None, None, CHARGEABLE)
    assert (decision.route, decision.direction.kind) == ("not_offered", "same")


def test_without_a_rule_the_gap_is_named_not_guessed_over() -> None:
    bare = with_rules(OPERATIONS)
    core = OPERATIONS.offer("operations", "core", "10k", "month", "usd")
    with pytest.raises(NoRuleMatches, match="start from free to core, chargeable"):
        decide(bare, None, core, CHARGEABLE)


HELD = [None, *OPERATIONS.offers()]


FACTS = st.builds(
    Facts,
    st.booleans(),
    st.booleans(),
    quantity_before=st.integers(1, 9),
    quantity_after=st.integers(1, 9),
)


@given(st.sampled_from(HELD), st.sampled_from(HELD), FACTS)
def test_decide_is_total_on_a_checked_catalogue(current: Any, target: Any, facts: Facts) -> None:
    decision = decide(OPERATIONS, current, target, facts)
    assert decision.why


TEXTS = st.text(max_size=20)
DECISIONS = st.builds(
    Decision,
    rule=TEXTS,
    why=TEXTS,
    direction=st.builds(
        Direction, kind=st.sampled_from(DIRECTION_KINDS), decided_by=TEXTS, why=TEXTS
    ),
    route=st.sampled_from(ROUTES),
    reason=st.none() | TEXTS,
    remedy=st.none() | TEXTS,
    timing=st.sampled_from(TIMINGS),
    cycle=st.sampled_from(CYCLES),
    credit=st.sampled_from(CREDITS),
    allowance=st.sampled_from(ALLOWANCE_EFFECTS),
    on_failed_payment=st.sampled_from(ON_FAILED_PAYMENT),
    grace_days=st.integers(0, 90),
    acknowledge=st.booleans(),
    selections=st.lists(TEXTS).map(tuple),
)


@given(DECISIONS)
def test_any_decision_survives_being_stored_as_json(decision: Decision) -> None:
    stored = json.loads(json.dumps(decision_to_dict(decision)))
    told = {**stored, "direction": Direction(**stored["direction"])}
    assert Decision(**{**told, "selections": tuple(stored["selections"])}) == decision
