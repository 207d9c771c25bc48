"""Rules are walked: gaps, dead rules and actions that are not carried out are found by trying."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mappings import Catalogue, CatalogueError, Facts, build_catalogue, decide
from mappings.decision import situation_of
from mappings.rules import (
    CREDITS,
    CYCLES,
    DIRECTION_KINDS,
    ON_FAILED_PAYMENT,
    REFUSALS,
    ROUTES,
    TIMINGS,
)
from mappings.supported import is_carried_out, move_of

Document = dict[str, Any]
Check = Callable[[Document], list[tuple[str, str]]]
Message = Callable[[Document], str]
RULES = "families.email.rules"
UP, TO_FREE, DOWN, CANCEL, SAME = range(5)


def test_a_gap_for_cancellations_is_named(
    document: Document, email: Document, message_of: Message
) -> None:
    del email["rules"][CANCEL]
    assert message_of(document) == (
        "no rule covers all cancellations; none matches: cancel from plus to nothing, chargeable "
        "and 3 more cases"
    )


def test_a_gap_for_changes_is_named(
    document: Document, email: Document, message_of: Message
) -> None:
    email["rules"][DOWN]["when"]["chargeable"] = True
    message = message_of(document)
    assert message.startswith("no rule covers all changes; none matches: downgrade from plus")
    assert "not chargeable" in message


def test_no_rules_at_all_leave_both_gaps(
    document: Document, email: Document, problems_of: Check
) -> None:
    email["rules"] = []
    assert problems_of(document) == [(RULES, "no_catch_all"), (RULES, "no_catch_all")]


def test_a_rule_behind_a_wider_one_never_decides(
    document: Document, email: Document, message_of: Message
) -> None:
    email["rules"].insert(
        DOWN + 1,
        {"id": "yearly-down", "when": {"direction": "downgrade", "to": "plus"}, "timing": "now"},
    )
    assert message_of(document) == (
        "rule 'yearly-down' never decides: 'down' before it takes every case of it"
    )


def test_several_rules_together_can_shadow_one(
    document: Document, email: Document, message_of: Message
) -> None:
    plus = {"route": "not_offered", "reason": "No."}
    email["rules"][DOWN : DOWN + 1] = [
        {"id": "a", "when": {"direction": "downgrade", "chargeable": True}, **plus},
        {"id": "b", "when": {"direction": "downgrade", "chargeable": False}, **plus},
        {"id": "c", "when": {"direction": "downgrade", "trialing": True}, **plus},
    ]
    assert message_of(document) == (
        "rule 'c' never decides: 'to-free', 'a', 'b' before it takes every case of it"
    )


@pytest.mark.parametrize(
    "when",
    [
        {"direction": "lateral", "interval_changes": False},  # size alone decides here
        {"direction": "cancel", "to": "plus"},  # a cancellation goes to no plan
        {"direction": "start", "trialing": True},  # nothing is on trial yet
        {"direction": "upgrade", "to": "free"},
    ],
)
def test_a_condition_that_no_change_meets_is_refused(
    document: Document, email: Document, problems_of: Check, when: Document
) -> None:
    rule = {"id": "never", "when": when, "route": "not_offered", "reason": "No."}
    email["rules"].insert(0, rule)
    assert problems_of(document) == [(f"{RULES}[0]", "rule_never_matches")]


@pytest.mark.parametrize(
    ("rule", "change", "path", "code"),
    [
        (UP, {"timing": "period_end"}, "[0]", "unsupported_combination"),
        (UP, {"timing": "caller"}, "[0]", "unsupported_combination"),
        (UP, {"cycle": "keep"}, "[0]", "unsupported_combination"),  # the interval may change
        (UP, {"credit": "time_to_balance"}, "[0]", "unsupported_combination"),
        (UP, {"selections": ["retain_team"]}, "[0].selections", "unknown_selection"),
        (UP, {"grace_days": 3}, "[0]", "unsupported_combination"),
        (UP, {"on_failed_payment": "free"}, "[0]", "unsupported_combination"),
        (DOWN, {"timing": "caller", "on_failed_payment": "free"}, "[2]", "unsupported_combination"),
        (DOWN, {"cycle": "keep"}, "[2]", "unsupported_combination"),
        (
            DOWN,
            {"route": "cancel_and_resubscribe", "timing": "period_end"},
            "[2]",
            "unsupported_combination",
        ),
        (TO_FREE, {"timing": "caller", "grace_days": 3}, "[1]", "unsupported_combination"),
        (TO_FREE, {"credit": "time_to_balance"}, "[1]", "unsupported_combination"),
        (CANCEL, {"credit": "time"}, "[3]", "unsupported_combination"),
        (CANCEL, {"route": "cancel_and_resubscribe"}, "[3]", "action_never_runs"),
        (UP, {"credit": "unused_allowance"}, "[0]", "action_never_runs"),
        (DOWN, {"allowance": "carry_over"}, "[2]", "action_never_runs"),
        (UP, {"timing": "soon"}, "[0].timing", "invalid_value"),
        (UP, {"reason": "Because."}, "[0].reason", "setting_without_effect"),
        (SAME, {"timing": "now"}, "[4].timing", "setting_without_effect"),
        (SAME, {"id": "up"}, "[4].id", "duplicate_id"),
        (SAME, {"id": "currency-is-fixed"}, "[4].id", "reserved_id"),
        (SAME, {"when": {"from": "gold", "direction": "same"}}, "[4].when.from", "unknown_plan"),
        (SAME, {"when": {"dir": "same"}}, "[4].when.dir", "unknown_key"),
        (SAME, {"when": {"direction": "sideways"}}, "[4].when.direction", "invalid_value"),
        (SAME, {"when": {"to": []}}, "[4].when.to", "invalid_value"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_at_its_path(
    document: Document,
    email: Document,
    problems_of: Check,
    rule: int,
    change: Document,
    path: str,
    code: str,
) -> None:
    email["rules"][rule].update(change)
    assert (f"{RULES}{path}", code) in problems_of(document)


@pytest.mark.parametrize(("rule", "needed"), [(UP, "timing"), (SAME, "reason")])
def test_an_action_says_when_and_a_refusal_says_why(
    document: Document, email: Document, problems_of: Check, rule: int, needed: str
) -> None:
    del email["rules"][rule][needed]
    assert problems_of(document) == [(f"{RULES}[{rule}].{needed}", "missing_key")]


def test_the_message_says_what_is_carried_out_instead(
    document: Document, email: Document, message_of: Message
) -> None:
    email["rules"][TO_FREE]["credit"] = "time"
    message = message_of(document)
    assert "on a move to the free plan, which is not carried out" in message
    assert "timing period_end" in message


def test_without_an_interval_change_the_cycle_may_be_kept(
    document: Document, email: Document, problems_of: Check
) -> None:
    keep = {"id": "same-interval", "timing": "now", "cycle": "keep", "credit": "time"}
    when = {"direction": "upgrade", "interval_changes": False}
    email["rules"].insert(0, {**keep, "when": when})
    assert problems_of(document) == []


def test_acting_on_what_is_held_already_is_refused(
    document: Document, email: Document, problems_of: Check
) -> None:
    del email["rules"][SAME]
    email["rules"].append({"id": "rest", "timing": "now", "cycle": "restart"})
    assert problems_of(document) == [(f"{RULES}[4]", "action_never_runs")]


def test_a_sales_only_plan_needs_a_rule_that_says_so(
    document: Document, email: Document, problems_of: Check
) -> None:
    email["plans"]["enterprise"] = {
        "name": "Enterprise",
        "rank": 9,
        "self_serve": False,
        "limits": {"users": "unlimited"},
        "tiers": [{"id": "custom", "size": 100_000}],
    }
    assert (f"{RULES}[0]", "sales_only") in problems_of(document)
    email["rules"].insert(
        0,
        {
            "id": "enterprise",
            "when": {"direction": ["upgrade", "downgrade", "lateral"], "to": "enterprise"},
            "route": "contact_sales",
            "reason": "Enterprise is agreed in person.",
        },
    )
    assert problems_of(document) == []

    catalogue = build_catalogue(document)
    custom = catalogue.offer("email", "enterprise", "custom", "year", "usd")
    assert custom not in list(catalogue.priced_offers())
    assert decide(catalogue, None, custom, Facts(True)).route == "contact_sales"


def test_fewer_of_a_sales_only_plan_is_a_matter_of_sales_too(
    document: Document, email: Document, problems_of: Check
) -> None:
    email["plans"]["enterprise"] = {
        "name": "Enterprise",
        "rank": 9,
        "self_serve": False,
        "limits": {"users": "unlimited"},
        "tiers": [{"id": "custom", "size": 100_000}],
    }
    when = {"direction": ["upgrade", "lateral"], "to": "enterprise"}
    rule = {"id": "enterprise", "when": when, "route": "contact_sales", "reason": "By agreement."}
    email["rules"].insert(0, rule)
    assert problems_of(document) == [(f"{RULES}[{DOWN + 1}]", "sales_only")]


def test_a_family_of_one_offer_still_has_changes_of_quantity_to_decide(
    document: Document, email: Document, message_of: Message
) -> None:
    (tier, *_) = email["plans"]["plus"]["tiers"]
    email["plans"]["plus"]["tiers"] = [{**tier, "prices": {"month": tier["prices"]["month"]}}]
    email["rules"][UP]["when"] = {"direction": "upgrade"}
    del email["rules"][DOWN]
    assert message_of(document).startswith(
        "no rule covers all changes; none matches: downgrade from plus to plus, chargeable"
    )


def test_a_family_without_a_free_plan_cannot_fall_to_it(
    document: Document, email: Document, problems_of: Check
) -> None:
    del email["plans"]["free"]
    del email["rules"][TO_FREE]
    assert problems_of(document) == []
    email["rules"][UP]["on_failed_payment"] = "free"
    assert (f"{RULES}[0]", "action_never_runs") in problems_of(document)


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "direction": st.lists(st.sampled_from(DIRECTION_KINDS), min_size=1, unique=True),
        "from": st.sampled_from(["free", "plus"]),
        "to": st.sampled_from(["free", "plus"]),
        "interval_changes": st.booleans(),
        "chargeable": st.booleans(),
        "trialing": st.booleans(),
    },
)
ACTIONS = st.sampled_from(ROUTES).flatmap(
    lambda route: st.fixed_dictionaries(
        {"route": st.just(route), "reason": st.just("Because.")}
        if route in ("not_offered", "contact_sales")
        else {
            "route": st.just(route),
            "timing": st.sampled_from(TIMINGS),
            "cycle": st.sampled_from(CYCLES),
            "credit": st.sampled_from(CREDITS),
            "on_failed_payment": st.sampled_from(ON_FAILED_PAYMENT),
            "grace_days": st.sampled_from([0, 7]),
        }
    )
)


@settings(deadline=None)
@given(rules=st.lists(st.tuples(CONDITIONS, ACTIONS), max_size=6))
def test_whatever_passes_the_check_decides_every_change(
    small: Document, rules: list[tuple[Document, Document]]
) -> None:
    document = copy.deepcopy(small)
    email = document["families"]["email"]
    drawn = [{"id": f"r{i}", "when": when, **action} for i, (when, action) in enumerate(rules)]
    email["rules"] = [*drawn, *email["rules"]]
    catalogue = None
    while catalogue is None:
        catalogue = built_or_corrected(document, email["rules"])
    kept = catalogue.family("email").rules
    event(f"{sum(rule.id.startswith('r') for rule in kept)} drawn rules kept")
    decides_everything(catalogue)


def built_or_corrected(document: Document, rules: list[Document]) -> Catalogue | None:
    """The catalogue, or None after removing the rules found at fault.

    Rules behind them were dead only as long as they stood, so those go last.
    """
    try:
        return build_catalogue(document)
    except CatalogueError as error:
        problems = error.problems
    dead = [p for p in problems if p.code == "rule_never_matches"]
    at_fault = [p for p in problems if p not in dead] or dead
    places = {int(p.path.removeprefix(f"{RULES}[").partition("]")[0]) for p in at_fault}
    rules[:] = [rule for index, rule in enumerate(rules) if index not in places]
    return None


def decides_everything(catalogue: Catalogue) -> None:
    """Every change has a decision, and whatever is to be done about it is carried out."""
    family = catalogue.family("email")
    held = [None, *family.offers(catalogue.currencies[:1])]
    flags, quantities = (True, False), ((1, 1), (1, 3), (3, 1))
    for current, target, chargeable, trialing, (before, after) in product(
        held, held, flags, flags, quantities
    ):
        trial = trialing and current is not None and not current.is_free
        facts = Facts(chargeable, trial, before, after)
        decision = decide(catalogue, current, target, facts)
        if decision.route not in REFUSALS:
            seen = situation_of(family, decision.direction, current, target, facts)
            assert is_carried_out(family, move_of(family, seen), decision)
            starts_anew = decision.cycle == "restart" or decision.route == "cancel_and_resubscribe"
            assert starts_anew or not seen.interval_changes
