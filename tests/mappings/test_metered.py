"""The built-in catalogue `metered`: billed by usage, and the largest plan by agreement."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from mappings import Decision, Facts, NoFixedPrice, Offer, decide, load_catalogue

METERED = load_catalogue("metered")
PLUS = METERED.offer("api", "plus", "usage", "month", "usd")
ENTERPRISE = METERED.offer("api", "enterprise", "agreed", "year", "usd")
FREE = METERED.free_offer("api")
ANY_FACTS = [Facts(*flags) for flags in product((True, False), (True, False))]


def decided(current: Offer | None, target: Offer | None, facts: Facts) -> Decision:
    return decide(METERED, current, target, facts)


def test_a_unit_costs_far_less_than_a_cent_exactly() -> None:
    price = METERED.unit_price_of(PLUS)
    assert (price.amount, price.decimal) == (Decimal("0.04"), Decimal("0.0004"))
    assert str(price) == "0.0004 USD per unit"
    with pytest.raises(NoFixedPrice, match="billed by usage"):
        METERED.price_of(PLUS)
    with pytest.raises(NoFixedPrice, match="not billed by usage"):
        METERED.unit_price_of(ENTERPRISE)


def test_stripe_holds_prices_of_what_is_sold_by_usage_and_none_of_what_is_agreed() -> None:
    assert [str(offer) for offer in METERED.sold_offers()] == [
        "api/plus/usage/month/usd",
        "api/plus/usage/month/eur",
    ]
    assert list(METERED.priced_offers()) == []
    assert METERED.meters() == {"api_requests": "API: requests"}


@pytest.mark.parametrize("facts", ANY_FACTS)
def test_row_4_1_plus_starts_now(facts: Facts) -> None:
    for held in (None, FREE):
        decision = decided(held, PLUS, facts)
        assert (decision.route, decision.timing) == ("self_serve", "now")


@pytest.mark.parametrize("facts", ANY_FACTS)
@pytest.mark.parametrize("target", [None, FREE])
def test_row_4_3_plus_ends_now(target: Offer | None, facts: Facts) -> None:
    decision = decided(PLUS, target, facts)
    assert (decision.route, decision.timing) == ("self_serve", "now")
    assert decision.acknowledge


@pytest.mark.parametrize("facts", ANY_FACTS)
@pytest.mark.parametrize(
    ("current", "target"),
    [
        *((held, ENTERPRISE) for held in (None, FREE, PLUS)),
        *((ENTERPRISE, wanted) for wanted in (PLUS, FREE, None)),
    ],
)
def test_rows_4_4_and_4_5_to_and_from_enterprise_is_a_matter_of_sales(
    current: Offer | None, target: Offer | None, facts: Facts
) -> None:
    decision = decided(current, target, facts)
    assert decision.route == "contact_sales"
    assert decision.reason
    assert decision.remedy
