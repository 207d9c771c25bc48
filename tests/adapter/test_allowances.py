"""Allowances as an account lives through them: granted, lapsed, and known at any instant."""

from __future__ import annotations

from tests.support.allowances import Shelf, on


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
