"""The plan and its outcome as people read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapter.catalogue_sync import (
    Refusal,
    SyncResult,
    plan_lines,
    plan_summary,
    progress_line,
    result_lines,
)
from adapter.database import Database
from mappings import Offer, load_catalogue
from tests.support.syncing import PLUS, World, open_world, priced, small

pytestmark = pytest.mark.by_turns


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with open_world(database) as opened:
        yield opened


def test_a_first_plan_lists_everything_by_product(world: World):
    assert plan_lines(world.plan(small())) == [
        "Email Plus  (planshift_mail_email_plus)",
        "  + create product 'Email Plus'",
        "  + create price 'Plus 1k monthly' at 15.00 USD",
        "  + create price 'Plus 1k annual' at 150.00 USD",
        "  + create price 'Plus 2k monthly' at 25.00 USD",
        "  + create price 'Plus 2k annual' at 250.00 USD",
        "Email Max  (planshift_mail_email_max)",
        "  + create product 'Email Max'",
        "  + create price 'Max 1k monthly' at 40.00 USD",
        "  + create price 'Max 1k annual' at 400.00 USD",
        "2 products to create, 6 prices to create",
    ]


def test_operations_are_counted(world: World):
    summary = plan_summary(world.plan(load_catalogue("operations")))
    assert summary == "5 products to create, 128 prices to create"


def test_an_edited_amount_says_what_it_replaces_and_what_is_kept(world: World):
    world.sync(small())
    old = world.price_of(small(), PLUS).id
    year = world.price_of(small(), Offer("email", "plus", "1k", "year", "usd")).id
    world.client.v1.prices.update(year, {"lookup_key": ""})
    edited = small(priced("16.00"))
    assert plan_lines(world.plan(edited)) == [
        "Email Plus  (planshift_mail_email_plus)",
        f"  + create price 'Plus 1k monthly' at 16.00 USD, in place of {old}",
        f"  ~ re-key price {year} as 'Plus 1k annual' at 150.00 USD",
        f"  - archive price {old} of email/plus/1k/month/usd: another price took its place",
        "1 price to create, 1 price to re-key, 1 price to archive",
    ]
    world.subscribe(old)
    assert plan_lines(world.plan(edited))[3:] == [
        f"  = price {old} of email/plus/1k/month/usd stays active: it is in use",
        "1 price to create, 1 price to re-key",
    ]


def test_a_catalogue_already_at_stripe_says_so(world: World):
    world.sync(small())
    assert plan_lines(world.plan(small())) == [
        "Stripe holds this catalogue already: nothing to do."
    ]


def test_progress_and_outcome(world: World):
    told: list[str] = []
    result = world.syncing(small()).run(
        show=lambda _: True, progress=lambda *done: told.append(progress_line(*done))
    )
    assert result is not None
    assert told[2] == "[3/8] create price 'Plus 1k monthly' at 15.00 USD"
    assert len(told) == 8
    assert result_lines(result) == ["8 writes made at Stripe; local prices are in line."]
    refused = SyncResult("sync_1", result.done[:1], (Refusal(result.done[1], "No."),))
    assert result_lines(refused) == [
        "1 write made at Stripe; local prices are in line.",
        "REFUSED: create product 'Email Max': No.",
    ]
