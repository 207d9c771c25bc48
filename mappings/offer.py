"""The offer: what an account holds or asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Interval = Literal["month", "year"]
INTERVALS: tuple[Interval, ...] = ("month", "year")


@dataclass(frozen=True)
class Offer:
    """Family, plan, tier, interval and currency, by id. Made by `Catalogue.offer`.

    A free plan is not billed, so its offer has neither interval nor currency: both are None.
    """

    family: str
    plan: str
    tier: str
    interval: Interval | None
    currency: str | None

    @property
    def is_free(self) -> bool:
        return self.interval is None

    def __str__(self) -> str:
        parts = (self.family, self.plan, self.tier, self.interval, self.currency)
        return "/".join(part for part in parts if part is not None)


@dataclass(frozen=True)
class UnknownPrice:
    """The explicit answer for a Stripe price that maps to no offer. Never guessed around.

    `code` is stable: no_metadata, foreign_tenant or not_in_catalogue; `reason` is a sentence.
    """

    code: Literal["no_metadata", "foreign_tenant", "not_in_catalogue"]
    reason: str
