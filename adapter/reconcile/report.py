"""What reconcile found, for a person and for a machine; both as it is found, so that any number of
findings fits.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .findings import Difference, Failure, Finding, Foreign, UnknownPrice
from .reconciling import left
from .walking import Walk

# A value longer than that is in the JSON only.
SHOWN = 40
COUNTED = (
    "subscriptions",
    "customers",
    "invoices",
    "schedules",
    "differences",
    "repaired",
    "failed",
    "unknown_prices",
    "foreign",
    "waiting",
    "lists",
    "fetches",
)


def finding_line(finding: Finding) -> str:
    """A finding as one line of text."""
    match finding:
        case Difference():
            was = f", the same at {_minute(finding.since)}" if finding.since else ""
            done = "repaired" if finding.repaired else "DIFFERS"
            return (
                f"{done}  {finding.id} ({finding.account})  {finding.field}: "
                f"{_short(finding.ours)} here, {_short(finding.theirs)} at Stripe{was}"
            )
        case UnknownPrice():
            return (
                f"unknown price  {finding.subscription} ({finding.account})  {finding.price}: "
                f"{finding.reason}"
            )
        case Foreign():
            return f"foreign  {finding.subscription} of {finding.customer}"
    return f"FAILED  {finding.id}: {finding.error}"


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON members, under the name of what it is."""
    names = {
        Difference: "difference",
        UnknownPrice: "unknown_price",
        Foreign: "foreign",
        Failure: "failure",
    }
    members = {name: _json(value) for name, value in asdict(finding).items()}
    return {names[type(finding)]: members}


def summary_document(walk: Walk) -> dict[str, Any]:
    """The totals as JSON members; ``left`` is what a person has to see to, or a repair."""
    counts = {name: int(walk.counts.get(name, 0)) for name in COUNTED}
    return {"summary": {**counts, "left": left(walk), "began_at": walk.began.isoformat()}}


def summary_lines(walk: Walk, *, repair: bool) -> list[str]:
    """The totals for a person."""
    counts = {name: int(walk.counts.get(name, 0)) for name in COUNTED}
    lines = [
        f"Compared {_many(counts['subscriptions'], 'subscription')}, "
        f"{_many(counts['customers'], 'customer')}, {_many(counts['invoices'], 'invoice')} and "
        f"{_many(counts['schedules'], 'schedule')} of ours, with "
        f"{_many(counts['lists'], 'list call')} and {_many(counts['fetches'], 'fetch', 'fetches')}."
    ]
    if counts["foreign"]:
        foreign = _many(counts["foreign"], "subscription")
        lines.append(f"{foreign} of customers that are not accounts here.")
    if counts["unknown_prices"]:
        lines.append(
            f"{_many(counts['unknown_prices'], 'line')} on a price that the catalogue does not "
            "know: a person has to look."
        )
    if counts["waiting"]:
        waiting = _many(counts["waiting"], "object")
        lines.append(f"{waiting} with events in the inbox, which the worker processes.")
    if counts["failed"]:
        failed = _many(counts["failed"], "object")
        lines.append(f"{failed} could not be looked at; the log says why.")
    return [*lines, _verdict(counts, repair=repair)]


def _verdict(counts: dict[str, int], *, repair: bool) -> str:
    if not counts["differences"] and counts["failed"]:
        return "No differences in what could be looked at."
    if not counts["differences"]:
        return "No differences: what is here is what Stripe has."
    found = _many(counts["differences"], "difference")
    if not repair:
        return f"{found}: 'planshift reconcile --repair' takes over what Stripe has."
    return f"{found}, {counts['repaired']} repaired."


def _many(number: int, one: str, more: str | None = None) -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
