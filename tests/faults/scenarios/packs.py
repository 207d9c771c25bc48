"""Packs: extra units, bought once."""

from __future__ import annotations

from tests.faults.acts import authenticates, buys, completes_the_page
from tests.faults.before import a_subscriber, card, without_cards
from tests.faults.endings import sold
from tests.faults.scenario import AUTHENTICATE, BACK, DECLINED, Scenario

PACKS = (
    Scenario(
        "pack",
        a_subscriber,
        [],
        [buys()],
        sold("granted", [1_000], ["paid", "paid"]),
    ),
    Scenario(
        "pack declined",
        a_subscriber,
        [card(DECLINED)],
        [buys()],
        sold("failed", [], ["void", "paid"]),
    ),
    Scenario(
        "pack paid later",
        a_subscriber,
        [card(AUTHENTICATE)],
        [buys(), authenticates()],
        sold("granted", [1_000], ["paid", "paid"]),
    ),
    Scenario(
        "pack bought at a page",
        a_subscriber,
        [without_cards],
        [buys(return_url=BACK), completes_the_page()],
        sold("granted", [1_000], ["paid", "paid"]),
    ),
)
