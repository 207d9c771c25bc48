"""Offers are found by name, named at Stripe, and found again from what Stripe says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import (
    Allowance,
    Catalogue,
    Money,
    NoFixedPrice,
    Offer,
    UnknownOffer,
    UnknownPrice,
    load_catalogue,
)

OPERATIONS = load_catalogue("operations")
CORE_150K = Offer("operations", "core", "150k", "month", "usd")


def test_an_offer_is_named_by_its_five_parts(operations: Catalogue) -> None:
    offer = operations.offer("operations", "core", "150k", "month", "usd")
    assert offer == CORE_150K
    assert not offer.is_free
    assert str(offer) == "operations/core/150k/month/usd"
    assert operations.price_of(offer) == Money(11385, "usd")
    assert operations.plan_of(offer).name == "Core"
    assert operations.tier_of(offer).size == 150_000


def test_the_free_plan_has_one_offer_however_it_is_asked_for(operations: Catalogue) -> None:
    free = operations.free_offer("operations")
    assert free == Offer("operations", "free", "1k", None, None)
    assert operations.offer("operations", "free", "10k", "year", "eur") == free
    assert operations.offer("operations", "free") == free
    assert free.is_free


@pytest.mark.parametrize(
    ("asked", "field", "known"),
    [
        (("mail", "core", "10k", "month", "usd"), "family", ["operations"]),
        (
            ("operations", "gold", "10k", "month", "usd"),
            "plan",
            ["free", "core", "pro", "teams", "enterprise"],
        ),
        (
            ("operations", "core", "11k", "month", "usd"),
            "tier",
            ["10k", "20k", "40k", "80k", "150k", "300k", "500k", "750k"],
        ),
        (("operations", "core", "10k", "week", "usd"), "interval", ["month", "year"]),
        (("operations", "core", "10k", None, "usd"), "interval", ["month", "year"]),
        (("operations", "core", "10k", "month", "gbp"), "currency", ["usd", "eur"]),
        (("operations", "core", "10k", "month", "USD"), "currency", ["usd", "eur"]),
    ],
)
def test_an_unknown_part_is_named_with_what_is_known_instead(
    operations: Catalogue,
    asked: tuple[str, str, str, str | None, str],
    field: str,
    known: list[str],
) -> None:
    with pytest.raises(UnknownOffer) as caught:
        operations.offer(*asked)
    error = caught.value
    assert (error.field, error.known, error.code) == (field, known, f"unknown_{field}")
    assert error.value in asked
    assert ", ".join(known) in str(error)


def test_a_free_offer_has_no_price_and_says_so(operations: Catalogue) -> None:
    free = operations.free_offer("operations")
    assert free is not None
    with pytest.raises(NoFixedPrice, match="is free"):
        operations.price_of(free)


def test_every_priced_offer_is_listed_once_in_catalogue_order(operations: Catalogue) -> None:
    offers = list(operations.priced_offers())
    assert len(offers) == len(set(offers)) == 4 * 8 * 2 * 2
    assert offers == list(load_catalogue("operations").priced_offers())
    assert [o.plan for o in offers[::32]] == ["core", "pro", "teams", "enterprise"]
    assert not any(offer.is_free for offer in offers)


def test_names_at_stripe_are_unique_within_limits_and_carry_the_tenant(
    operations: Catalogue,
) -> None:
    keys = [operations.lookup_key(offer) for offer in operations.priced_offers()]
    assert len(set(keys)) == len(keys)
    assert all(len(key) <= 200 and ".operations." in key for key in keys)
    assert operations.lookup_key(CORE_150K) == "planshift.operations.operations.core.150k.month.usd"
    product = operations.product_id("operations", "core")
    assert product == "planshift_operations_operations_core"
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", product)
    assert operations.product_name("operations", "core") == "Operations Core"
    assert operations.price_nickname(CORE_150K) == "Core 150k monthly"
    assert operations.product_metadata("operations", "core") == {
        "planshift_tenant": "operations",
        "planshift_family": "operations",
        "planshift_plan": "core",
    }


def test_a_price_maps_back_to_its_offer(operations: Catalogue) -> None:
    for offer in operations.priced_offers():
        metadata = operations.metadata_of(offer)
        assert operations.offer_from_metadata(metadata) == offer
        assert operations.offer_from_metadata({**metadata, "note": "by hand"}) == offer


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"planshift_tenant": "another"}, "foreign_tenant"),
        ({"planshift_plan": "legacy"}, "not_in_catalogue"),
        ({"planshift_plan": "free"}, "not_in_catalogue"),
        ({"planshift_tier": ""}, "not_in_catalogue"),
        ({"planshift_family": "mail"}, "not_in_catalogue"),
        ({"planshift_interval": "week"}, "not_in_catalogue"),
        ({"planshift_currency": "gbp"}, "not_in_catalogue"),
    ],
)
def test_a_price_of_something_else_is_an_explicit_unknown(
    operations: Catalogue, change: dict[str, str], code: str
) -> None:
    answer = operations.offer_from_metadata({**operations.metadata_of(CORE_150K), **change})
    assert isinstance(answer, UnknownPrice)
    assert answer.code == code
    assert answer.reason


def test_a_price_without_metadata_is_an_explicit_unknown(operations: Catalogue) -> None:
    answer = operations.offer_from_metadata({})
    assert isinstance(answer, UnknownPrice)
    assert answer.code == "no_metadata"


KEYS = [
    "planshift_tenant",
    "planshift_family",
    "planshift_plan",
    "planshift_tier",
    "planshift_interval",
    "planshift_currency",
]
WORDS = st.sampled_from(["operations", "core", "free", "10k", "month", "usd"]) | st.text()


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(), WORDS))
def test_mapping_back_is_total(metadata: dict[str, str]) -> None:
    answer = OPERATIONS.offer_from_metadata(metadata)
    assert isinstance(answer, (Offer, UnknownPrice))
    if isinstance(answer, Offer):
        assert OPERATIONS.price_of(answer).amount > 0


def test_allowances_follow_the_plan_and_the_interval(operations: Catalogue) -> None:
    def allowance(plan: str, interval: str) -> Allowance | None:
        return operations.allowance_of(operations.offer("operations", plan, "10k", interval, "usd"))

    assert allowance("free", "month") == Allowance(1_000, "month")
    assert allowance("core", "month") == Allowance(10_000, "month")
    assert allowance("pro", "month") == Allowance(10_000, "period")
    assert allowance("core", "year") == Allowance(10_000, "month")
    assert allowance("pro", "year") == Allowance(120_000, "period")


def test_packs_are_found_by_id(operations: Catalogue) -> None:
    family = operations.family("operations")
    assert family.pack("extra-10k").units == 10_000
    assert family.pack("extra-10k").prices["usd"] == Money(1380, "usd")
    with pytest.raises(UnknownOffer, match="extra-1k, extra-10k"):
        family.pack("extra-99k")
