"""What the stories across all catalogues buy in each of them, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from tests.support.world import World

Offered = tuple[str, str]


@dataclass(frozen=True)
class Sold:
    """A family with two paid plans by the month; prices in US cents."""

    catalogue: str
    family: str
    small: Offered
    small_price: int
    large: Offered
    large_price: int
    free: Offered | None

    def __str__(self) -> str:
        return self.family

    def quote(self, w: World, offer: Offered | None, ref: str = "acme") -> Any:
        return w.quote(ref, *(offer or (None,)), family=self.family)

    def order(
        self, w: World, offer: Offered | None, when: str = "now", ref: str = "acme"
    ) -> TestResponse:
        """Quote and execute."""
        answer = w.execute(ref, self.quote(w, offer, ref), when=when)
        w.settle()
        return answer

    def buy(self, w: World, ref: str = "acme") -> str:
        """An account on the small plan; its customer's id."""
        customer = w.account(ref)
        assert self.order(w, self.small, ref=ref).status_code == 201
        return customer

    def plan(self, w: World, ref: str = "acme") -> Offered | None:
        return w.plan(ref, self.family)


OPERATIONS = Sold(
    "operations", "operations", ("core", "10k"), 1060, ("pro", "40k"), 6040, ("free", "1k")
)
TEAM = Sold(
    "choose-when", "virtual-team", ("growth", "5k"), 15900, ("scale", "10k"), 44900, ("free", "100")
)
STUDIO = Sold("choose-when", "content-studio", ("solo", "2k"), 3900, ("agency", "5k"), 11900, None)
WORKSPACE = Sold(
    "cancel-first",
    "workspace",
    ("professional", "50"),
    2900,
    ("enterprise", "500"),
    9900,
    ("free", "3"),
)
EACH = (OPERATIONS, TEAM, WORKSPACE)
