"""What must be so after a step, compared with what is: each key of an expectation by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from .acting import Done, Troupe
from .chronicle import Happening
from .scenario import Step, moment
from .schemas import NONE

Expected = Mapping[str, Any]
# What a quote calls its money, by the word of a scenario.
QUOTED = {"due_now": "due_now", "total": "total", "credit": "credit"}
INVOICED = {"total": "total", "due": "amount_remaining", "paid": "amount_paid"}


@dataclass(frozen=True)
class Finding:
    """One comparison."""

    what: str
    expected: str
    found: str
    held: bool

    @classmethod
    def of(cls, what: str, expected: object, found: object) -> Finding:
        return cls(what, _text(expected), _text(found), expected == found)


@dataclass(frozen=True)
class Look:
    """One account after a step."""

    troupe: Troupe
    done: Done
    account: str | None
    family: str | None
    happened: Sequence[Happening]

    def get(self, path: str) -> Any:
        return self.troupe.company.planshift.get(f"/v1/accounts/{self.account}{path}")

    def plan(self) -> Any:
        """The part of the state that is about the family."""
        plans = self.get("")["plans"]
        return next(one for one in plans if one["family"] == self.family)

    def moved(self, what: str) -> Decimal:
        """The money that moved so in the step."""
        moves = [one for one in self.happened if one.what == what and one.money]
        mine = [one.money.decimal for one in moves if one.account == self.account and one.money]
        return sum(mine, Decimal(0))


def compare(
    troupe: Troupe, step: Step, done: Done, happened: Sequence[Happening]
) -> Iterator[Finding]:
    """Every comparison of a step: what it expects, and what is always expected."""
    for expected in step.expect:
        account = expected.get("account") or done.account or troupe.account(expected)
        families = {"family": expected.get("family") or step.body.get("family")}
        named = {name: value for name, value in families.items() if value}
        look = Look(troupe, done, account, troupe.family(named), happened)
        whose = f"{account}: " if len(troupe.scenario.accounts) > 1 and account else ""
        for name, value in expected.items():
            if name in COMPARE:
                for finding in COMPARE[name](look, value):
                    yield Finding(
                        whose + finding.what, finding.expected, finding.found, finding.held
                    )
    yield from _always(troupe, step, done)


def _always(troupe: Troupe, step: Step, done: Done) -> Iterator[Finding]:
    """Unless a step says so: nothing is refused, nothing drifts, nothing is left undone."""
    if done.refused and not any("refused" in expected for expected in step.expect):
        yield Finding("not refused", "done", f"{done.refused}: {done.why}", held=False)
    stands = troupe.standing.get(done.account or "")
    if step.action in ("change", "cancel") and stands and stands.change and not done.refused:
        change = troupe.company.planshift.get(f"/v1/plan-changes/{stands.change}")
        drift = [line["drift"] for line in change["lines"] if line["drift"]]
        if drift:
            yield Finding("came out as quoted", "no drift", str(drift), held=False)
    stuck = troupe.company.stuck()
    if stuck:
        told = ", ".join(f"{count} of {name}" for name, count in stuck.items())
        yield Finding("nothing waits for a person", "nothing", told, held=False)


# -- by key ---------------------------------------------------------------------------------


def _plan(look: Look, word: str) -> Iterator[Finding]:
    found = look.plan()["in_effect"]
    parts = 1 if found is None else word.count("/") + 1
    told = NONE if found is None else "/".join(_offer(found)[:parts])
    yield Finding.of("plan in effect", word, told)


def _status(look: Look, word: str) -> Iterator[Finding]:
    yield Finding.of("status", word, look.plan()["status"] or NONE)


def _change(look: Look, word: str) -> Iterator[Finding]:
    change = look.troupe.standing[str(look.account)].change
    found = NONE
    if change is not None:
        lines = look.troupe.company.planshift.get(f"/v1/plan-changes/{change}")["lines"]
        found = ", ".join(line["state"] for line in lines)
    yield Finding.of("the change is", word, found)


def _scheduled(look: Look, words: list[str]) -> Iterator[Finding]:
    lines = [one for change in look.get("")["open_changes"] for one in change["lines"]]
    mine = [one["to"] for one in lines if one["state"] == "scheduled"]
    mine = [one for one in mine if one is None or one["family"] == look.family or not look.family]
    told = [NONE if one is None else "/".join(_offer(one)) for one in mine]
    same = len(told) == len(words) and all(
        one == word or one.startswith(f"{word}/") for one, word in zip(told, words, strict=True)
    )
    yield Finding("scheduled", _text(words), _text(told), same)


def _ends(look: Look, when: Any) -> Iterator[Finding]:
    found = look.plan()["ends_at"]
    told = datetime.fromisoformat(found) if found else None
    wanted = moment(when)
    # a date alone means any time of that day
    if told is not None and not isinstance(when, datetime):
        told = moment(told.date())
    yield Finding.of("ends", wanted, told)


def _invoice(look: Look, wanted: Expected) -> Iterator[Finding]:
    invoices = look.get("/invoices")["data"]
    if not invoices:
        yield Finding("newest invoice", "an invoice", "none", held=False)
        return
    newest = invoices[0]
    for name, value in wanted.items():
        if name in INVOICED:
            found: Any = _amount(newest[INVOICED[name]])
        else:
            found = len(newest["lines"]) if name == "lines" else newest[name]
        yield Finding.of(f"newest invoice, {name}", value, found)


def _quote(look: Look, wanted: Expected) -> Iterator[Finding]:
    quote = look.done.quote
    if quote is None:
        yield Finding("quote", "a quote", "none", held=False)
        return
    timing = quote["timings"].get("now") or next(iter(quote["timings"].values()))
    for name, value in wanted.items():
        money = timing[QUOTED.get(name, "credited_to_balance")]
        yield Finding.of(f"quoted, {name}", value, _amount(money))


def _charged(look: Look, amount: Decimal) -> Iterator[Finding]:
    yield Finding.of("charged in this step", amount, look.moved("charged"))


def _refunded(look: Look, amount: Decimal) -> Iterator[Finding]:
    yield Finding.of("given back in this step", amount, look.moved("refunded"))


def _balance(look: Look, amount: Decimal) -> Iterator[Finding]:
    yield Finding.of("balance", amount, _amount(look.get("")["balance"]))


def _left(look: Look, units: int) -> Iterator[Finding]:
    told = look.get("/allowances")["families"]
    found = next((one["left"] for one in told if one["family"] == look.family), None)
    yield Finding.of("units left", units, found)


def _mails(look: Look, wanted: list[str]) -> Iterator[Finding]:
    mine = [one for one in look.happened if one.what == "mail" and one.account == look.account]
    subjects = [one.told for one in mine]
    same = len(subjects) == len(wanted) and all(
        word in subject for word, subject in zip(wanted, subjects, strict=True)
    )
    yield Finding("e-mails", _text(wanted), _text(subjects), same)


def _refused(look: Look, code: str) -> Iterator[Finding]:
    yield Finding.of("refused", code, look.done.refused or "it was done")


COMPARE: dict[str, Callable[[Look, Any], Iterator[Finding]]] = {
    "refused": _refused,
    "quote": _quote,
    "plan": _plan,
    "status": _status,
    "change": _change,
    "scheduled": _scheduled,
    "ends": _ends,
    "invoice": _invoice,
    "charged": _charged,
    "refunded": _refunded,
    "balance": _balance,
    "left": _left,
    "mails": _mails,
}


def _offer(found: Mapping[str, Any]) -> list[str]:
    return [str(found[name]) for name in ("plan", "tier", "interval") if found.get(name)]


def _amount(money: Mapping[str, Any]) -> Decimal:
    """The number of `10.60 USD`."""
    return Decimal(str(money["text"]).split()[0].replace(",", ""))


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(str(one) for one in value) or "none"
    if isinstance(value, datetime):
        return f"{value:%-d %b %Y %H:%M}"
    return "none" if value is None else str(value)
