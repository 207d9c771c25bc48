"""Prices as billing uses them: made, looked up, and what a quantity of one costs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.money import plain
from ..kernel.world import World


def new_price(world: World, product: Json, params: Json) -> Json:
    """A price from validated parameters. Amount, currency and interval never change after this."""
    if params.get("unit_amount") is None and params.get("unit_amount_decimal") is None:
        raise errors.missing_parameter("unit_amount")
    if params.get("unit_amount") is not None and params.get("unit_amount_decimal") is not None:
        raise errors.invalid(
            "You may only specify one of these parameters: unit_amount, unit_amount_decimal.",
            "unit_amount_decimal",
        )
    exact = params.get("unit_amount_decimal")
    if exact is None:
        exact = Decimal(params["unit_amount"])
    recurring = params.get("recurring")
    return world.add(
        "price",
        {
            "id": world.identify("price"),
            "object": "price",
            "active": params.get("active", True),
            "billing_scheme": "per_unit",
            "created": world.now(),
            "currency": params["currency"].lower(),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": dict(params.get("metadata") or {}),
            "nickname": params.get("nickname"),
            "product": product["id"],
            "recurring": recurring and _recurring(recurring),
            "tax_behavior": params.get("tax_behavior") or "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": int(exact) if exact == exact.to_integral_value() else None,
            "unit_amount_decimal": plain(exact),
        },
    )


def _recurring(params: Json) -> Json:
    return {
        "interval": params["interval"],
        "interval_count": params.get("interval_count") or 1,
        "meter": None,
        "trial_period_days": params.get("trial_period_days"),
        "usage_type": params.get("usage_type") or "licensed",
    }


def inline_price(world: World, data: Json, param: str) -> Json:
    """A price from `price_data`: real, but not active, so that it is never offered again."""
    product = world.require("product", data["product"], f"{param}[product]")
    return new_price(world, product, {**data, "active": False})


def unit_amount(price: Json) -> Fraction:
    """Exact minor units per piece."""
    return Fraction(price["unit_amount_decimal"])


def amount_of(price: Json, quantity: int) -> Fraction:
    return unit_amount(price) * quantity


def interval_of(price: Json) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def pricing_of(price: Json) -> Json:
    """The `pricing` field of invoice items and invoice lines (stripe-facts §2.2)."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def plan_of(price: Json) -> Json | None:
    """The old `plan` shape that subscription items still carry (§2.3)."""
    recurring = price["recurring"]
    if recurring is None:
        return None
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": dict(price["metadata"]),
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }
