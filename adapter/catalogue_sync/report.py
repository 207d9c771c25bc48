"""The plan and its outcome as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from .actions import KINDS, Action
from .carrying_out import SyncResult
from .planning import SyncPlan

NOTHING = "Stripe holds this catalogue already: nothing to do."
SIGNS = {"create": "+", "archive": "-"}


def plan_lines(plan: SyncPlan) -> list[str]:
    """The plan, a line per write under its product; ends with ``plan_summary``.

    "+" makes something, "-" archives it, "~" changes it, "=" leaves it as it is.
    """
    lines = [f"interrupted earlier, finished first: {line}" for line in plan.interrupted]
    for product in _products(plan):
        lines.append(f"{plan.names.get(product, product)}  ({product})")
        lines += [
            f"  {SIGNS.get(action.verb, '~')} {action}"
            for action in plan.actions
            if action.product == product
        ]
        lines += [f"  = {kept}" for kept in plan.kept if kept.product == product]
    return [*lines, plan_summary(plan)]


def plan_summary(plan: SyncPlan) -> str:
    """Counts in one line: "3 products to create, 84 prices to create, 1 price to re-key"."""
    counts = []
    for kind in KINDS:
        count = sum(type(action) is kind for action in plan.actions)
        if count:
            counts.append(f"{_counted(count, kind.noun)} to {kind.verb}")
    return ", ".join(counts) if counts else NOTHING


def progress_line(number: int, total: int, action: Action) -> str:
    """One write done: "[ 12/132] create price 'Core 10k monthly' at 10.60 USD"."""
    return f"[{number:{len(str(total))}}/{total}] {action}"


def result_lines(result: SyncResult) -> list[str]:
    """The outcome: how many writes were made, then each refusal with Stripe's reason."""
    made = f"{_counted(len(result.done), 'write')} made at Stripe; local prices are in line."
    return [made, *(f"REFUSED: {refusal.action}: {refusal.message}" for refusal in result.refused)]


def _products(plan: SyncPlan) -> Iterator[str]:
    """The products of the plan, each once, in the order of the writes."""
    named = [action.product for action in plan.actions] + [kept.product for kept in plan.kept]
    yield from dict.fromkeys(named)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
