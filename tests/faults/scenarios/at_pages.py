"""Customers without a saved card, who are sent to a page."""

from __future__ import annotations

from tests.faults.acts import completes_the_page, executes, opens_a_page, passes, takes_back
from tests.faults.before import a_subscriber, an_account, days, quoted, without_cards
from tests.faults.endings import ends, saved
from tests.faults.scenario import BACK, DECLINED, Scenario

FREE = ("free", "1k")
CORE = ("core", "10k")
PRO = ("pro", "40k")

AT_PAGES = (
    Scenario(
        "page that saves a card",
        a_subscriber,
        [without_cards],
        [opens_a_page(), completes_the_page()],
        saved,
    ),
    Scenario(
        "first purchase at a page",
        an_account,
        [without_cards, quoted(*CORE)],
        [executes(return_url=BACK), completes_the_page()],
        ends("applied", CORE, ["paid"]),
    ),
    Scenario(
        "first purchase whose page is left",
        an_account,
        [without_cards, quoted(*CORE)],
        [executes(return_url=BACK), passes(hours=25)],
        ends("expired", FREE, []),
    ),
    Scenario(
        "upgrade at a page",
        a_subscriber,
        [without_cards, days(10), quoted(*PRO)],
        [executes(return_url=BACK), completes_the_page()],
        ends("applied", PRO, ["paid", "paid"]),
    ),
    Scenario(
        "upgrade at a page declined",
        a_subscriber,
        [without_cards, days(10), quoted(*PRO)],
        [executes(return_url=BACK), completes_the_page(DECLINED)],
        ends("failed", CORE, ["void", "paid"]),
    ),
    Scenario(
        "upgrade at a page taken back",
        a_subscriber,
        [without_cards, days(10), quoted(*PRO)],
        [executes(return_url=BACK), takes_back()],
        ends("cancelled", CORE, ["paid"]),
    ),
)
