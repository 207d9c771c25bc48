"""Changes that wait for the period's end, and what overtakes them until then."""

from __future__ import annotations

from tests.faults.acts import cancels, executes, passes, pays_by_hand, takes_back, uncancels
from tests.faults.before import a_team, card, days, on_team, scheduled, without_cards
from tests.faults.endings import ends
from tests.faults.scenario import DECLINED, TEAM, Scenario

GROWTH = ("growth", "5k")
STARTER = ("starter", "2k")
LARGE = ("growth", "10k")

AT_PERIOD_END = (
    Scenario(
        "scheduled downgrade",
        a_team,
        [on_team(*STARTER)],
        [executes(when="period_end"), passes(days=31, hours=2)],
        ends("applied", STARTER, ["paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "scheduled other interval",
        a_team,
        [on_team("growth", "5k", interval="year")],
        [executes(when="period_end"), passes(days=31, hours=2)],
        ends("applied", GROWTH, ["paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "scheduled downgrade taken back",
        a_team,
        [on_team(*STARTER)],
        [executes(when="period_end"), takes_back(), passes(days=32)],
        ends("cancelled", GROWTH, ["paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "scheduled downgrade replaced",
        a_team,
        [scheduled(*STARTER), on_team("starter", "1k")],
        [executes(when="period_end"), passes(days=31, hours=2)],
        ends("applied", ("starter", "1k"), ["paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "upgrade over a scheduled downgrade",
        a_team,
        [scheduled(*STARTER), days(3), on_team(*LARGE)],
        [executes(when="now"), passes(days=32)],
        ends("applied", LARGE, ["paid", "paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "upgrade over a scheduled downgrade declined",
        a_team,
        [scheduled(*STARTER), card(DECLINED), on_team(*LARGE)],
        [executes(when="now")],
        ends("failed", GROWTH, ["void", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "end over a scheduled downgrade, and un-cancel",
        a_team,
        [scheduled(*STARTER)],
        [cancels("period_end"), uncancels()],
        ends("cancelled", GROWTH, ["paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "downgrade over a scheduled end",
        a_team,
        [scheduled(None), on_team(*STARTER)],
        [executes(when="period_end"), passes(days=31, hours=2)],
        ends("applied", STARTER, ["paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "activation paid by another card",
        a_team,
        [scheduled(*STARTER), card(DECLINED)],
        [passes(days=31, hours=2)],
        ends("applied", STARTER, ["paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "activation paid by hand",
        a_team,
        [scheduled(*STARTER), without_cards, card(DECLINED)],
        [passes(days=31, hours=2), pays_by_hand()],
        ends("applied", STARTER, ["paid", "paid"], TEAM),
        catalogue="choose-when",
    ),
    Scenario(
        "activation given up",
        a_team,
        [scheduled(*STARTER), without_cards, card(DECLINED)],
        [passes(days=31, hours=2), passes(days=8)],
        ends("failed", ("free", "100"), ["void", "paid"], TEAM),
        catalogue="choose-when",
    ),
)
