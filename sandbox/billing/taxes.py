"""Flat tax rates on invoices, exclusive and inclusive (Stripe docs: tax rates).

An item's own rates win over the invoice's default ones. Tax is counted on what discounts leave;
credits carry negative tax. Rounding: per line (a support article's table rounds each line), or, by
named switch, once per rate over the whole invoice.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..kernel.errors import Json
from ..kernel.money import round_minor
from ..kernel.world import World
from .discounts import net_of

REASONS = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


@dataclass
class Due:
    """One rate on one line, exact."""

    line: Json
    rate: Json
    exact: Fraction
    base: Fraction


def tax_lines(world: World, invoice: Json) -> None:
    """Fills `taxes` of every line."""
    dues: list[Due] = []
    for line in invoice["lines"]:
        line["taxes"] = []
        dues += _dues(world, invoice, line)
    reached: dict[str, tuple[Fraction, int]] = {}
    for due in dues:
        if world.switches.tax_rounding == "line":
            amount = round_minor(due.exact, world.switches.half_cent)
        else:
            # rounded running totals: the lines add up to the rounded whole
            exact, before = reached.get(due.rate["id"], (Fraction(0), 0))
            exact += due.exact
            total = round_minor(exact, world.switches.half_cent)
            reached[due.rate["id"]] = (exact, total)
            amount = total - before
        due.line["taxes"].append(_shown(world, invoice, due, amount))


def _dues(world: World, invoice: Json, line: Json) -> list[Due]:
    chosen = line.get("_tax_rates") or invoice["default_tax_rates"]
    rates = [rate for rate in (world.store.peek("tax_rate", entry) for entry in chosen) if rate]
    if not rates:
        return []
    inside = sum((_percent(rate) for rate in rates if rate["inclusive"]), Fraction(0))
    base = Fraction(net_of(line)) / (1 + inside)
    exempt = invoice["customer_tax_exempt"] != "none"
    return [
        Due(line, rate, Fraction(0) if exempt else base * _percent(rate), base) for rate in rates
    ]


def _percent(rate: Json) -> Fraction:
    return Fraction(str(rate["percentage"])) / 100


def _shown(world: World, invoice: Json, due: Due, amount: int) -> Json:
    reason = REASONS.get(invoice["customer_tax_exempt"], "not_available")
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if due.rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": due.rate["id"]},
        "taxability_reason": reason,
        "taxable_amount": round_minor(due.base, world.switches.half_cent),
        "type": "tax_rate_details",
    }


def total_taxes(lines: list[Json]) -> list[Json]:
    """Per rate over all lines."""
    totals: dict[str, Json] = {}
    for line in lines:
        for tax in line["taxes"]:
            key = tax["tax_rate_details"]["tax_rate"]
            known = totals.get(key)
            if known is None:
                totals[key] = {**tax, "tax_rate_details": dict(tax["tax_rate_details"])}
            else:
                known["amount"] += tax["amount"]
                known["taxable_amount"] += tax["taxable_amount"]
    return list(totals.values())


def tax_of(lines: list[Json], behavior: str) -> int:
    """Sum of the inclusive or of the exclusive taxes."""
    return sum(
        int(tax["amount"])
        for line in lines
        for tax in line["taxes"]
        if tax["tax_behavior"] == behavior
    )
