"""The built-in catalogue `operations`: what its rules decide, and that it is fit to be sold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mappings import (
    Catalogue,
    CatalogueError,
    Facts,
    Money,
    decide,
    describe,
    load_catalogue,
    required_selections,
)


@pytest.mark.parametrize(
    ("current", "target", "rule", "timing", "cycle", "credit", "acknowledge"),
    [
        (None, "core", "upgrade", "now", "restart", "unused_allowance", False),
        ("free", "enterprise", "upgrade", "now", "restart", "unused_allowance", False),
        ("core", "pro", "upgrade", "now", "restart", "unused_allowance", False),
        ("pro", "core", "downgrade", "now", "restart", "none", True),
        ("teams", "core", "downgrade", "now", "restart", "none", True),
        ("pro", "free", "to-free", "period_end", "keep", "none", True),
        ("enterprise", "free", "to-free", "period_end", "keep", "none", True),
        ("pro", None, "cancel", "caller", "keep", "time_to_balance", True),
    ],
)
@pytest.mark.parametrize("facts", [Facts(True), Facts(False), Facts(True, trialing=True)])
def test_row_5_2_what_the_rules_say(
    operations: Catalogue,
    current: str | None,
    target: str | None,
    rule: str,
    timing: str,
    cycle: str,
    credit: str,
    acknowledge: bool,
    facts: Facts,
) -> None:
    held, wanted = (
        operations.offer("operations", plan, "40k", "month", "eur") if plan else None
        for plan in (current, target)
    )
    decision = decide(operations, held, wanted, facts)
    assert (decision.route, decision.rule, decision.timing) == ("self_serve", rule, timing)
    assert (decision.cycle, decision.credit) == (cycle, credit)
    assert decision.acknowledge is acknowledge
    assert decision.on_failed_payment == "keep_current"


@pytest.mark.parametrize(
    ("current", "target"), [("core", "core"), ("free", "free"), ("free", None)]
)
def test_what_is_held_already_is_not_offered_again(
    operations: Catalogue, current: str, target: str | None
) -> None:
    held, wanted = (
        operations.offer("operations", plan, "40k", "month", "eur") if plan else None
        for plan in (current, target)
    )
    decision = decide(operations, held, wanted, Facts(True))
    assert (decision.route, decision.rule) == ("not_offered", "unchanged")
    assert decision.reason
    assert decision.remedy


def test_row_5_3_has_the_price_and_size_of_the_worked_case(operations: Catalogue) -> None:
    offer = operations.offer("operations", "core", "150k", "month", "usd")
    assert operations.price_of(offer) == Money(11385, "usd")
    allowance = operations.allowance_of(offer)
    assert allowance is not None
    assert allowance.units == 150_000


def test_paid_plans_have_at_least_six_tiers_in_both_intervals(operations: Catalogue) -> None:
    plans = operations.family("operations").plans
    assert list(plans) == ["free", "core", "pro", "teams", "enterprise"]
    for plan in plans.values():
        if not plan.is_free:
            assert plan.self_serve
            assert len(plan.tiers) >= 6
            assert all(tier.intervals == ("month", "year") for tier in plan.tiers.values())


@pytest.mark.parametrize(
    ("current", "target", "allowance", "selections"),
    [
        ("pro", "core", "carry_over", ()),
        ("teams", "core", "carry_over", ("retain_team",)),
        ("enterprise", "teams", "carry_over", ("retain_team",)),
        ("core", "free", "reset", ()),
        ("teams", "free", "reset", ("retain_team",)),
    ],
)
def test_row_5_5_and_5_8_what_goes_along_on_the_way_down_and_what_is_chosen(
    operations: Catalogue,
    current: str,
    target: str,
    allowance: str,
    selections: tuple[str, ...],
) -> None:
    held, wanted = (
        operations.offer("operations", plan, "40k", "month", "usd") for plan in (current, target)
    )
    decision = decide(operations, held, wanted, Facts(True))
    asked = required_selections(operations, decision, held, wanted, {})
    assert (decision.allowance, tuple(one.id for one in asked)) == (allowance, selections)


def test_the_description_is_plain_json_with_everything_a_caller_may_choose(
    operations: Catalogue,
) -> None:
    plain = json.loads(json.dumps(describe(operations)))
    assert plain == describe(operations)
    (family,) = plain["families"]
    assert family["selections"] == [
        {
            "id": "retain_team",
            "limit": "teams",
            "text": "The new plan has room for fewer teams than there are. Which team is kept?",
        }
    ]
    core = family["plans"][1]
    assert core["limits"]["active_scenarios"] is None
    month, year = core["tiers"][4]["intervals"]
    assert month["prices"][0] == {"amount": 11385, "currency": "usd", "text": "113.85 USD"}
    assert (year["size"], year["allowance"]) == (
        1_800_000,
        {"units": 150_000, "reset": "month"},
    )
    free = family["plans"][0]["tiers"][0]["intervals"]
    assert free == [
        {
            "interval": None,
            "size": 1000,
            "allowance": {"units": 1000, "reset": "month"},
            "prices": [],
        }
    ]
    refusal = family["rules"][-1]
    assert refusal["when"] == {"direction": ["same"]}
    assert set(refusal["then"]) == {"route", "reason", "remedy"}


def test_an_unknown_name_lists_the_built_in_ones(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"built-in catalogues are: .*operations") as caught:
        load_catalogue("operatons")
    assert [problem.code for problem in caught.value.problems] == ["not_found"]


@pytest.mark.parametrize(
    ("content", "code", "hint"),
    [
        (b'name = "A"\ntenant = = "a"\n', "invalid_toml", "line 2"),
        (b'name = "\xff"', "invalid_toml", "not UTF-8"),
        (b"[families.a]\n[families.a]\n", "invalid_toml", "line 2"),
    ],
)
def test_a_file_that_is_not_toml_is_one_problem_with_its_place(
    tmp_path: Path, content: bytes, code: str, hint: str
) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(CatalogueError, match=hint) as caught:
        load_catalogue(path)
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == (str(path), code)


def test_a_folder_is_not_a_catalogue(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(tmp_path)
    assert caught.value.problems[0].code == "not_readable"
