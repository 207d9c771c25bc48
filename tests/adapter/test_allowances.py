"""Allowances as an account lives through them: granted, carried, credited, lapsed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from adapter.database import Database, open_database
from tests.support.allowances import Shelf


def on(month: int, day: int, hour: int = 9, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.fixture
def shelf(sqlite_url: str) -> Iterator[Shelf]:
    """For stories in which the database has no part of its own."""
    database = open_database(sqlite_url)
    yield Shelf(database, on(1, 1))
    database.dispose()


@pytest.fixture
def either(database: Database) -> Shelf:
    """The same on each kind of database."""
    return Shelf(database, on(1, 1))


# -- grants -----------------------------------------------------------------------------------


def test_a_paid_month_is_granted_once_and_lapses_with_it(either: Shelf):
    either.subscribe("core", "10k", on(1, 10), on(2, 10))
    for _ in range(3):
        either.accrue(on(1, 10))
    assert either.left(on(1, 20)) == 10_000
    assert either.left(on(2, 10)) == 0
    for _ in range(2):
        either.accrue(on(2, 11))
    assert either.moves() == {"grant": 10_000, "expire": -10_000}


def test_reading_books_nothing_and_knows_what_is_due(shelf: Shelf):
    shelf.mirror("core", "10k", on(1, 10), on(2, 10))
    assert shelf.left(on(1, 20)) == 10_000
    assert shelf.unused(on(1, 20)).units == 10_000
    assert shelf.moves() == {}


def test_a_renewal_grants_anew_and_the_rest_of_the_month_before_lapses(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.accrue(on(1, 10))
    shelf.subscribe("core", "10k", on(2, 10), on(3, 10))
    shelf.accrue(on(2, 10))
    assert shelf.left(on(2, 10)) == 10_000
    assert shelf.moves() == {"grant": 20_000, "expire": -10_000}


def test_quantity_multiplies(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10), quantity=3)
    assert shelf.left(on(1, 10)) == 30_000


def test_a_year_that_resets_monthly_comes_month_by_month(either: Shelf):
    start = on(1, 31)
    either.subscribe("core", "10k", start, on(1, 31, year=2027), interval="year")
    either.accrue(start)
    assert either.unused(start).granted == 10_000
    assert either.unused(start).not_yet_granted == 110_000
    assert either.unused(start).units == 120_000
    # Nobody asked for months: what is due is found all the same, and what lapsed is gone.
    assert either.unused(on(5, 1)).units == 10_000 * 9
    either.accrue(on(5, 1))
    lots = either.lots(subscription_id="sub_1")
    assert [lot.starts_at for lot in lots] == [on(1, 31), on(2, 28), on(3, 31), on(4, 30)]
    assert [lot.expires_at for lot in lots] == [on(2, 28), on(3, 31), on(4, 30), on(5, 31)]
    assert either.unused(on(1, 30, year=2027)).not_yet_granted == 0


def test_a_year_at_once_is_one_grant(shelf: Shelf):
    shelf.subscribe("pro", "10k", on(1, 31), on(1, 31, year=2027), interval="year")
    shelf.accrue(on(1, 31))
    assert shelf.unused(on(12, 1)).units == 120_000
    assert shelf.unused(on(12, 1)).not_yet_granted == 0


def test_a_month_cut_to_its_end_is_one_stretch(shelf: Shelf):
    """A monthly period may run from 28 February to 31 March: one grant, not two."""
    shelf.subscribe("core", "10k", on(2, 28), on(3, 31))
    shelf.accrue(on(3, 30))
    assert [lot.expires_at for lot in shelf.lots(subscription_id="sub_1")] == [on(3, 31)]


def test_several_subscriptions_of_a_family_hold_their_own_units(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.subscribe("pro", "40k", on(1, 12), on(2, 12), sub="sub_2")
    shelf.accrue(on(1, 12))
    assert shelf.left(on(1, 12)) == 50_000
    assert shelf.unused(on(1, 12)).units == 10_000
    assert shelf.unused(on(1, 12), "sub_2").units == 40_000


def test_what_is_not_in_force_grants_nothing_and_its_units_wait(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.accrue(on(1, 10))
    shelf.status("unpaid")
    standing = shelf.standing(on(1, 20))
    assert standing.left == 1_000
    assert [lot.suspended for lot in standing.lots] == [True, False]
    shelf.accrue(on(1, 20))
    shelf.status("active")
    shelf.accrue(on(1, 25))
    assert shelf.left(on(1, 26)) == 10_000


# -- the free plan ----------------------------------------------------------------------------


def test_free_runs_monthly_from_the_moment_the_account_was_made(shelf: Shelf):
    for at in (on(1, 1), on(1, 31), on(2, 1, 8), on(2, 1)):
        shelf.accrue(at)
    assert [lot.starts_at for lot in shelf.lots()] == [on(1, 1), on(2, 1)]
    assert shelf.left(on(2, 1)) == 1_000
    assert shelf.moves() == {"grant": 2_000, "expire": -1_000}


def test_free_gives_way_to_a_paid_plan_and_begins_again_when_it_ends(shelf: Shelf):
    shelf.accrue(on(1, 1))
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.accrue(on(1, 10))
    assert shelf.left(on(1, 10)) == 10_000
    shelf.pack(1_000, on(1, 15), on(2, 10))
    shelf.status("canceled", on(1, 20))
    shelf.ended(on(1, 20))
    assert shelf.left(on(1, 20)) == 1_000
    (free,) = [lot for lot in shelf.standing(on(1, 20)).lots if not lot.row.subscription_id]
    assert (free.row.starts_at, free.row.expires_at) == (on(1, 20), on(2, 20))
    before = shelf.moves()
    shelf.accrue(on(1, 25))
    assert shelf.moves() == before
    # And the next month is counted from there.
    shelf.accrue(on(2, 21))
    assert shelf.standing(on(2, 21)).since == on(2, 20)


def test_an_end_that_nobody_told_of_is_seen_in_the_mirror(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.accrue(on(1, 10))
    shelf.status("canceled", on(1, 20))
    shelf.accrue(on(3, 1))
    assert [lot.starts_at for lot in shelf.lots(kind="free")] == [on(1, 20), on(2, 20)]


def test_an_account_on_a_test_clock_behind_the_wall_is_free_from_when_it_is_first_seen(
    shelf: Shelf,
):
    assert shelf.left(on(6, 1, year=2025)) == 1_000


# -- plan changes -----------------------------------------------------------------------------


def test_row_5_5_ten_thousand_left_and_forty_thousand_more_for_one_cycle(either: Shelf):
    old, new = either.offer("pro", "80k"), either.offer("pro", "40k")
    either.subscribe("pro", "80k", on(1, 10), on(2, 10))
    either.use(70_000, on(1, 15))
    line = either.change(old, new, "executing", at=on(1, 20))
    either.subscribe("pro", "40k", on(1, 20), on(2, 20))
    either.accrue(on(1, 20))
    assert either.left(on(1, 20)) == 10_000, "the old units count until the change is applied"
    for _ in range(2):
        either.applied(line, "carry_over", on(1, 20))
    assert either.left(on(1, 20)) == 50_000
    assert either.unused(on(1, 20)).units == 50_000
    assert either.left(on(2, 20) - timedelta(seconds=1)) == 50_000
    assert either.left(on(2, 20)) == 0
    either.subscribe("pro", "40k", on(2, 20), on(3, 20))
    assert either.left(on(2, 20)) == 40_000


def test_row_5_6_what_is_carried_into_an_annual_core_plan_lasts_for_a_month(shelf: Shelf):
    old, new = shelf.offer("pro", "20k"), shelf.offer("core", "10k", "year")
    shelf.subscribe("pro", "20k", on(1, 10), on(2, 10))
    shelf.pack(1_000, on(1, 11), on(2, 10))
    line = shelf.change(old, new, "executing", at=on(1, 20))
    shelf.subscribe("core", "10k", on(1, 20), on(1, 20, year=2027), interval="year")
    shelf.applied(line, "carry_over", on(1, 20))
    assert shelf.left(on(1, 20)) == 31_000
    assert shelf.left(on(2, 20)) == 10_000
    assert shelf.unused(on(1, 20)).not_yet_granted == 110_000


def test_row_5_3_unused_counts_what_was_bought_and_used_since_the_quote_is_not_paid_twice(
    either: Shelf,
):
    old, new = either.offer("core", "150k"), either.offer("pro", "300k")
    either.subscribe("core", "150k", on(1, 10), on(2, 10))
    either.pack(10_000, on(1, 10), on(2, 10))
    assert either.unused(on(1, 20)).units == 160_000
    line = either.change(old, new, "executing", at=on(1, 20))
    either.use(4_000, on(1, 20, 10))
    either.subscribe("pro", "300k", on(1, 20, 11), on(2, 20, 11))
    either.applied(line, "credited", on(1, 20, 11), 160_000)
    assert either.left(on(1, 20, 11)) == 296_000
    assert either.moves() == {"grant": 460_000, "consume": -8_000, "credit": -156_000}


def test_months_that_lapse_between_quote_and_payment_were_not_used(either: Shelf):
    old, new = either.offer("core", "10k", "year"), either.offer("pro", "10k", "year")
    either.subscribe("core", "10k", on(1, 10), on(1, 10, year=2027), interval="year")
    either.use(2_000, on(1, 20))
    quoted_at = on(2, 10) - timedelta(minutes=5)
    credited = either.unused(quoted_at).units
    assert credited == 118_000
    line = either.change(old, new, "executing", at=quoted_at)
    either.accrue(on(2, 10))
    end = on(2, 10) + timedelta(minutes=2)
    either.subscribe("pro", "10k", end, end.replace(year=2027), interval="year")
    either.applied(line, "credited", end, credited)
    assert either.left(end) == 120_000


def test_a_pack_bought_after_the_quote_is_not_lost(shelf: Shelf):
    old, new = shelf.offer("core", "10k"), shelf.offer("pro", "10k")
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    line = shelf.change(old, new, "executing", at=on(1, 20))
    shelf.pack(1_000, on(1, 20, 10), on(2, 10))
    shelf.subscribe("pro", "10k", on(1, 20, 11), on(2, 20, 11))
    shelf.applied(line, "credited", on(1, 20, 11), 10_000)
    assert shelf.left(on(1, 20, 11)) == 11_000


def test_units_that_nobody_used_are_not_counted_as_used_since_the_quote(shelf: Shelf):
    """The period before was never asked about, so there is nothing booked that was credited."""
    old, new = shelf.offer("core", "10k"), shelf.offer("pro", "10k")
    shelf.mirror("core", "10k", on(1, 10), on(2, 10))
    line = shelf.change(old, new, "executing", at=on(1, 20))
    shelf.mirror("pro", "10k", on(1, 20), on(2, 20))
    shelf.applied(line, "credited", on(1, 20), 10_000)
    assert shelf.left(on(1, 20)) == 10_000


def test_a_pack_that_is_paid_when_the_plan_is_over_stands_by_itself(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.status("canceled", on(1, 20))
    shelf.ended(on(1, 20))
    shelf.pack(5_000, on(1, 21), on(2, 21))
    assert shelf.left(on(1, 22)) == 6_000
    shelf.subscribe("core", "10k", on(2, 1), on(3, 1), sub="sub_2")
    assert shelf.left(on(2, 1)) == 15_000
    shelf.status("canceled", on(2, 5), "sub_2")
    shelf.ended(on(2, 5), "sub_2")
    assert shelf.left(on(2, 20)) == 6_000
    assert shelf.left(on(2, 21)) == 1_000


def test_reset_begins_afresh_and_takes_packs_with_it(shelf: Shelf):
    old, new = shelf.offer("core", "20k"), shelf.offer("core", "10k")
    shelf.subscribe("core", "20k", on(1, 10), on(2, 10))
    shelf.pack(1_000, on(1, 11), on(2, 10))
    line = shelf.change(old, new, "executing", at=on(1, 20))
    shelf.subscribe("core", "10k", on(1, 20), on(2, 20))
    for _ in range(2):
        shelf.applied(line, "reset", on(1, 20))
    assert shelf.left(on(1, 20)) == 10_000
    assert shelf.moves() == {"grant": 31_000, "expire": -21_000}


def test_a_change_that_keeps_the_cycle_grants_anew_too(shelf: Shelf):
    offers = [shelf.offer("core", "10k"), shelf.offer("pro", "10k"), shelf.offer("core", "10k")]
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    for day, (old, new) in enumerate(pairwise(offers), 20):
        shelf.use(1_000, on(1, day))
        line = shelf.change(old, new, "executing", at=on(1, day))
        shelf.subscribe(new.plan, new.tier, on(1, 10), on(2, 10))
        shelf.applied(line, "reset", on(1, day, 10))
        assert shelf.left(on(1, day, 10)) == 10_000
    assert shelf.left(on(2, 10)) == 0


def test_months_that_nobody_asked_about_are_carried_all_the_same(shelf: Shelf):
    """The old plan is on its third month, of which only the first was booked."""
    old, new = shelf.offer("core", "10k", "year"), shelf.offer("core", "10k")
    shelf.subscribe("core", "10k", on(1, 10), on(1, 10, year=2027), interval="year")
    shelf.accrue(on(1, 10))
    line = shelf.change(old, new, "executing", at=on(3, 20))
    shelf.subscribe("core", "10k", on(3, 20), on(4, 20))
    shelf.applied(line, "carry_over", on(3, 20))
    # This month's, the nine that were paid and are to come, and the new plan's own.
    assert shelf.left(on(3, 20)) == 10_000 + 90_000 + 10_000


def test_a_start_lets_the_free_units_lapse(shelf: Shelf):
    shelf.accrue(on(1, 5))
    line = shelf.change(None, shelf.offer("core", "10k"), "executing", at=on(1, 10))
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.accrue(on(1, 10))
    shelf.applied(line, "carry_over", on(1, 10))
    assert shelf.left(on(1, 10)) == 10_000
    assert shelf.moves() == {"grant": 11_000, "expire": -1_000}


# -- changes at the period's end, which wait for their payment --------------------------------


def scheduled(shelf: Shelf, old: str, new: str, effect: str = "-") -> object:
    line = shelf.change(
        shelf.offer("core", old),
        shelf.offer("core", new),
        "scheduled",
        at=on(1, 20),
        timing="period_end",
    )
    shelf.subscribe("core", old, on(1, 10), on(2, 10))
    shelf.accrue(on(1, 20))
    # Stripe may bring the line of a new phase as another item.
    shelf.subscribe("core", new, on(2, 10), on(3, 10), item="si_new")
    return line


@pytest.mark.parametrize(("old", "new"), [("10k", "40k"), ("40k", "10k")])
def test_a_bridge_of_the_smaller_allowance_holds_until_the_payment(
    shelf: Shelf, old: str, new: str
):
    line = scheduled(shelf, old, new)
    for state in ("scheduled", "activating"):
        shelf.moved(line, state)
        shelf.accrue(on(2, 10))
        assert shelf.left(on(2, 10)) == 10_000
    shelf.use(1_000, on(2, 10, 10))
    for _ in range(2):
        shelf.applied(line, "reset", on(2, 10, 11))
    assert shelf.left(on(2, 10, 11)) == {"40k": 40_000, "10k": 10_000}[new] - 1_000
    shelf.accrue(on(2, 20))
    assert shelf.left(on(2, 20)) == {"40k": 40_000, "10k": 10_000}[new] - 1_000
    assert shelf.left(on(3, 10)) == 0


def test_a_change_at_the_period_s_end_carries_what_was_left_then(either: Shelf):
    either.subscribe("core", "10k", on(1, 10), on(2, 10))
    either.use(3_000, on(1, 15))
    line = scheduled(either, "10k", "40k")
    either.moved(line, "activating")
    either.accrue(on(2, 10, 10))
    assert either.left(on(2, 10, 10)) == 10_000, "the old period is over, the new one not yet paid"
    for _ in range(2):
        either.applied(line, "carry_over", on(2, 11))
    assert either.left(on(2, 11)) == 7_000 + 40_000
    assert either.left(on(3, 10)) == 0


def test_a_change_that_is_given_up_takes_its_bridge_with_it(shelf: Shelf):
    line = scheduled(shelf, "40k", "10k")
    shelf.moved(line, "activating")
    shelf.accrue(on(2, 10))
    shelf.given_up(line, on(2, 12))
    assert shelf.left(on(2, 12)) == 0
    shelf.accrue(on(2, 13))
    assert shelf.left(on(2, 13)) == 0, "nothing is granted for what nobody paid"


def test_a_change_that_is_paid_after_all_is_granted_less_what_was_used(shelf: Shelf):
    line = scheduled(shelf, "40k", "10k")
    shelf.moved(line, "activating")
    shelf.use(2_000, on(2, 10))
    shelf.given_up(line, on(2, 12))
    shelf.applied(line, "reset", on(2, 14))
    assert shelf.left(on(2, 14)) == 8_000


# -- changes made outside ---------------------------------------------------------------------


def test_a_plan_changed_outside_keeps_what_was_used_of_the_period(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.use(4_000, on(1, 15))
    shelf.subscribe("core", "40k", on(1, 10), on(2, 10))
    shelf.accrue(on(1, 20))
    assert shelf.left(on(1, 20)) == 36_000
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.accrue(on(1, 21))
    assert shelf.left(on(1, 21)) == 6_000


def test_a_period_cut_short_outside_takes_its_units_with_it(shelf: Shelf):
    shelf.subscribe("core", "10k", on(1, 10), on(2, 10))
    shelf.pack(1_000, on(1, 11), on(2, 10))
    shelf.accrue(on(1, 15))
    shelf.subscribe("core", "10k", on(1, 20), on(2, 20))
    shelf.accrue(on(1, 20))
    assert shelf.left(on(1, 20)) == 10_000


# -- any instant ------------------------------------------------------------------------------


def test_one_function_for_any_instant(either: Shelf):
    either.subscribe("core", "10k", on(1, 10), on(1, 10, year=2027), interval="year")
    either.use(3_000, on(1, 15))
    either.use(2_000, on(2, 20))
    now = on(3, 1)
    told = {
        at: (standing.left, standing.used, standing.next_expiry)
        for at in (on(1, 12), on(1, 15), on(2, 9), on(2, 10), on(2, 25), on(4, 11))
        for standing in [either.standing(at, now)]
    }
    assert told == {
        on(1, 12): (10_000, 0, on(2, 10)),
        on(1, 15): (7_000, 3_000, on(2, 10)),
        on(2, 9): (7_000, 3_000, on(2, 10)),
        on(2, 10): (10_000, 0, on(3, 10)),
        on(2, 25): (8_000, 2_000, on(3, 10)),
        on(4, 11): (10_000, 0, on(5, 10)),
    }
