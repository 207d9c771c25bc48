"""Selections: declared with the limit they are about, and asked for only where it falls short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import (
    Catalogue,
    Facts,
    Offer,
    Selection,
    build_catalogue,
    decide,
    load_catalogue,
    required_selections,
)

Document = dict[str, Any]
Check = Callable[[Document], list[tuple[str, str]]]
EMAIL = "families.email"
OPERATIONS = load_catalogue("operations")
DOWN = 2


@pytest.fixture
def email(document: Document) -> Document:
    """The small family, whose downgrades ask which user stays."""
    family: Document = document["families"]["email"]
    family["selections"] = {"retain_user": {"limit": "users", "text": "Who stays?"}}
    family["rules"][DOWN]["selections"] = ["retain_user"]
    return family


def test_a_selection_is_declared_with_its_limit_and_its_question(
    document: Document, email: Document
) -> None:
    family = build_catalogue(document).family("email")
    assert family.selections == {"retain_user": Selection("retain_user", "users", "Who stays?")}


@pytest.mark.parametrize(
    ("declared", "path", "code"),
    [
        ({}, "rules[2].selections", "unknown_selection"),
        ({"retain_team": {"limit": "users", "text": "Which?"}}, "rules[2].selections",
         "unknown_selection"),
        ({"retain_user": {"limit": "seats", "text": "Who?"}}, "selections.retain_user.limit",
         "unknown_limit"),
        ({"retain_user": {"text": "Who?"}}, "selections.retain_user.limit", "missing_key"),
        ({"retain_user": {"limit": "users"}}, "selections.retain_user.text", "missing_key"),
        ({"retain_user": {"limit": "users", "text": " "}}, "selections.retain_user.text",
         "invalid_value"),
        ({"retain_user": {"limit": "users", "text": "Who?", "min": 1}},
         "selections.retain_user.min", "unknown_key"),
        ({"Retain User": {"limit": "users", "text": "Who?"}}, "selections.Retain User",
         "invalid_value"),
        ({"retain_user": {"limit": "users", "text": "Who?"},
          "retain_team": {"limit": "users", "text": "Which?"}}, "selections.retain_team",
         "setting_without_effect"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_at_its_path(
    document: Document,
    email: Document,
    problems_of: Check,
    declared: Document,
    path: str,
    code: str,
) -> None:
    email["selections"] = declared
    assert (f"{EMAIL}.{path}", code) in problems_of(document)


def offer(text: str) -> Offer | None:
    """ "teams 40k" as an offer by the month; "free" as the free one; "" as none."""
    if text in ("", "free"):
        return OPERATIONS.free_offer("operations") if text else None
    plan, tier = text.split()
    return OPERATIONS.offer("operations", plan, tier, "month", "usd")


def asked(current: str, target: str, **in_use: int) -> list[str]:
    held, wanted = offer(current), offer(target)
    decision = decide(OPERATIONS, held, wanted, Facts(chargeable=True))
    needed = required_selections(OPERATIONS, decision, held, wanted, in_use)
    return [selection.id for selection in needed]


@pytest.mark.parametrize(
    ("current", "target", "in_use", "needed"),
    [
        # Teams has room for 5, Enterprise for any number, the others for 1.
        ("teams 40k", "pro 40k", {}, True),
        ("teams 40k", "pro 40k", {"teams": 5}, True),
        ("teams 40k", "pro 40k", {"teams": 2}, True),
        ("teams 40k", "pro 40k", {"teams": 1}, False),
        ("teams 40k", "pro 40k", {"teams": 0}, False),
        ("teams 40k", "pro 40k", {"users": 50}, True),  # nothing is said of teams
        ("teams 40k", "teams 10k", {}, False),
        ("teams 40k", "teams 10k", {"teams": 6}, True),  # more than the old plan allows
        ("teams 40k", "free", {}, True),
        ("teams 40k", "free", {"teams": 1}, False),
        ("enterprise 40k", "teams 40k", {}, True),  # any number is more than 5
        ("enterprise 40k", "teams 40k", {"teams": 5}, False),
        ("enterprise 40k", "teams 40k", {"teams": 6}, True),
        ("enterprise 40k", "enterprise 10k", {}, False),
        ("enterprise 40k", "enterprise 10k", {"teams": 999}, False),
    ],
)
def test_row_5_8_the_team_is_named_where_the_new_plan_has_room_for_fewer(
    current: str, target: str, in_use: dict[str, int], needed: bool
) -> None:
    assert asked(current, target, **in_use) == ["retain_team"] * needed


def test_what_the_rule_does_not_name_is_not_asked() -> None:
    assert asked("pro 40k", "teams 40k", teams=99) == []
    assert asked("", "", teams=99) == []


def cancelled(catalogue: Catalogue, **in_use: int) -> tuple[Selection, ...]:
    held = catalogue.offer("operations", "teams", "40k", "month", "usd")
    decision = decide(catalogue, held, None, Facts(chargeable=True))
    asking = replace(decision, selections=("retain_team",))
    return required_selections(catalogue, asking, held, None, in_use)


def changed(catalogue: Catalogue, free_teams: int | None) -> Catalogue:
    """The catalogue with another limit on Free, or without Free."""
    family = catalogue.family("operations")
    plans = dict(family.plans)
    if free_teams is None:
        del plans["free"]
    else:
        plans["free"] = replace(plans["free"], limits={"teams": free_teams})
    return replace(catalogue, families={"operations": replace(family, plans=plans)})


def test_a_cancellation_leads_to_the_free_plan() -> None:
    (needed,) = cancelled(OPERATIONS)
    assert needed == OPERATIONS.family("operations").selections["retain_team"]
    assert cancelled(OPERATIONS, teams=1) == ()


def test_where_nothing_is_kept_nothing_is_chosen() -> None:
    assert cancelled(changed(OPERATIONS, free_teams=0)) == ()
    assert cancelled(changed(OPERATIONS, free_teams=None)) == ()


def test_a_stored_decision_may_name_what_is_asked_no_longer() -> None:
    held, wanted = offer("teams 40k"), offer("pro 40k")
    decision = decide(OPERATIONS, held, wanted, Facts(chargeable=True))
    older = replace(decision, selections=("retain_folder", "retain_team"))
    needed = required_selections(OPERATIONS, older, held, wanted, {})
    assert [selection.id for selection in needed] == ["retain_team"]


HELD = [None, *(o for o in OPERATIONS.offers() if o.currency in (None, "usd"))]


@given(st.sampled_from(HELD), st.sampled_from(HELD), st.integers(0, 9), st.integers(0, 9))
def test_the_more_is_in_use_the_more_is_asked(
    current: Offer | None, target: Offer | None, some: int, others: int
) -> None:
    """Total on every change, a subset of what the rule names, and monotonic in what is used."""
    decision = decide(OPERATIONS, current, target, Facts(chargeable=True))
    few, many = sorted((some, others))
    of_few, of_many = (
        required_selections(OPERATIONS, decision, current, target, {"teams": used})
        for used in (few, many)
    )
    assert set(of_few) <= set(of_many)
    assert {selection.id for selection in of_many} <= set(decision.selections)
