"""Money: an integer number of minor units and its currency. Never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from mappings.errors import MoneyError

# https://docs.stripe.com/currencies#zero-decimal
_ZERO_DECIMAL = {
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
}  # fmt: skip
# https://docs.stripe.com/currencies#three-decimal
_THREE_DECIMAL = {"bhd", "jod", "kwd", "omr", "tnd"}
# Charged in whole units although Stripe counts them with two decimals.
# https://docs.stripe.com/currencies#special-cases
_WHOLE_UNITS_ONLY = {"isk", "ugx"}

_AMOUNT = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)


def decimals_of(currency: str) -> int:
    """How many decimals Stripe's minor unit of `currency` (lower case) stands for: 0, 2 or 3."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


@dataclass(frozen=True)
class Money:
    """`amount` minor units (cents, yen, fils) of `currency`, an ISO code in lower case."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise MoneyError.not_a_currency(self.currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in whole units: Money(11385, "usd").decimal == Decimal("113.85")."""
        return Decimal(self.amount).scaleb(-decimals_of(self.currency))

    def __str__(self) -> str:
        return f"{self.decimal:.{decimals_of(self.currency)}f} {self.currency.upper()}"


@dataclass(frozen=True)
class UnitPrice:
    """What one unit of usage costs: `amount` minor units of `currency`, exact, mostly below one."""

    amount: Decimal
    currency: str

    @property
    def decimal(self) -> Decimal:
        """The amount in whole units of the currency."""
        return self.amount.scaleb(-decimals_of(self.currency))

    def __str__(self) -> str:
        return f"{self.decimal.normalize():f} {self.currency.upper()} per unit"


def minor_units(amount: str | Decimal, currency: str) -> Money:
    """Convert a decimal amount such as "113.85" exactly; nothing is ever rounded.

    Raises MoneyError if the text is not plain digits, or has more decimals than Stripe can charge
    in that currency.
    """
    if not _CURRENCY.fullmatch(currency):
        raise MoneyError.not_a_currency(currency)
    value = _parsed(amount)
    step = _smallest_step(currency)
    minor = value.scaleb(decimals_of(currency))
    if minor % step:
        raise MoneyError.too_precise(str(amount), currency, _usable_decimals(currency))
    return Money(int(minor), currency)


def _parsed(amount: str | Decimal) -> Decimal:
    if isinstance(amount, str) and not _AMOUNT.fullmatch(amount):
        raise MoneyError.not_a_number(amount)
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise MoneyError.not_a_number(str(amount)) from None
    # 28 digits is the default decimal context; past that scaleb would round silently.
    if not value.is_finite() or len(value.as_tuple().digits) > 20:
        raise MoneyError.not_a_number(str(amount))
    return value


def _smallest_step(currency: str) -> int:
    """The smallest chargeable amount in minor units.

    Stripe wants three-decimal amounts to end in 0, and ISK and UGX to end in 00.
    """
    if currency in _WHOLE_UNITS_ONLY:
        return 100
    return 10 if currency in _THREE_DECIMAL else 1


def _usable_decimals(currency: str) -> int:
    return {1: decimals_of(currency), 10: 2, 100: 0}[_smallest_step(currency)]
