"""What an adoption did, or would do: for a person, and for a machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something that stands in the way of a customer, or of a change of one of its lines.

    ``customer`` and ``subscription`` are Stripe's ids; ``code`` is stable, ``detail`` says what it
    is and the way out. ``price`` is one that maps to no offer.
    """

    customer: str
    code: str
    detail: str
    subscription: str | None = None
    price: str | None = None


@dataclass
class Report:
    """One run. ``committed`` False: a dry run, which changed nothing.

    ``left_out`` are customers that were not adopted, ``not_changeable`` adopted ones of which a
    line cannot be changed yet.
    """

    committed: bool
    adopted: int = 0
    subscriptions: int = 0
    known: int = 0
    left_out: list[Finding] = field(default_factory=list)
    not_changeable: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is left for a person to look at."""
        return not (self.left_out or self.not_changeable)

    @property
    def seen(self) -> int:
        """How many customers were looked at."""
        return self.adopted + self.known + len(self.left_out)


def report_document(report: Report) -> dict[str, Any]:
    """The report as JSON members."""
    return asdict(report)


def report_lines(report: Report) -> Iterator[str]:
    """The report for a person: totals first, then each price to map, then every finding."""
    verb = "Adopted" if report.committed else "Would adopt"
    yield f"{verb} {report.adopted} customers with {report.subscriptions} live subscriptions."
    yield f"Known already: {report.known}. Left out: {len(report.left_out)}."
    yield from _prices(report)
    yield from _findings("Left out, and why:", report.left_out)
    yield from _findings("Not to be changed before something is done:", report.not_changeable)
    if not report.committed:
        yield ""
        yield "That was a dry run: nothing was changed. Say --yes to do it."


def _prices(report: Report) -> Iterator[str]:
    """One price is on many subscriptions: it is mapped once."""
    unknown = Counter(found.price for found in report.not_changeable if found.price)
    if unknown:
        yield ""
        yield "Prices that map to no offer; say of each which one it is:"
    for price, count in unknown.most_common():
        yield f"  planshift catalogue adopt {price} FAMILY/PLAN/TIER/INTERVAL   ({count} lines)"


def _findings(title: str, findings: list[Finding]) -> Iterator[str]:
    if findings:
        yield ""
        yield title
    for found in findings:
        yield f"  {found.subscription or found.customer}  {found.code}: {found.detail}"
