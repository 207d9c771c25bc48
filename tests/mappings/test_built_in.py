"""Every catalogue that comes with Planshift is sound, and its prices are such as one would ask."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappings
from mappings import (
    Catalogue,
    Facts,
    Family,
    Plan,
    builtin_catalogues,
    decide,
    load_catalogue,
    required_selections,
)

NAMES = ("cancel-first", "choose-when", "contacts", "metered", "operations")
FOLDER = Path(mappings.__file__).parent / "catalogues"
LOADED = {name: load_catalogue(name) for name in builtin_catalogues()}
FAMILIES = [
    pytest.param(catalogue, family, id=f"{name}-{family.id}")
    for name, catalogue in LOADED.items()
    for family in catalogue.families.values()
]


def test_the_systems_that_are_shipped() -> None:
    assert set(NAMES) <= set(builtin_catalogues())


@pytest.mark.parametrize("name", builtin_catalogues())
def test_it_loads_by_name_and_by_path(name: str) -> None:
    assert load_catalogue(name) == load_catalogue(FOLDER / f"{name}.toml")
    assert load_catalogue(name) == load_catalogue(str(FOLDER / f"{name}.toml"))


def test_two_of_them_can_share_one_account_at_stripe() -> None:
    tenants = [catalogue.tenant for catalogue in LOADED.values()]
    assert len(set(tenants)) == len(tenants)


def priced(family: Family) -> list[Plan]:
    return [plan for plan in family.plans.values() if plan.kind == "licensed" and plan.self_serve]


@pytest.mark.parametrize(("catalogue", "family"), FAMILIES)
def test_more_costs_more_and_a_year_costs_less_than_twelve_months(
    catalogue: Catalogue, family: Family
) -> None:
    for currency in catalogue.currencies:
        for plan in priced(family):
            monthly = [tier.prices["month", currency].amount for tier in plan.tiers.values()]
            yearly = [tier.prices["year", currency].amount for tier in plan.tiers.values()]
            assert monthly == sorted(set(monthly))
            assert all(y < 12 * m for y, m in zip(yearly, monthly, strict=True))


@pytest.mark.parametrize(("catalogue", "family"), FAMILIES)
def test_the_same_size_of_a_higher_plan_costs_more(catalogue: Catalogue, family: Family) -> None:
    for currency in catalogue.currencies:
        found: dict[str, list[int]] = {}
        for plan in priced(family):
            for tier in plan.tiers.values():
                found.setdefault(tier.id, []).append(tier.prices["month", currency].amount)
        assert all(across == sorted(set(across)) for across in found.values())


@pytest.mark.parametrize(("catalogue", "family"), FAMILIES)
def test_a_higher_plan_has_what_the_lower_ones_have(catalogue: Catalogue, family: Family) -> None:
    plans = list(family.plans.values())
    for lower, higher in pairwise(plans):
        assert set(lower.features) < set(higher.features)
        for name, allowed in lower.limits.items():
            more = higher.limits[name]
            falls_on_purpose = name.startswith("minimum_")
            assert more is None or (allowed is not None and (allowed <= more or falls_on_purpose))


@given(st.data())
def test_every_change_is_decided_and_its_selections_are_known(data: st.DataObject) -> None:
    catalogue = data.draw(st.sampled_from(list(LOADED.values())))
    family = data.draw(st.sampled_from(list(catalogue.families.values())))
    held = st.sampled_from([None, *family.offers(catalogue.currencies)])
    current, target = data.draw(held), data.draw(held)
    quantities = [data.draw(st.integers(1, 3)) for _ in range(2)]
    facts = Facts(data.draw(st.booleans()), data.draw(st.booleans()), *quantities)
    decision = decide(catalogue, current, target, facts)
    assert decision.why
    assert set(decision.selections) <= set(family.selections)
    needed = required_selections(catalogue, decision, current, target, {})
    assert set(needed) <= set(family.selections.values())
