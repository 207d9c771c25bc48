"""What a rehearsal tells: for people on a screen, for programs as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from mappings.money import Money

from ..demo.screen import Screen
from .chronicle import Happening
from .expecting import Finding
from .performing import Performance, Played

MOVES = ("charged", "refunded", "balance")


def told(screen: Screen, played: Played) -> None:
    """One step: what was done, what came of it by date, and what was compared."""
    step, done = played.step, played.done
    screen.step(step.number, step.say or done.told, f"{played.until:%-d %b %Y %H:%M}")
    if step.say and done.told:
        screen.quotation(done.told)
    for one in played.happened:
        text = f"e-mail: {one.told}" if one.what == "mail" else one.told
        screen.deed(f"{one.moment:%-d %b %Y}", f"{one.account}: {text}")
    for finding in played.findings:
        if finding.held:
            screen.held(f"{finding.what}: {finding.found}")
        else:
            screen.differs(_missed(played, finding))


def verdict(screen: Screen, performance: Performance) -> None:
    """What it cost, whatever was not as expected, and the last line."""
    screen.heading("What it came to")
    head = ("account", "charged", "given back", "balance", "e-mails")
    screen.table(head, [_row(performance, ref) for ref in _accounts(performance)], (1, 2, 3, 4))
    missed = [line for played in performance.played for line in _all_missed(played)]
    for line in missed:
        screen.differs(line)
    count = sum(len(played.findings) for played in performance.played)
    screen.verdict(
        not missed,
        f"{count - len(missed)} of {count} expectations held in {len(performance.played)} steps",
    )


def cost(performance: Performance, account: str) -> dict[str, list[Money]]:
    """What moved in all for one account, by currency: charged, refunded, and on the balance."""
    sums: dict[str, Counter[str]] = {what: Counter() for what in MOVES}
    for one in _happenings(performance):
        if one.money is not None and one.account == account:
            sums[one.what][one.money.currency] += one.money.amount
    return {
        what: [Money(amount, currency) for currency, amount in sorted(found.items())]
        for what, found in sums.items()
    }


def to_json(performance: Performance) -> dict[str, Any]:
    """The whole report as plain data; amounts as texts with their currency, moments RFC 3339."""
    return {
        "scenario": performance.scenario.name,
        "catalogue": performance.scenario.catalogue.name,
        "held": performance.held,
        "cost": {
            account: {
                what: [str(money) for money in found]
                for what, found in cost(performance, account).items()
            }
            for account in _accounts(performance)
        },
        "steps": [_step(played) for played in performance.played],
    }


def _step(played: Played) -> dict[str, Any]:
    return {
        "number": played.step.number,
        "say": played.step.say,
        "did": played.done.told,
        "refused": played.done.refused,
        "until": played.until.isoformat(),
        "happened": [
            {
                "at": one.moment.isoformat(),
                "account": one.account,
                "what": one.what,
                "told": one.told,
                "money": str(one.money) if one.money else None,
            }
            for one in played.happened
        ],
        "expectations": [vars(finding) for finding in played.findings],
    }


def _all_missed(played: Played) -> Iterator[str]:
    return (_missed(played, finding) for finding in played.findings if not finding.held)


def _missed(played: Played, finding: Finding) -> str:
    return (
        f"step {played.step.number}: {finding.what}: "
        f"expected {finding.expected}, found {finding.found}"
    )


def _accounts(performance: Performance) -> list[str]:
    return list(performance.scenario.accounts)


def _row(performance: Performance, account: str) -> list[str]:
    moved = cost(performance, account)
    mails = [
        one for one in _happenings(performance) if one.what == "mail" and one.account == account
    ]
    sums = [" + ".join(str(money) for money in moved[what]) or "nothing" for what in MOVES]
    return [account, *sums, str(len(mails))]


def _happenings(performance: Performance) -> Iterator[Happening]:
    return (one for played in performance.played for one in played.happened)
