"""The built-in catalogue `choose-when`: the caller says now or with the next cycle."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mappings import Allowance, Decision, Facts, Offer, decide, load_catalogue

CHOOSE_WHEN = load_catalogue("choose-when")
TEAM, STUDIO = "virtual-team", "content-studio"
LADDERS = {
    TEAM: ["starter 1k", "starter 5k", "growth 2k", "scale 25k"],
    STUDIO: ["solo 500", "solo 2k", "agency 5k", "agency 20k"],
}


def offer(family: str, text: str, interval: str = "month") -> Offer | None:
    """ "growth 5k" in euros; "free" as the free offer; "" as none."""
    if text in ("", "free"):
        return CHOOSE_WHEN.free_offer(family) if text else None
    return CHOOSE_WHEN.offer(family, *text.split(), interval, "eur")


def decided(family: str, current: str, target: str, *, chargeable: bool = True) -> Decision:
    held, wanted = offer(family, current), offer(family, target)
    return decide(CHOOSE_WHEN, held, wanted, Facts(chargeable))


def test_one_family_has_a_free_plan_and_the_other_has_none() -> None:
    assert CHOOSE_WHEN.free_offer(TEAM) is not None
    assert CHOOSE_WHEN.free_offer(STUDIO) is None


@pytest.mark.parametrize("chargeable", [True, False])
@pytest.mark.parametrize("family", [TEAM, STUDIO])
def test_row_2_1_up_and_down_are_at_the_callers_choice(family: str, chargeable: bool) -> None:
    ladder = LADDERS[family]
    for lower, higher in pairwise(ladder):
        up = decided(family, lower, higher, chargeable=chargeable)
        down = decided(family, higher, lower, chargeable=chargeable)
        assert (up.rule, down.rule) == ("upgrade", "downgrade")
        for decision in (up, down):
            assert (decision.route, decision.timing) == ("self_serve", "caller")
            assert (decision.cycle, decision.credit) == ("restart", "time")
            assert (decision.on_failed_payment, decision.grace_days) == ("keep_current", 7)
        assert (up.acknowledge, down.acknowledge) == (False, True)


@pytest.mark.parametrize(("family", "kept"), [(TEAM, "carry_over"), (STUDIO, "reset")])
def test_row_2_3_an_upgrade_keeps_unused_credits_in_one_family_and_not_in_the_other(
    family: str, kept: str
) -> None:
    lower, *_, higher = LADDERS[family]
    assert decided(family, lower, higher).allowance == kept
    assert decided(family, higher, lower).allowance == "reset"


@pytest.mark.parametrize("family", [TEAM, STUDIO])
def test_a_first_purchase_has_no_cycle_to_wait_for(family: str) -> None:
    for nothing in {"", "free" if family == TEAM else ""}:
        decision = decided(family, nothing, LADDERS[family][0])
        assert (decision.rule, decision.timing) == ("start", "now")


@pytest.mark.parametrize(("family", "target"), [(TEAM, "free"), (TEAM, ""), (STUDIO, "")])
def test_leaving_is_at_the_callers_choice_too(family: str, target: str) -> None:
    decision = decided(family, LADDERS[family][-1], target)
    assert (decision.timing, decision.credit) == ("caller", "time_to_balance")
    assert decision.acknowledge


def test_row_2_4_the_families_never_share_a_subscription() -> None:
    assert not any(family.share_subscription for family in CHOOSE_WHEN.families.values())


def test_a_year_of_one_comes_at_once_and_of_the_other_by_the_month() -> None:
    def granted(family: str, text: str) -> Allowance | None:
        annual = offer(family, text, "year")
        assert annual is not None
        return CHOOSE_WHEN.allowance_of(annual)

    assert granted(TEAM, "growth 5k") == Allowance(60_000, "period")
    assert granted(STUDIO, "agency 5k") == Allowance(5_000, "month")
