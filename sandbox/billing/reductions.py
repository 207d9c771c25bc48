"""Discounts and default tax rates that an invoice made by hand is given."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.world import World
from .coupons import read_discounts
from .rates import find_rates
from .totals import compute_totals


def read_reductions(world: World, customer: Json, params: Json, invoice: str | None = None) -> Json:
    """Discounts and tax rates of the whole invoice, where they were sent."""
    found: Json = {}
    if "discounts" in params:
        owner = {"invoice": invoice} if invoice else {}
        found["discounts"] = read_discounts(
            world, params["discounts"], customer, "discounts", **owner
        )
    if "default_tax_rates" in params:
        found["default_tax_rates"] = find_rates(
            world, params["default_tax_rates"], "default_tax_rates"
        )
    return found


def change_reductions(world: World, invoice: Json, params: Json) -> None:
    """On drafts only: a finalized invoice keeps its amounts (Stripe docs: edit invoices)."""
    customer = world.store.get("customer", invoice["customer"])
    found = read_reductions(world, customer, params, invoice["id"])
    if found and invoice["status"] != "draft":
        raise errors.invalid("Finalized invoices can't be updated in this way", next(iter(found)))
    if found:
        invoice |= found
        compute_totals(world, invoice)
