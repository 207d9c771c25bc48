"""Tax rates by id: checked when named, shown in full (stripe-facts §2.3)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.world import World

MOST_RATES = 5


def find_rates(world: World, identifiers: list[str] | None, param: str) -> list[str]:
    """Checked ids of tax rates; '' or none unset them."""
    if len(identifiers or []) > MOST_RATES:
        raise errors.invalid(f"You may apply at most {MOST_RATES} tax rates.", param)
    for index, identifier in enumerate(identifiers or []):
        world.require("tax_rate", identifier, f"{param}[{index}]")
    return list(identifiers or [])


def show_rates(world: World, identifiers: list[str]) -> list[Json]:
    """Rates in full, as subscriptions, items and invoices show them."""
    found = [world.store.peek("tax_rate", entry) for entry in identifiers]
    return [world.render(rate) for rate in found if rate is not None]
