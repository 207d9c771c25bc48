"""Allowances across a change of plan: carried, paid back, begun afresh."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from tests.support.allowances import Shelf, on


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
