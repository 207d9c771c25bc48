"""Catalogues nobody wrote: plans, prices and rules made up, as long as the check accepts them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mappings import Catalogue, CatalogueError, parse_catalogue

TIMINGS = ("now", "period_end", "caller")
CREDITS = ("time", "unused_allowance", "none")


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """A valid catalogue of one family with a free plan and two or three paid ones."""
    allowance, yearly = draw(st.booleans()), draw(st.booleans())
    # Where the interval is no key of the order, another interval alone is a move sideways.
    order = draw(st.sampled_from([["plan", "tier_per_month", "interval"], ["tier", "plan"]]))
    sideways = yearly and "interval" not in order and not allowance
    if "interval" not in order and not sideways:
        order = ["plan", "tier_per_month", "interval"]
    lines = [
        'name = "Made up"',
        'tenant = "made-up"',
        'currencies = ["usd"]',
        "[families.thing]",
        'name = "Thing"',
        'unit = "units"',
        f'size_is = "{"allowance" if allowance else "limit"}"',
        f"order = {order}".replace("'", '"'),
        "[families.thing.plans.free]",
        'name = "Free"',
        "rank = 0",
        'kind = "free"',
        'tiers = [{ id = "t0", size = 10 }]',
    ]
    for rank in range(1, draw(st.integers(2, 3)) + 1):
        monthly_reset = allowance and draw(st.booleans())
        lines += _plan(draw, rank, yearly=yearly, monthly_reset=monthly_reset)
    lines += _rule("start", 'direction = "start"', {"timing": "now"})
    for kind in ("upgrade", "downgrade", "lateral") if sideways else ("upgrade", "downgrade"):
        if kind == "downgrade":
            to_free = {"timing": draw(st.sampled_from(TIMINGS)), "credit": "none"}
            lines += _rule("to-free", 'direction = "downgrade", to = "free"', to_free)
        lines += _rule(kind, f'direction = "{kind}"', _action(draw, allowance, yearly))
    ending = {"timing": draw(st.sampled_from(TIMINGS)), "credit": "none"}
    if ending["timing"] != "period_end":
        ending["credit"] = draw(st.sampled_from(["time_to_balance", "none"]))
    lines += _rule("cancel", 'direction = "cancel"', ending)
    refusal = {"route": "not_offered", "reason": "The account has this."}
    lines += _rule("unchanged", 'direction = "same"', refusal)
    try:
        return parse_catalogue("\n".join(lines))
    except CatalogueError as error:
        raise AssertionError(f"{error}\n" + "\n".join(lines)) from error


def _plan(draw: st.DrawFn, rank: int, *, yearly: bool, monthly_reset: bool) -> list[str]:
    tiers = []
    size, cents = 0, 1_000 * rank
    for number in range(1, draw(st.integers(1, 2)) + 1):
        size += draw(st.integers(100, 5_000))
        cents += draw(st.integers(100, 20_000))
        month, year = cents / 100, cents * draw(st.integers(8, 12)) / 100
        prices = f'month = {{ usd = "{month:.2f}" }}'
        prices += f', year = {{ usd = "{year:.2f}" }}' if yearly else ""
        tiers.append(f'{{ id = "t{number}", size = {size}, prices = {{ {prices} }} }}')
    plan = [f"[families.thing.plans.p{rank}]", f'name = "P{rank}"', f"rank = {rank}"]
    if monthly_reset:
        plan.append('allowance_reset = "month"')
    return [*plan, f"tiers = [{', '.join(tiers)}]"]


def _action(draw: st.DrawFn, allowance: bool, yearly: bool) -> dict[str, Any]:
    """One of the combinations that are carried out (mappings/supported.py)."""
    timing = draw(st.sampled_from(TIMINGS))
    credit = draw(st.sampled_from(CREDITS if allowance else ("time", "none")))
    keeps = credit == "time" and not yearly
    action: dict[str, Any] = {
        "timing": timing,
        "credit": credit,
        # A cycle goes on only if time is credited, and only if no interval changes.
        "cycle": draw(st.sampled_from(["keep", "restart"] if keeps else ["restart"])),
        "acknowledge": draw(st.booleans()),
    }
    if timing != "now":
        action |= draw(st.sampled_from([{}, {"grace_days": 5}]))
    carries = allowance and credit != "unused_allowance" and action["cycle"] == "restart"
    if carries and draw(st.booleans()):
        action["allowance"] = "carry_over"
    return action


def _rule(name: str, when: str, then: dict[str, Any]) -> list[str]:
    values = [f"{key} = {_toml(value)}" for key, value in then.items()]
    return ["[[families.thing.rules]]", f'id = "{name}"', f"when = {{ {when} }}", *values]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
