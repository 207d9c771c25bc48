"""Prices and billing from before: old prices are mapped, classic subscriptions migrated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapter.adoption import report_lines
from adapter.errors import Conflict, Invalid, NotFound
from tests.support.adopting import (
    CORE,
    PRO,
    adopt,
    codes,
    customer,
    legacy_price,
    price,
    refused_change,
    subscribe,
)
from tests.support.world import DAY, World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def test_an_old_price_is_adopted_and_its_subscriptions_map_back_and_can_be_changed(w: World):
    old, who = legacy_price(w, 900), customer(w)
    subscribe(w, who, old)
    report = adopt(w)
    assert codes(report.not_changeable) == ["unknown_price"]
    assert f"planshift catalogue adopt {old} FAMILY/PLAN/TIER/INTERVAL   (1 lines)" in "\n".join(
        report_lines(report)
    )
    assert w.parts.adopted_prices.adopt(old, "operations/core/10k/month") == (CORE, 1)
    assert w.plan(who) == ("core", "10k")
    assert adopt(w).clean
    # They keep what they pay, also after the catalogue is synced; then they move like anybody.
    w.parts.catalogue_sync.run(lambda _plan: True)
    w.advance(days=32)
    assert w.charged(who) == [900, 900]
    assert refused_change(w, who) is None
    assert w.plan(who) == ("pro", "40k")
    assert w.parts.adopted_prices.adopt(old, "operations/core/10k/month") == (CORE, 0)


def test_a_price_that_is_no_such_offer_is_refused_with_what_is_in_the_way(w: World):
    adopted = w.parts.adopted_prices
    old = legacy_price(w)
    ours, yearly = price(w, PRO), legacy_price(w)
    adopted.adopt(yearly, "operations/core/10k/month")
    for which, said, code in (
        ("price_none", "operations/core/10k/month", "unknown_price_id"),
        (old, "operations/core", "unknown_offer"),
        (old, "operations/core/9k/month", "unknown_offer"),
        (old, "operations/core/10k/year", "price_does_not_fit"),
        (old, "operations/free/free/month", "price_does_not_fit"),
        (ours, "operations/core/10k/month", "price_taken"),
        (yearly, "operations/pro/10k/month", "price_taken"),
    ):
        with pytest.raises((Invalid, Conflict)) as refused:
            adopted.adopt(which, said)
        assert (which, refused.value.code) == (which, code)


def test_a_classic_subscription_is_migrated_once_and_can_be_changed_then(w: World):
    who = customer(w)
    sub = subscribe(w, who, price(w, CORE), **{"billing_mode[type]": "classic"})
    adopt(w)
    assert refused_change(w, who) == "classic_billing"
    w.box.advance(seconds=DAY)
    assert w.parts.migration.migrate(sub) is True
    assert w.parts.migration.migrate(sub) is False
    assert (adopt(w).clean, refused_change(w, who)) == (True, None)
    with pytest.raises(NotFound):
        w.parts.migration.migrate("sub_none")
