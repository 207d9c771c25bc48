"""Allowances across a change at the period's end, which waits for its payment."""

from __future__ import annotations

import pytest

from tests.support.allowances import Shelf, on


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
