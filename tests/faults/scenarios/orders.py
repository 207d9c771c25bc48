"""Orders of several families, paid at once."""

from __future__ import annotations

from tests.faults.acts import authenticates, completes_the_page, executes, passes
from tests.faults.before import card, done, ordered, three_lines, without_cards
from tests.faults.endings import ordered_so
from tests.faults.scenario import AUTHENTICATE, BACK, DECLINED, THREE, Scenario

ORDERS = (
    Scenario(
        "order of three",
        three_lines,
        [ordered(mail="2k", bots="1k", texts=None)],
        [executes(), passes(days=21, hours=2)],
        ordered_so(["applied"] * 3, ["2k", "1k", "100"], ["paid", "paid", "paid"]),
        catalogue=THREE,
    ),
    Scenario(
        "order of three at a page",
        three_lines,
        [without_cards, ordered(mail="2k", bots="1k", texts=None)],
        [executes(return_url=BACK), completes_the_page(), passes(days=21, hours=2)],
        ordered_so(["applied"] * 3, ["2k", "1k", "100"], ["paid", "paid", "paid"]),
        catalogue=THREE,
    ),
    Scenario(
        "order of three whose page is left",
        three_lines,
        [without_cards, ordered(mail="2k", bots="1k", texts=None)],
        [executes(return_url=BACK), passes(hours=25)],
        ordered_so(["expired"] * 3, ["1k", "2k", "1k"], ["paid"]),
        catalogue=THREE,
    ),
    Scenario(
        "order of three paid later",
        three_lines,
        [card(AUTHENTICATE), ordered(mail="2k", bots="1k", texts=None)],
        [executes(), authenticates()],
        ordered_so(["applied", "scheduled", "scheduled"], ["2k", "2k", "1k"], ["paid", "paid"]),
        catalogue=THREE,
    ),
    Scenario(
        "order of three declined",
        three_lines,
        [card(DECLINED), ordered(mail="2k", bots="1k", texts=None)],
        [executes()],
        ordered_so(["failed"] * 3, ["1k", "2k", "1k"], ["void", "paid"]),
        catalogue=THREE,
    ),
    Scenario(
        "everything replaced at a page",
        three_lines,
        [without_cards, ordered(mail="2k", bots="1k", texts="2k")],
        [executes(return_url=BACK), completes_the_page()],
        ordered_so(["applied"] * 3, ["2k", "1k", "2k"], ["paid", "paid", "paid"]),
        catalogue=THREE,
    ),
    Scenario(
        "order of two given up",
        three_lines,
        [ordered(mail="2k", bots="1k"), done(executes()), without_cards, card(DECLINED)],
        [passes(days=21, hours=2), passes(days=4)],
        ordered_so(["applied", "failed"], ["2k", "100", "1k"], ["open", "paid", "paid"]),
        catalogue=THREE,
    ),
)
