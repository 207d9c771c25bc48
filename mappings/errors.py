"""Errors of this room: one root, named constructors, a stable `code` on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from mappings.problems import Problem


class MappingsError(Exception):
    """Root of every error raised by this room.

    `code` is stable and safe to show to a program, `happened` and `remedy` are sentences for a
    person: what went wrong and what to do next.
    """

    code = "mappings_error"

    def __init__(self, happened: str, remedy: str) -> None:
        super().__init__(f"{happened} {remedy}")
        self.happened = happened
        self.remedy = remedy


class MoneyError(MappingsError):
    """An amount cannot be written exactly in the minor units of its currency."""

    code = "invalid_amount"

    @classmethod
    def not_a_number(cls, text: str) -> Self:
        return cls(f"{text!r} is not an amount.", 'Write plain digits, such as "113.85".')

    @classmethod
    def not_a_currency(cls, currency: str) -> Self:
        return cls(
            f"{currency!r} is not a currency.",
            "Write a three-letter ISO code in lower case, such as usd.",
        )

    @classmethod
    def too_precise(cls, text: str, currency: str, decimals: int) -> Self:
        return cls(
            f"{text} has more decimals than {currency.upper()} can be charged in.",
            f"Use at most {decimals}." if decimals else "Use whole units.",
        )


class UnknownOffer(MappingsError):
    """Something was named that the catalogue does not sell.

    `field` says which part of the offer is unknown, `value` what was asked for, `known` what could
    have been asked for instead, in catalogue order.
    """

    def __init__(self, field: str, value: str | None, known: Iterable[str], where: str) -> None:
        self.field = field
        self.value = value
        self.known = list(known)
        self.code = f"unknown_{field}"
        asked = f"{field.capitalize()} {value!r} is" if value is not None else f"No {field} was"
        tail = f"not sold in {where}." if value is not None else f"named in {where}."
        choices = ", ".join(self.known)
        super().__init__(
            f"{asked} {tail}",
            f"Choose one of: {choices}." if choices else "Nothing is sold there.",
        )

    @classmethod
    def for_family(cls, value: str, known: Iterable[str], catalogue: str) -> Self:
        return cls("family", value, known, f"catalogue {catalogue!r}")

    @classmethod
    def for_plan(cls, value: str, known: Iterable[str], family: str) -> Self:
        return cls("plan", value, known, f"family {family!r}")

    @classmethod
    def for_tier(cls, value: str | None, known: Iterable[str], plan: str) -> Self:
        return cls("tier", value, known, f"plan {plan!r}")

    @classmethod
    def for_interval(cls, value: str | None, known: Iterable[str], tier: str) -> Self:
        return cls("interval", value, known, f"tier {tier!r}")

    @classmethod
    def for_currency(cls, value: str | None, known: Iterable[str], tier: str) -> Self:
        return cls("currency", value, known, f"tier {tier!r}")

    @classmethod
    def for_pack(cls, value: str, known: Iterable[str], family: str) -> Self:
        return cls("pack", value, known, f"family {family!r}")


class NoFixedPrice(MappingsError):
    """The offer exists but has no recurring price of its own."""

    code = "no_fixed_price"

    @classmethod
    def for_free(cls, plan: str) -> Self:
        return cls(f"Plan {plan!r} is free.", "Ask `offer.is_free` before asking for a price.")

    @classmethod
    def for_metered(cls, plan: str) -> Self:
        return cls(f"Plan {plan!r} is billed by usage.", "Ask for its price per unit.")

    @classmethod
    def for_unmetered(cls, plan: str) -> Self:
        return cls(f"Plan {plan!r} is not billed by usage.", "Ask for its fixed price.")

    @classmethod
    def for_unpriced(cls, plan: str, tier: str) -> Self:
        return cls(
            f"Tier {tier!r} of plan {plan!r} has no price in the catalogue.",
            "It is sold by contacting sales; give it prices to sell it here.",
        )


class IncomparableOffers(MappingsError):
    """A change was asked for between two families; a plan change stays within one."""

    code = "incomparable_offers"

    @classmethod
    def between(cls, current: str, target: str) -> Self:
        return cls(
            f"An offer of family {current!r} cannot become one of family {target!r}.",
            "Order the new family and cancel the old one as two changes.",
        )


class NoRuleMatches(MappingsError):
    """No rule of the family covers this change. Cannot happen on a checked catalogue."""

    code = "no_rule_matches"

    @classmethod
    def for_situation(cls, family: str, situation: str) -> Self:
        return cls(
            f"Family {family!r} has no rule for this: {situation}.",
            "Run `planshift catalogue check` and add a rule that covers it.",
        )


class CatalogueError(MappingsError):
    """The catalogue document cannot be used. `problems` lists everything wrong with it."""

    code = "catalogue_invalid"

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name = name
        self.problems = list(problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__(
            f"Catalogue {name} has {count}:\n{listing}\n",
            "Correct them and run `planshift catalogue check` again.",
        )
