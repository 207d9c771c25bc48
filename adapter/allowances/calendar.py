"""Months as Stripe counts them, and how a period is cut into the stretches of a grant."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta

# A month that was cut to its end can leave a few days over at the end of a year.
LEFT_OVER = timedelta(days=4)


@dataclass(frozen=True)
class Slot:
    """Number ``number`` of the stretches of a period; its units are usable in [start, end)."""

    number: int
    start: datetime
    end: datetime


def months_after(anchor: datetime, months: int) -> datetime:
    """The same day and time so many months later, cut to the month's end as Stripe does it:
    31 January, 28 February, 31 March (stripe-facts §3.2).
    """
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


def months_between(anchor: datetime, at: datetime) -> int:
    """How many whole months of ``anchor`` have passed at ``at``; ``at`` is not before it."""
    guess = (at.year - anchor.year) * 12 + at.month - anchor.month
    return guess if months_after(anchor, guess) <= at else guess - 1


def slots_of(start: datetime, end: datetime, *, monthly: bool) -> list[Slot]:
    """The stretches of the period [start, end), the last of which ends with it."""
    if not monthly:
        return [Slot(0, start, end)]
    found: list[Slot] = []
    begin = start
    while begin < end:
        following = months_after(start, len(found) + 1)
        until = end if following > end - LEFT_OVER else following
        found.append(Slot(len(found), begin, until))
        begin = until
    return found


def month_slot(anchor: datetime, number: int) -> Slot:
    """Month ``number`` of a stretch without an end that began at ``anchor``."""
    return Slot(number, months_after(anchor, number), months_after(anchor, number + 1))
