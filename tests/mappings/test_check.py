"""A wrong catalogue is refused: each thing at its path, and everything at once."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mappings
from mappings import CatalogueError, build_catalogue

Document = dict[str, Any]
Check = Callable[[Document], list[tuple[str, str]]]
PLUS = "families.email.plans.plus"
FREE = "families.email.plans.free"


def test_the_small_catalogue_is_sound(document: Document, problems_of: Check) -> None:
    assert problems_of(document) == []


def put(document: Document, path: str, value: object) -> None:
    """Set a value by path, such as `families.email.plans.plus.tiers.2.size`."""
    *way, last = path.split(".")
    node: Any = document
    for step in way:
        node = node[int(step) if step.isdigit() and isinstance(node, list) else step]
    if value is REMOVED:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else last] = value


REMOVED = object()
MONTH = f"{PLUS}.tiers.2.prices.month"


@pytest.mark.parametrize(
    ("path", "value", "expected_path", "code"),
    [
        # shape
        ("colour", "red", "colour", "unknown_key"),
        ("tenant", REMOVED, "tenant", "missing_key"),
        ("tenant", "No Spaces", "tenant", "invalid_value"),
        ("tenant", "a\n", "tenant", "invalid_value"),
        ("currencies", [], "currencies", "invalid_value"),
        ("currencies", ["usd", "eur", "usd"], "currencies", "duplicate_id"),
        ("families.email.unit", 3, "families.email.unit", "invalid_value"),
        ("families.email.order", ["tier", "colour"], "families.email.order", "invalid_value"),
        ("families.email.order", ["tier", "tier"], "families.email.order", "duplicate_id"),
        ("families.email.plans", [], "families.email.plans", "invalid_value"),
        (f"{PLUS}.colour", "red", f"{PLUS}.colour", "unknown_key"),
        (f"{PLUS}.rank", "1", f"{PLUS}.rank", "invalid_value"),
        (f"{PLUS}.rank", True, f"{PLUS}.rank", "invalid_value"),
        (f"{PLUS}.self_serve", 1, f"{PLUS}.self_serve", "invalid_value"),
        (f"{PLUS}.limits.users", "many", f"{PLUS}.limits.users", "invalid_value"),
        (f"{PLUS}.limits.users", -1, f"{PLUS}.limits.users", "invalid_value"),
        (f"{PLUS}.features", ["Shiny!"], f"{PLUS}.features", "invalid_value"),
        (f"{PLUS}.tiers.1.colour", "red", f"{PLUS}.tiers[1].colour", "unknown_key"),
        (f"{PLUS}.tiers.1", 7, f"{PLUS}.tiers[1]", "invalid_value"),
        (f"{PLUS}.tiers.1.prices.week", {}, f"{PLUS}.tiers[1].prices.week", "invalid_value"),
        (f"{MONTH}.usd", 10.6, f"{PLUS}.tiers[2].prices.month.usd", "invalid_value"),
        # prices
        (f"{MONTH}.usd", "10.605", f"{PLUS}.tiers[2].prices.month.usd", "invalid_amount"),
        (f"{MONTH}.usd", "a lot", f"{PLUS}.tiers[2].prices.month.usd", "invalid_amount"),
        (f"{MONTH}.usd", "1000000", f"{PLUS}.tiers[2].prices.month.usd", "invalid_amount"),
        (f"{MONTH}.usd", "0.00", f"{PLUS}.tiers[2].prices.month.usd", "zero_price"),
        (f"{MONTH}.usd", "-1", f"{PLUS}.tiers[2].prices.month.usd", "zero_price"),
        (f"{MONTH}.usd", REMOVED, f"{PLUS}.tiers[2].prices.month.usd", "missing_price"),
        (f"{MONTH}.gbp", "9", f"{PLUS}.tiers[2].prices.month.gbp", "unknown_currency"),
        (f"{PLUS}.tiers.2.prices", REMOVED, f"{PLUS}.tiers[2].prices", "missing_price"),
        # plans and tiers
        (f"{PLUS}.rank", 0, f"{PLUS}.rank", "duplicate_rank"),
        (f"{PLUS}.tiers.1.id", "1k", f"{PLUS}.tiers[1].id", "duplicate_id"),
        (f"{PLUS}.tiers.1.size", 1_000, f"{PLUS}.tiers[1].size", "size_not_increasing"),
        (f"{PLUS}.tiers.0.size", 0, f"{PLUS}.tiers[0].size", "invalid_value"),
        (f"{PLUS}.tiers", [], f"{PLUS}.tiers", "invalid_value"),
        (f"{PLUS}.limits", REMOVED, f"{PLUS}.limits.users", "missing_limit"),
        (f"{PLUS}.usage", {"meter": "m", "unit_prices": {"usd": "1", "eur": "1"}}, f"{PLUS}.usage",
         "setting_without_effect"),
        (f"{PLUS}.allowance_reset", "month", f"{PLUS}.allowance_reset", "setting_without_effect"),
        (f"{FREE}.self_serve", True, f"{FREE}.self_serve", "setting_without_effect"),
        (f"{FREE}.tiers.0.prices", {}, f"{FREE}.tiers[0].prices", "setting_without_effect"),
        ("families.email.packs", [], "families.email.packs", "setting_without_effect"),
    ],
)  # fmt: skip
def test_one_wrong_thing_is_one_problem_at_its_path(
    document: Document,
    problems_of: Check,
    path: str,
    value: object,
    expected_path: str,
    code: str,
) -> None:
    put(document, path, value)
    assert (expected_path, code) in problems_of(document)


def test_everything_wrong_is_told_at_once(document: Document, problems_of: Check) -> None:
    put(document, "colour", "red")
    put(document, f"{PLUS}.colour", "red")
    put(document, f"{PLUS}.tiers.0.prices.year.eur", REMOVED)
    put(document, f"{PLUS}.tiers.1.size", 10)
    put(document, f"{PLUS}.tiers.2.prices.month.usd", "60.001")
    put(document, f"{FREE}.rank", 1)
    rules = document["families"]["email"]["rules"]
    rules[2]["credit"] = "time_to_balance"
    rules.append({"id": "too-late", "timing": "now"})
    assert sorted(problems_of(document)) == [
        ("colour", "unknown_key"),
        ("families.email.plans.plus.colour", "unknown_key"),
        ("families.email.plans.plus.rank", "duplicate_rank"),
        ("families.email.plans.plus.tiers[0].prices.year.eur", "missing_price"),
        ("families.email.plans.plus.tiers[1].size", "size_not_increasing"),
        ("families.email.plans.plus.tiers[2].prices.month.usd", "invalid_amount"),
        ("families.email.rules[2]", "unsupported_combination"),
        ("families.email.rules[5]", "rule_never_matches"),
    ]


def test_the_error_reads_as_a_list_of_paths(document: Document) -> None:
    put(document, f"{PLUS}.tiers.2.prices.year.usd", "1.234")
    with pytest.raises(CatalogueError) as caught:
        build_catalogue(document, "mail.toml")
    assert str(caught.value) == (
        "Catalogue mail.toml has 1 problem:\n"
        "  families.email.plans.plus.tiers[2].prices.year.usd: 1.234 has more decimals than USD "
        "can be charged in. Use at most 2. [invalid_amount]\n"
        " Correct them and run `planshift catalogue check` again."
    )


def test_a_lookup_key_too_long_for_stripe_is_refused(
    document: Document, problems_of: Check
) -> None:
    document["tenant"] = "t" * 190
    codes = {code for _, code in problems_of(document)}
    assert codes == {"lookup_key_too_long"}


def test_packs_are_checked_like_tiers(document: Document, problems_of: Check) -> None:
    family = document["families"]["email"]
    family["size_is"] = "allowance"
    family["packs"] = [
        {"id": "extra", "size": 100, "prices": {"usd": "1.00", "eur": "0"}},
        {"id": "extra", "size": 0, "prices": {"usd": "1.00"}},
    ]
    assert sorted(problems_of(document)) == [
        ("families.email.packs[0].prices.eur", "zero_price"),
        ("families.email.packs[1].id", "duplicate_id"),
        ("families.email.packs[1].prices.eur", "missing_price"),
        ("families.email.packs[1].size", "invalid_value"),
    ]


def test_a_family_has_at_most_one_free_plan(document: Document, problems_of: Check) -> None:
    plans = document["families"]["email"]["plans"]
    plans["trial"] = {**plans["free"], "rank": 7}
    assert ("families.email.plans.trial.kind", "second_free_plan") in problems_of(document)


def metered(document: Document) -> Document:
    plan = {
        "name": "Pay as you go",
        "rank": 2,
        "kind": "metered",
        "limits": {"users": 1},
        "usage": {"meter": "sent", "unit_prices": {"usd": "0.0004", "eur": "0.00038"}},
        "tiers": [{"id": "usage", "size": 0}],
    }
    document["families"]["email"]["plans"]["payg"] = plan
    return plan


PAYG = "families.email.plans.payg"


def test_a_metered_plan_changes_into_another_paid_one_by_sales_or_not_at_all(
    document: Document, problems_of: Check
) -> None:
    metered(document)
    rules = document["families"]["email"]["rules"]
    refused = problems_of(document)
    assert {code for _, code in refused} == {"unsupported_combination"}
    answer = {"route": "contact_sales", "reason": "We talk about it first."}
    rules.insert(0, {"id": "talk-up", "when": {"from": "payg", "to": "plus"}, **answer})
    rules.insert(0, {"id": "talk-down", "when": {"from": "plus", "to": "payg"}, **answer})
    assert problems_of(document) == []


def test_a_meter_is_one_family_s_for_what_it_counted_would_be_paid_twice(
    document: Document, problems_of: Check
) -> None:
    metered(document)
    families = document["families"]
    families["other"] = copy.deepcopy(families["email"])
    path = "families.other.plans.payg.usage.meter"
    assert (path, "shared_meter") in problems_of(document)


@pytest.mark.parametrize("days", [0, 28, "3"])
def test_charges_are_calculated_some_days_before_the_billing_date(
    document: Document, problems_of: Check, days: object
) -> None:
    metered(document)["usage"]["calculated_days_before"] = days
    assert (f"{PAYG}.usage.calculated_days_before", "invalid_value") in problems_of(document)


def test_a_metered_plan_has_no_fixed_fee_and_shares_no_subscription(
    document: Document, problems_of: Check
) -> None:
    plan = metered(document)
    plan["tiers"][0]["prices"] = {"month": {"usd": "5.00", "eur": "5.00"}}
    document["families"]["email"]["share_subscription"] = True
    found = problems_of(document)
    assert (f"{PAYG}.tiers[0].prices", "unsupported_combination") in found
    assert ("families.email.share_subscription", "unsupported_combination") in found


@pytest.mark.parametrize(
    ("price", "code"),
    [("0", "zero_price"), ("1e-3", "invalid_amount"), ("0." + "1" * 13, "invalid_amount")],
)
def test_a_price_per_unit_is_exact_too(
    document: Document, problems_of: Check, price: str, code: str
) -> None:
    metered(document)["usage"]["unit_prices"]["usd"] = price
    assert (f"{PAYG}.usage.unit_prices.usd", code) in problems_of(document)


OPERATIONS: Document = tomllib.loads(
    (Path(mappings.__file__).parent / "catalogues" / "operations.toml").read_text("utf-8")
)
for _plan in OPERATIONS["families"]["operations"]["plans"].values():
    # Two sizes of each plan have every kind of place in them; eight would only be more to walk.
    del _plan["tiers"][2:]

JUNK = st.sampled_from(
    [None, "", "x", "free", "core", "0", "-1", "1.005", 0, -1, 3, 10**30, True, 1.5, [], {}, [{}],
     ["x"], [[]], {"x": 1}, {"usd": "1"}, {"month": {"usd": "1"}}]
)  # fmt: skip


def places(node: object) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    items = list(node.items()) if isinstance(node, dict) else []
    items = list(enumerate(node)) if isinstance(node, list) else items
    return [(node, key) for key, _ in items] + [p for _, child in items for p in places(child)]


@settings(deadline=None)
@given(st.data())
def test_no_document_whatever_breaks_the_check(data: st.DataObject) -> None:
    document = copy.deepcopy(OPERATIONS)
    for _ in range(data.draw(st.integers(1, 4))):
        container, key = data.draw(st.sampled_from(places(document)))
        if data.draw(st.booleans()):
            del container[key]
        else:
            container[key] = copy.deepcopy(data.draw(JUNK))
        if not document:
            break
    try:
        build_catalogue(document)
    except CatalogueError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.message and problem.code for problem in problems)
