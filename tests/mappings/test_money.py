"""Money is exact or it is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import Money, MoneyError, decimals_of, minor_units


@pytest.mark.parametrize(
    ("text", "currency", "amount", "shown"),
    [
        ("113.85", "usd", 11385, "113.85 USD"),
        ("0.1", "eur", 10, "0.10 EUR"),
        ("-3", "usd", -300, "-3.00 USD"),
        ("1200", "jpy", 1200, "1200 JPY"),
        ("1200.00", "jpy", 1200, "1200 JPY"),
        ("1.25", "kwd", 1250, "1.250 KWD"),
        ("50", "isk", 5000, "50.00 ISK"),
    ],
)
def test_an_amount_is_read_and_shown_as_its_currency_writes_it(
    text: str, currency: str, amount: int, shown: str
) -> None:
    money = minor_units(text, currency)
    assert money == Money(amount, currency)
    assert str(money) == shown


@pytest.mark.parametrize(
    ("text", "currency", "hint"),
    [
        ("1.005", "usd", "at most 2"),
        ("10.5", "jpy", "whole units"),
        ("1.255", "kwd", "at most 2"),  # Stripe wants three-decimal amounts to end in 0
        ("10.50", "isk", "whole units"),  # two decimals at Stripe, of which none may be used
    ],
)
def test_more_decimals_than_can_be_charged_are_refused_not_rounded(
    text: str, currency: str, hint: str
) -> None:
    with pytest.raises(MoneyError, match=hint) as caught:
        minor_units(text, currency)
    assert caught.value.code == "invalid_amount"


@pytest.mark.parametrize(
    "text", ["", " 1", "1e3", "1,000", "ten", "NaN", "Infinity", "\uff11.00", "1.", "9" * 40]
)
def test_what_is_not_plain_digits_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match="not an amount"):
        minor_units(text, "usd")


@pytest.mark.parametrize("currency", ["USD", "us", "", "usdd", "u1d"])
def test_a_currency_is_three_lower_case_letters(currency: str) -> None:
    with pytest.raises(MoneyError, match="not a currency"):
        minor_units("1", currency)
    with pytest.raises(MoneyError, match="not a currency"):
        Money(1, currency)


@given(
    amount=st.integers(-(10**12), 10**12),
    currency=st.sampled_from(["usd", "eur", "jpy", "krw"]),
)
def test_shown_money_reads_back_as_the_same_money(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    text, _ = str(money).split(" ")
    assert minor_units(text, currency) == money
    assert minor_units(money.decimal, currency) == money


@given(st.decimals(allow_nan=True, allow_infinity=True), st.sampled_from(["usd", "jpy", "kwd"]))
def test_any_decimal_converts_exactly_or_is_refused(value: Decimal, currency: str) -> None:
    try:
        money = minor_units(value, currency)
    except MoneyError:
        return
    assert money.decimal == value
    assert money.amount == value * 10 ** decimals_of(currency)
