"""The table of what is carried out: all of it is accepted, and everything beside it is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from mappings import Action, Family, build_catalogue
from mappings.rules import ALLOWANCE_EFFECTS, CREDITS, CYCLES, ON_FAILED_PAYMENT, TIMINGS
from mappings.supported import (
    CLASHES,
    SUPPORTED,
    Move,
    Supported,
    clash,
    is_carried_out,
    needs_a_page,
)

Document = dict[str, Any]
Check = Callable[[Document], list[tuple[str, str]]]
Message = Callable[[Document], str]
RULE = "families.email.rules[0]"

# A condition under which a rule decides this move and no other.
WHEN: dict[Move, Document] = {
    "start": {"direction": "start"},
    "change": {"direction": ["upgrade", "downgrade", "lateral"], "from": "plus", "to": "plus"},
    "to_free": {"direction": "downgrade", "to": "free"},
    "cancel": {"direction": "cancel"},
}
MOVES = tuple(WHEN)


@pytest.fixture
def email(document: Document) -> Document:
    """The small family, selling an allowance; one rule refuses what the tests leave alone."""
    family: Document = document["families"]["email"]
    family["size_is"] = "allowance"
    family["selections"] = {"retain_user": {"limit": "users", "text": "Who stays?"}}
    family["rules"] = [{"id": "otherwise", "route": "not_offered", "reason": "No."}]
    return family


def rule(move: Move, action: Action) -> Document:
    """The action as the document says it, deciding this move alone."""
    when = dict(WHEN[move])
    if move == "change" and action.cycle == "keep":
        # Another interval always restarts the cycle, so these rules leave it alone.
        when["interval_changes"] = False
    if needs_a_page(move, action):
        when["chargeable"] = False
    return {
        "id": "tried",
        "when": when,
        "route": action.route,
        "timing": action.timing,
        "cycle": action.cycle,
        "credit": action.credit,
        "allowance": action.allowance,
        "on_failed_payment": action.on_failed_payment,
        "grace_days": action.grace_days,
        "selections": list(action.selections),
    }


def actions_of(row: Supported) -> Iterator[Action]:
    selections = [(), ("retain_user",)] if row.selections else [()]
    for timing, cycle, credit, allowance, failed, grace, chosen in product(
        row.timing, row.cycle, row.credit, row.allowance, row.on_failed_payment,
        (0, 7) if row.grace else (0,), selections,
    ):  # fmt: skip
        yield Action(
            route=row.route,
            timing=timing,
            cycle=cycle,
            credit=credit,
            allowance=allowance,
            on_failed_payment=failed,
            grace_days=grace,
            selections=chosen,
        )


@pytest.mark.parametrize("row", SUPPORTED, ids=lambda row: row.because[:40])
def test_every_row_is_accepted_in_a_catalogue_as_a_whole_but_for_its_clashes(
    document: Document, email: Document, problems_of: Check, row: Supported
) -> None:
    assert row.because
    family = build_catalogue(_without_selections(document)).family("email")
    accepted = 0
    for move, action in product(row.moves, actions_of(row)):
        email["rules"][0:-1] = [rule(move, action)]
        tried = document if action.selections else _without_selections(document)
        clashes = clash(family, move, action) is not None
        assert problems_of(tried) == [(RULE, "unsupported_combination")] * clashes, (move, action)
        accepted += not clashes
    assert accepted


def _without_selections(document: Document) -> Document:
    bare = copy.deepcopy(document)
    del bare["families"]["email"]["selections"]
    return bare


# The same table once more, said of each move in words of its own and without the code's rows.


def is_start(then: Action) -> bool:
    return (
        then.route == "self_serve"
        and then.timing == "now"
        and then.allowance in ("reset", "carry_over")
        and not (then.allowance == "carry_over" and then.credit == "unused_allowance")
        and then.on_failed_payment == "keep_current"
        and not then.grace_days
        and not then.selections
    )


def is_change(then: Action, *, shares: bool) -> bool:
    if then.route == "cancel_and_resubscribe":
        return (
            then.timing == "now"
            and then.credit in ("time_to_balance", "none")
            and then.allowance == "reset"
            and not then.grace_days
        )
    if then.allowance == "keep" or (then.grace_days and then.on_failed_payment == "free"):
        return False
    if then.credit == "unused_allowance" and then.allowance == "carry_over":
        return False
    if then.timing == "period_end":
        return True
    if then.timing == "now" and then.grace_days:
        return False
    if then.on_failed_payment == "free":
        return False
    if then.cycle == "keep":
        return then.credit == "time" and then.allowance == "reset"
    if then.credit == "time_to_balance":
        return then.allowance == "reset"
    return then.credit in ("time", "none") or (then.credit == "unused_allowance" and not shares)


def is_ending(then: Action) -> bool:
    credits_of_time = then.credit == "time_to_balance" and then.timing in ("now", "caller")
    return (
        then.route == "self_serve"
        and (then.credit == "none" or credits_of_time)
        and then.allowance == "reset"
        and then.on_failed_payment == "keep_current"
        and not then.grace_days
    )


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("move", MOVES)
def test_every_neighbour_of_a_row_is_refused(document: Document, move: Move, shares: bool) -> None:
    family = replace(build_catalogue(document).family("email"), share_subscription=shares)
    tried = 0
    for action in every_action():
        expected = {
            "start": is_start(action),
            "change": is_change(action, shares=shares),
            "to_free": is_ending(action),
            "cancel": is_ending(action),
        }
        assert is_carried_out(family, move, action) is expected[move], action
        tried += 1
    assert tried == 2 * 3 * 2 * 4 * 3 * 2 * 2 * 2


def every_action() -> Iterator[Action]:
    for route, timing, cycle, credit, allowance, failed, grace, selections in product(
        ("self_serve", "cancel_and_resubscribe"), TIMINGS, CYCLES, CREDITS, ALLOWANCE_EFFECTS,
        ON_FAILED_PAYMENT, (0, 7), ((), ("retain_user",)),
    ):  # fmt: skip
        yield Action(
            route=route,
            timing=timing,
            cycle=cycle,
            credit=credit,
            allowance=allowance,
            on_failed_payment=failed,
            grace_days=grace,
            selections=selections,
        )


@pytest.mark.parametrize(
    ("action", "shares", "hint"),
    [
        (Action(cycle="restart", credit="unused_allowance", allowance="carry_over"), False,
         "would give them twice"),
        (Action(cycle="restart", credit="unused_allowance"), True, "share_subscription = true"),
        (Action(timing="caller", cycle="restart", credit="unused_allowance"), True,
         "share_subscription = true"),
        (Action(credit="time", allowance="carry_over"), False, "paid for in part"),
        (Action(timing="caller", credit="time", allowance="carry_over"), False,
         "paid for in part"),
        (Action(cycle="restart", credit="time", grace_days=7), False, "leaves everything as it"),
        (Action(timing="period_end", on_failed_payment="free", grace_days=7), False,
         "on_failed_payment keep_current"),
    ],
)  # fmt: skip
def test_two_settings_that_clash_are_refused_with_the_reason(
    document: Document,
    email: Document,
    message_of: Message,
    action: Action,
    shares: bool,
    hint: str,
) -> None:
    email["share_subscription"] = shares
    email["rules"].insert(0, rule("change", action))
    message = message_of(_without_selections(document))
    assert message.startswith("rule 'tried' cannot be carried out on a change between paid plans: ")
    assert hint in message


def test_every_clash_is_met_by_some_action_that_a_row_covers(document: Document) -> None:
    """Otherwise it would explain nothing."""
    family = replace(build_catalogue(document).family("email"), share_subscription=True)
    for each in CLASHES:
        found = [a for a in every_action() if a.route == "self_serve" and _found(each, family, a)]
        assert found


def _found(each: Any, family: Family, action: Action) -> bool:
    return bool(each.found(family, "change", action))


def test_units_cannot_be_credited_or_carried_where_there_are_none(
    document: Document, email: Document, problems_of: Check
) -> None:
    email["size_is"] = "limit"
    for action in (
        Action(cycle="restart", credit="unused_allowance"),
        Action(cycle="restart", credit="time", allowance="carry_over"),
    ):
        email["rules"][0:-1] = [rule("change", action)]
        assert (RULE, "action_never_runs") in problems_of(_without_selections(document))


def test_what_is_paid_at_a_page_is_for_those_who_cannot_be_charged(
    document: Document, email: Document, message_of: Message
) -> None:
    """Row 3.4."""
    action = Action(cycle="restart", credit="time_to_balance")
    email["rules"].insert(0, {**rule("change", action), "when": WHEN["change"]})
    assert "say when = { chargeable = false }" in message_of(_without_selections(document))


def test_cancelling_and_resubscribing_is_for_two_paid_plans(
    document: Document, email: Document, problems_of: Check
) -> None:
    """Row 1.6; its new subscription starts a cycle whatever the interval, so `cycle` is free."""
    action = Action(route="cancel_and_resubscribe", credit="time_to_balance")
    email["rules"].insert(0, {**rule("change", action), "when": WHEN["change"]})
    assert problems_of(_without_selections(document)) == []
    email["rules"][0]["when"] = WHEN["to_free"]
    assert (RULE, "action_never_runs") in problems_of(_without_selections(document))
