"""Plans that are billed by usage."""

from __future__ import annotations

from tests.faults.acts import completes_the_page, executes, reports
from tests.faults.before import a_metered_subscriber, an_account, quoted, without_cards
from tests.faults.endings import ends, metered
from tests.faults.scenario import API, BACK, PLUS, Scenario

METERED = (
    Scenario(
        "metered sign-up at a page",
        an_account,
        [without_cards, quoted(*PLUS, family=API)],
        [executes(return_url=BACK), completes_the_page()],
        ends("applied", PLUS, [], API),
        catalogue="metered",
    ),
    Scenario(
        "usage on its way to the meter",
        a_metered_subscriber,
        [],
        [reports(5, "one"), reports(7, "two")],
        metered(PLUS, 100_012, []),
        catalogue="metered",
    ),
    Scenario(
        "metered end with usage on its way",
        a_metered_subscriber,
        [quoted(None, family=API)],
        [reports(25_000, "last"), executes()],
        metered(("free", "free"), 125_000, ["paid"]),
        catalogue="metered",
    ),
)
