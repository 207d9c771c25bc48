"""Directions: the rows of the systems as tables, and the laws that hold for any family."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import (
    Catalogue,
    Family,
    IncomparableOffers,
    Offer,
    Plan,
    Tier,
    build_catalogue,
    compare,
    direction,
    load_catalogue,
)
from mappings.direction import direction_in
from mappings.family import ORDER_KEYS

OPERATIONS = load_catalogue("operations")


def named(catalogue: Catalogue, family: str, text: str) -> Offer | None:
    """ "core 10k month" as an offer in US dollars; "free" as the free one; "" as none."""
    if not text:
        return None
    return catalogue.offer(family, *text.split(), *(["usd"] if " " in text else []))


@pytest.mark.parametrize(
    ("current", "target", "kind", "decided_by"),
    [
        ("core 750k month", "teams 10k month", "upgrade", "plan"),
        ("core 750k year", "pro 10k month", "upgrade", "plan"),
        ("teams 10k month", "core 750k year", "downgrade", "plan"),
        ("core 10k month", "core 20k month", "upgrade", "tier_per_month"),
        ("core 20k month", "core 10k month", "downgrade", "tier_per_month"),
        ("core 10k month", "core 10k year", "upgrade", "interval"),
        ("core 10k year", "core 10k month", "downgrade", "interval"),
        ("core 10k month", "core 20k year", "upgrade", "tier_per_month"),
        ("core 20k month", "core 10k year", "downgrade", "tier_per_month"),
        ("core 20k year", "core 20k month", "downgrade", "interval"),  # 240,000 a year
        ("core 10k year", "core 20k month", "upgrade", "tier_per_month"),
        ("core 10k month", "free", "downgrade", "free"),
        ("free", "core 10k month", "start", "free"),
        ("", "core 10k month", "start", "free"),
        ("", "free", "same", "free"),
        ("free", "free", "same", "free"),
        ("core 10k month", "core 10k month", "same", "identical"),
        ("core 10k month", "", "cancel", "cancellation"),
        ("free", "", "same", "nothing"),
        ("", "", "same", "nothing"),
    ],
)
def test_row_5_1_directions_of_operations(
    current: str, target: str, kind: str, decided_by: str
) -> None:
    held, wanted = (named(OPERATIONS, "operations", text) for text in (current, target))
    found = direction(OPERATIONS, held, wanted)
    assert (found.kind, found.decided_by) == (kind, decided_by)
    assert found.why


RANKS = {"core": 1, "pro": 2, "teams": 3, "enterprise": 4}
DOLLARS = [offer for offer in OPERATIONS.priced_offers() if offer.currency == "usd"]


def test_row_5_1_holds_for_every_pair_as_the_vendor_words_it() -> None:
    """A higher plan whatever the tier; or the same plan and a higher tier; or monthly to annual
    at an equal or higher tier. Everything in the other direction is a downgrade."""

    def is_upgrade(current: Offer, target: Offer) -> bool:
        if RANKS[target.plan] != RANKS[current.plan]:
            return RANKS[target.plan] > RANKS[current.plan]
        monthly = [int(offer.tier.removesuffix("k")) for offer in (current, target)]
        longer = current.interval == "month" and target.interval == "year"
        return monthly[1] > monthly[0] or (longer and monthly[1] >= monthly[0])

    for current in DOLLARS:
        for target in DOLLARS:
            if current == target:
                continue
            expected = "upgrade" if is_upgrade(current, target) else "downgrade"
            assert direction(OPERATIONS, current, target).kind == expected, (current, target)


@pytest.mark.parametrize(
    ("current", "target", "kind"),
    [
        ("plus 2k month", "plus 1k year", "downgrade"),  # although the year costs more
        ("plus 1k year", "plus 2k month", "upgrade"),
        ("plus 2k month", "plus 2k year", "lateral"),
        ("plus 2k year", "plus 2k month", "lateral"),
        ("plus 1k month", "free", "downgrade"),
        ("plus 5k year", "free", "downgrade"),
        ("free", "plus 1k month", "start"),
    ],
)
def test_row_3_1_contacts_decide_alone(
    document: dict[str, Any], current: str, target: str, kind: str
) -> None:
    document["families"]["email"]["plans"]["free"]["tiers"][0]["size"] = 9_999
    catalogue = build_catalogue(document)
    held, wanted = (named(catalogue, "email", text) for text in (current, target))
    assert direction(catalogue, held, wanted).kind == kind


def test_size_as_sold_can_decide_instead_of_size_per_month(document: dict[str, Any]) -> None:
    document["families"]["email"]["size_is"] = "allowance"
    catalogue = build_catalogue(document)
    monthly, annual = (named(catalogue, "email", f"plus 2k {per}") for per in ("month", "year"))
    found = direction(catalogue, monthly, annual)
    assert (found.kind, found.decided_by) == ("upgrade", "tier")
    assert found.why == "24,000 contacts is more than 2,000"


def test_the_reason_names_what_was_compared() -> None:
    def why(current: str, target: str) -> str:
        held, wanted = (named(OPERATIONS, "operations", text) for text in (current, target))
        return direction(OPERATIONS, held, wanted).why

    assert why("core 10k month", "teams 10k month") == "Teams ranks above Core"
    assert why("core 20k year", "core 20k month") == "the month is shorter than the year"
    assert why("pro 20k year", "pro 10k month") == "10,000 operations a month is fewer than 20,000"


def test_another_currency_alone_is_neither_up_nor_down() -> None:
    dollars = OPERATIONS.offer("operations", "core", "10k", "month", "usd")
    euros = OPERATIONS.offer("operations", "core", "10k", "month", "eur")
    assert direction(OPERATIONS, dollars, euros).kind == "lateral"


def test_two_families_are_never_compared() -> None:
    mine = OPERATIONS.offer("operations", "core", "10k", "month", "usd")
    other = Offer("chatbots", "core", "10k", "month", "usd")
    with pytest.raises(IncomparableOffers, match="two changes"):
        direction(OPERATIONS, mine, other)


@pytest.mark.parametrize(
    ("current", "target", "quantities", "kind", "decided_by", "why"),
    [
        ("core 10k month", "core 10k month", (3, 5), "upgrade", "quantity",
         "5 of Core is more than 3"),
        ("core 10k month", "core 10k month", (5, 3), "downgrade", "quantity",
         "3 of Core is fewer than 5"),
        ("core 10k month", "core 10k month", (3, 3), "same", "identical", "Core is held already"),
        ("core 10k month", "pro 10k month", (5, 1), "upgrade", "plan", "Pro ranks above Core"),
        ("core 10k month", "core 10k year", (5, 1), "upgrade", "interval",
         "the year is longer than the month"),
        ("core 10k month", "free", (5, 1), "downgrade", "free",
         "Free is the free plan, below every other"),
        ("free", "free", (1, 2), "same", "free", "Free is held already"),
    ],
)  # fmt: skip
def test_quantity_decides_where_nothing_else_does(
    current: str, target: str, quantities: tuple[int, int], kind: str, decided_by: str, why: str
) -> None:
    held, wanted = (named(OPERATIONS, "operations", text) for text in (current, target))
    found = direction(OPERATIONS, held, wanted, *quantities)
    assert (found.kind, found.decided_by, found.why) == (kind, decided_by, why)


def test_another_interval_of_more_is_up_where_the_interval_says_nothing(
    document: dict[str, Any],
) -> None:
    catalogue = build_catalogue(document)
    monthly, annual = (named(catalogue, "email", f"plus 2k {per}") for per in ("month", "year"))
    assert direction(catalogue, monthly, annual, 2, 2).kind == "lateral"
    assert direction(catalogue, monthly, annual, 2, 3).kind == "upgrade"
    assert direction(catalogue, monthly, annual, 3, 2).kind == "downgrade"


def test_usage_has_no_quantity() -> None:
    plan = Plan("payg", "Payg", 1, "metered", True, {}, (), {"u": Tier("u", "u", 0, 0, {})})
    family = Family("f", "F", "units", "limit", ("plan",), {"payg": plan}, ())
    offer = Offer("f", "payg", "u", "month", "usd")
    assert direction_in(family, offer, offer, 1, 2).kind == "same"
    assert compare(family, offer, offer, 1, 2) == 0


@st.composite
def families(draw: st.DrawFn) -> Family:
    """Any family whatever: ranks, sizes and keys in any relation, the free plan ranked anywhere."""
    ranks = draw(st.lists(st.integers(0, 9), min_size=2, max_size=4, unique=True))
    free = draw(st.none() | st.sampled_from(ranks))
    per_year = draw(st.sampled_from([1, 12]))
    plans = {}
    for rank in ranks:
        sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True))
        tiers = {str(size): Tier(str(size), str(size), size, size * per_year, {}) for size in sizes}
        kind = "free" if rank == free else "licensed"
        plans[f"p{rank}"] = Plan(f"p{rank}", f"P{rank}", rank, kind, True, {}, (), tiers)
    keys = draw(st.lists(st.sampled_from(ORDER_KEYS), min_size=1, unique=True))
    size_is = "limit" if per_year == 1 else "allowance"
    return Family("f", "F", "units", size_is, tuple(keys), plans, ())


Held = tuple[Offer | None, int]
"""An offer and how many of it."""


@st.composite
def comparisons(draw: st.DrawFn, how_many: int) -> tuple[Family, list[Held]]:
    family = draw(families())
    offers = st.sampled_from([None, *family.offers(("usd", "eur"))])
    return family, [(draw(offers), draw(st.integers(1, 3))) for _ in range(how_many)]


def compared(family: Family, one: Held, other: Held) -> int:
    return compare(family, one[0], other[0], one[1], other[1])


OPPOSITES = {"upgrade": "downgrade", "downgrade": "upgrade", "lateral": "lateral", "same": "same"}


@given(comparisons(2))
def test_comparison_is_total_and_antisymmetric(case: tuple[Family, list[Held]]) -> None:
    family, (one, other) = case
    assert compared(family, one, other) in (-1, 0, 1)
    assert compared(family, one, other) == -compared(family, other, one)
    assert compared(family, one, one) == 0


@given(comparisons(3))
def test_comparison_is_transitive(case: tuple[Family, list[Held]]) -> None:
    family, (a, b, c) = case
    if compared(family, a, b) <= 0 and compared(family, b, c) <= 0:
        assert compared(family, a, c) <= 0


@given(comparisons(1))
def test_nothing_and_free_stand_below_everything_whatever_the_keys_say(
    case: tuple[Family, list[Held]],
) -> None:
    family, ((offer, quantity),) = case
    for nothing in (None, family.free_offer()):
        expected = 0 if offer is None or offer.is_free else -1
        assert compared(family, (nothing, 1), (offer, quantity)) == expected


@given(comparisons(2))
def test_direction_agrees_with_comparison(case: tuple[Family, list[Held]]) -> None:
    family, ((current, before), (target, after)) = case
    kind = direction_in(family, current, target, before, after).kind
    step = compare(family, current, target, before, after)
    if target is None:
        assert kind == ("cancel" if step > 0 else "same")
    elif step < 0:
        assert kind == ("start" if current is None or current.is_free else "upgrade")
    elif step > 0:
        assert kind == "downgrade"
    else:
        assert kind in ("same", "lateral")


@given(comparisons(2))
def test_between_paid_offers_the_way_back_is_the_opposite(
    case: tuple[Family, list[Held]],
) -> None:
    family, ((one, few), (other, many)) = case
    if one is None or other is None or one.is_free or other.is_free:
        return
    there = direction_in(family, one, other, few, many)
    back = direction_in(family, other, one, many, few)
    assert back.kind == OPPOSITES[there.kind]
    assert there.decided_by == back.decided_by
