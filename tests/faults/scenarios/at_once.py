"""Purchases, changes and ends that are made at once, on a saved card."""

from __future__ import annotations

from tests.faults.acts import (
    authenticates,
    cancels,
    executes,
    executes_with_the_other_card,
    passes,
    takes_back,
    uncancels,
)
from tests.faults.before import (
    a_large_subscriber,
    a_subscriber,
    an_account,
    an_enterprise,
    another_card,
    card,
    days,
    quoted,
    used,
)
from tests.faults.endings import ends
from tests.faults.scenario import AUTHENTICATE, DECLINED, WORKSPACE, Scenario
from tests.support.workspaces import in_one_request

FREE = ("free", "1k")
CORE = ("core", "10k")
PRO = ("pro", "40k")
PROFESSIONAL = ("professional", "50")

AT_ONCE = (
    Scenario(
        "first purchase",
        an_account,
        [quoted(*CORE)],
        [executes()],
        ends("applied", CORE, ["paid"]),
    ),
    Scenario(
        "first purchase declined",
        an_account,
        [card(DECLINED), quoted(*CORE)],
        [executes()],
        ends("failed", FREE, ["void"]),
    ),
    Scenario(
        "first purchase paid later",
        an_account,
        [card(AUTHENTICATE), quoted(*CORE)],
        [executes(), authenticates()],
        ends("applied", CORE, ["paid"]),
    ),
    Scenario(
        "first purchase abandoned",
        an_account,
        [card(AUTHENTICATE), quoted(*CORE)],
        [executes(), passes(hours=24)],
        ends("expired", FREE, ["void"]),
    ),
    Scenario(
        "first purchase taken back",
        an_account,
        [card(AUTHENTICATE), quoted(*CORE)],
        [executes(), takes_back()],
        ends("cancelled", FREE, ["void"]),
    ),
    Scenario(
        "upgrade",
        a_subscriber,
        [days(3), quoted(*PRO)],
        [executes()],
        ends("applied", PRO, ["paid", "paid"]),
    ),
    Scenario(
        "upgrade declined",
        a_subscriber,
        [days(3), card(DECLINED), quoted(*PRO)],
        [executes()],
        ends("failed", CORE, ["void", "paid"]),
    ),
    Scenario(
        "upgrade with a named card",
        a_subscriber,
        [days(3), another_card("pm_card_mastercard"), quoted(*PRO)],
        [executes_with_the_other_card()],
        ends("applied", PRO, ["paid", "paid"]),
    ),
    Scenario(
        "upgrade with a named card declined",
        a_subscriber,
        [days(3), another_card(DECLINED), quoted(*PRO)],
        [executes_with_the_other_card()],
        ends("failed", CORE, ["void", "paid"]),
    ),
    Scenario(
        "upgrade paid later",
        a_subscriber,
        [days(3), card(AUTHENTICATE), quoted(*PRO)],
        [executes(), authenticates()],
        ends("applied", PRO, ["paid", "paid"]),
    ),
    Scenario(
        "upgrade abandoned",
        a_subscriber,
        [days(3), card(AUTHENTICATE), quoted(*PRO)],
        [executes(), passes(hours=24)],
        ends("expired", CORE, ["void", "paid"]),
    ),
    Scenario(
        "upgrade taken back",
        a_subscriber,
        [days(3), card(AUTHENTICATE), quoted(*PRO)],
        [executes(), takes_back()],
        ends("cancelled", CORE, ["void", "paid"]),
    ),
    Scenario(
        "cancel now with credit",
        a_subscriber,
        [days(3)],
        [cancels("now")],
        ends("applied", FREE, ["paid", "paid"]),
    ),
    Scenario(
        "cancel at the period's end",
        a_subscriber,
        [days(3)],
        [cancels("period_end"), passes(days=30)],
        ends("applied", FREE, ["paid"]),
    ),
    Scenario(
        "cancel at the period's end and un-cancel",
        a_subscriber,
        [days(3)],
        [cancels("period_end"), uncancels()],
        ends("cancelled", CORE, ["paid"]),
    ),
    Scenario(
        "cancel at the period's end taken back",
        a_subscriber,
        [days(3)],
        [cancels("period_end"), takes_back()],
        ends("cancelled", CORE, ["paid"]),
    ),
    Scenario(
        "cancel now over a scheduled end",
        a_subscriber,
        [days(3)],
        [cancels("period_end"), cancels("now")],
        ends("applied", FREE, ["paid", "paid"]),
    ),
    Scenario(
        "upgrade with units left",
        a_subscriber,
        [days(3), used(4_000), quoted(*PRO)],
        [executes()],
        ends("applied", PRO, ["paid", "paid"]),
    ),
    Scenario(
        "downgrade with units carried over",
        a_large_subscriber,
        [days(3), used(4_000), quoted(*CORE)],
        [executes()],
        ends("applied", CORE, ["paid", "paid"]),
    ),
    Scenario(
        "end and start again",
        an_enterprise,
        [quoted(*PROFESSIONAL, family=WORKSPACE)],
        [executes()],
        ends("applied", PROFESSIONAL, ["paid", "paid", "paid"], WORKSPACE),
        catalogue="cancel-first",
        sold=in_one_request,
    ),
    Scenario(
        "end and start again declined",
        an_enterprise,
        [days(16), card(DECLINED), quoted(*PROFESSIONAL, family=WORKSPACE)],
        [executes()],
        ends("failed", ("free", "3"), ["void", "paid", "paid"], WORKSPACE),
        catalogue="cancel-first",
        sold=in_one_request,
    ),
)
