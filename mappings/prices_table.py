"""Reading amounts: decimal texts per currency, complete and chargeable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from mappings.errors import MoneyError
from mappings.money import Money, minor_units
from mappings.offer import INTERVALS, Interval
from mappings.problems import Problems
from mappings.reader import Reader

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts: eight digits
_LARGEST = 99_999_999
# https://docs.stripe.com/api/prices/create#create_price-unit_amount_decimal, in minor units
_UNIT_DECIMALS = 12


class PriceReader:
    """Reads amounts in the catalogue's currencies and reports what cannot be charged."""

    def __init__(self, currencies: tuple[str, ...], problems: Problems) -> None:
        self._currencies = currencies
        self._problems = problems

    def recurring(self, prices: Reader) -> dict[tuple[Interval, str], Money]:
        """`prices = { month = { usd = "10.60" }, year = { usd = "106.00" } }`."""
        found: dict[tuple[Interval, str], Money] = {}
        for interval in INTERVALS:
            if prices.has(interval):
                amounts = self.amounts(prices.table(interval))
                found |= {(interval, currency): money for currency, money in amounts.items()}
        return found

    def amounts(self, amounts: Reader) -> dict[str, Money]:
        """`{ usd = "10.60", eur = "9.80" }`: each currency of the catalogue once, none zero."""
        found: dict[str, Money] = {}
        for currency, text in self._texts(amounts):
            path = amounts.at(currency)
            try:
                money = minor_units(text, currency)
            except MoneyError as error:
                self._problems.add(path, error.code, str(error))
                # Keeps the interval among those sold; a catalogue with problems is never used.
                found[currency] = Money(1, currency)
                continue
            self._check_range(money, path)
            found[currency] = money
        return found

    def unit_prices(self, amounts: Reader) -> dict[str, Decimal]:
        """Prices of one unit of usage, which may be far below a cent."""
        found: dict[str, Decimal] = {}
        for currency, text in self._texts(amounts):
            path = amounts.at(currency)
            if not re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
                self._problems.add(path, "invalid_amount", f"{text!r} is not a price per unit")
            elif not Decimal(text):
                self._problems.add(path, "zero_price", "a price per unit must be above zero")
            elif len(text.partition(".")[2]) > _UNIT_DECIMALS:
                message = f"Stripe keeps at most {_UNIT_DECIMALS} decimals of a price per unit"
                self._problems.add(path, "invalid_amount", message)
            else:
                found[currency] = Decimal(text)
        return found

    def _texts(self, amounts: Reader) -> Iterator[tuple[str, str]]:
        for currency in amounts.names():
            text = amounts.text(currency)
            if currency not in self._currencies:
                message = f"{currency!r} is not among the catalogue's currencies"
                self._problems.add(amounts.at(currency), "unknown_currency", message)
            elif text is not None:
                yield currency, text
        for currency in self._currencies:
            if not amounts.has(currency):
                message = f"there is no price in {currency}, a currency of the catalogue"
                self._problems.add(amounts.at(currency), "missing_price", message)

    def _check_range(self, money: Money, path: str) -> None:
        if money.amount <= 0:
            message = 'a price must be above zero; a plan that costs nothing has kind = "free"'
            self._problems.add(path, "zero_price", message)
        elif money.amount > _LARGEST:
            self._problems.add(path, "invalid_amount", f"{money} is more than Stripe can charge")
