"""The built-in catalogue `cancel-first`: directly up, down only through cancellation."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

import mappings
from mappings import Catalogue, Decision, Facts, Offer, decide, load_catalogue, parse_catalogue
from mappings.offer import INTERVALS

CANCEL_FIRST = load_catalogue("cancel-first")
TEXT = (Path(mappings.__file__).parent / "catalogues" / "cancel-first.toml").read_text("utf-8")
ANY_FACTS = [Facts(*flags) for flags in product((True, False), (True, False))]


def offer(catalogue: Catalogue, text: str) -> Offer | None:
    """ "enterprise year" in US dollars; "free" as the free offer; "" as none."""
    if text in ("", "free"):
        return catalogue.free_offer("workspace") if text else None
    plan, interval = text.split()
    (tier,) = catalogue.plan("workspace", plan).tiers
    return catalogue.offer("workspace", plan, tier, interval, "usd")


def decided(current: str, target: str, facts: Facts, catalogue: Catalogue = CANCEL_FIRST) -> Any:
    return decide(catalogue, offer(catalogue, current), offer(catalogue, target), facts)


@pytest.mark.parametrize("facts", ANY_FACTS)
@pytest.mark.parametrize(("held", "wanted"), list(product(INTERVALS, INTERVALS)))
def test_row_1_1_enterprise_to_professional_is_refused_with_the_way_to_do_it(
    held: str, wanted: str, facts: Facts
) -> None:
    decision: Decision = decided(f"enterprise {held}", f"professional {wanted}", facts)
    assert (decision.rule, decision.route) == ("downgrade", "not_offered")
    assert decision.reason
    assert "Cancel the current plan, then upgrade from Free" in (decision.remedy or "")


@pytest.mark.parametrize("facts", ANY_FACTS)
@pytest.mark.parametrize(
    ("current", "target"),
    [
        ("professional month", "enterprise month"),
        ("professional month", "enterprise year"),
        ("professional year", "enterprise month"),
        ("professional month", "professional year"),
        ("free", "professional month"),
        ("", "enterprise year"),
    ],
)
def test_row_1_1_up_is_direct_now_and_with_credit_for_the_time(
    current: str, target: str, facts: Facts
) -> None:
    decision = decided(current, target, facts)
    assert (decision.rule, decision.route) == ("upgrade", "self_serve")
    assert (decision.timing, decision.credit) == ("now", "time")


@pytest.mark.parametrize("facts", ANY_FACTS)
@pytest.mark.parametrize("target", ["", "free"])
@pytest.mark.parametrize("current", ["professional month", "enterprise year"])
def test_row_1_2_and_1_3_leaving_is_now_and_credits_the_balance(
    current: str, target: str, facts: Facts
) -> None:
    decision = decided(current, target, facts)
    assert (decision.route, decision.timing) == ("self_serve", "now")
    assert (decision.credit, decision.acknowledge) == ("time_to_balance", True)


def test_nothing_in_this_catalogue_waits_for_the_end_of_a_period() -> None:
    rules = CANCEL_FIRST.family("workspace").rules
    assert {rule.then.timing for rule in rules} == {"now"}


def test_the_longer_interval_is_up_and_the_shorter_is_refused_too() -> None:
    facts = Facts(chargeable=True)
    assert decided("professional year", "professional month", facts).route == "not_offered"
    fewer = Facts(chargeable=True, quantity_before=2, quantity_after=1)
    assert decided("professional year", "professional year", fewer).route == "not_offered"


def test_row_1_6_the_file_says_how_to_have_it_done_in_one_request() -> None:
    """The answer given in the comment above the rule is sound in the place of the rule's own."""
    start = TEXT.index('route = "not_offered"')
    end = TEXT.index("\n\n", start)
    suggested = TEXT[TEXT.index('#   route = "cancel') : TEXT.index("# That is the same money")]
    answer = suggested.replace("#   ", "").rstrip()
    catalogue = parse_catalogue(TEXT[:start] + answer + TEXT[end:])
    decision = decided("enterprise month", "professional month", Facts(True), catalogue)
    assert (decision.route, decision.timing) == ("cancel_and_resubscribe", "now")
    assert (decision.credit, decision.acknowledge) == ("time_to_balance", True)
