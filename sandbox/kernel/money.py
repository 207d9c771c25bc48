"""Exact money: decimal strings in, integer minor units out, rounded once per line."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal

HalfCent = Literal["away_from_zero", "to_even"]


def round_minor(value: Fraction, half: HalfCent) -> int:
    """To the nearest minor unit (stripe-facts §3.1: nearest, never floor).

    What happens to an exact half is undocumented, hence the named switch.
    """
    doubled = value * 2
    if doubled.denominator == 1 and doubled.numerator % 2:
        mode = ROUND_HALF_UP if half == "away_from_zero" else ROUND_HALF_EVEN
        return int((Decimal(doubled.numerator) / 2).quantize(Decimal(1), rounding=mode))
    magnitude = (abs(value) * 2 + 1) // 2
    return int(magnitude) if value >= 0 else -int(magnitude)


def plain(value: Decimal) -> str:
    """A decimal as Stripe prints it: `2500`, `0.05`; no exponent, no trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_fraction(value: Fraction) -> str:
    """A usage, which is a sum of decimals, as a decimal: exact."""
    return plain(Decimal(value.numerator) / Decimal(value.denominator))
