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
    tiers = _read_tiers(params) if params.get("billing_scheme") == "tiered" else None
    exact = None if tiers else _amount(params)
    recurring = params.get("recurring")
    return world.add(
        "price",
        {
            "id": world.identify("price"),
            "object": "price",
            "active": params.get("active", True),
            "billing_scheme": "tiered" if tiers else "per_unit",
            "created": world.now(),
            "currency": params["currency"].lower(),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": dict(params.get("metadata") or {}),
            "nickname": params.get("nickname"),
            "product": product["id"],
            "recurring": recurring and _recurring(world, recurring),
            "tax_behavior": params.get("tax_behavior") or "unspecified",
            "tiers_mode": params["tiers_mode"] if tiers else None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": _whole(exact),
            "unit_amount_decimal": None if exact is None else plain(exact),
            "_tiers": tiers,
        },
    )


def _amount(params: Json) -> Decimal:
    if params.get("unit_amount") is None and params.get("unit_amount_decimal") is None:
        raise errors.missing_parameter("unit_amount")
    if params.get("unit_amount") is not None and params.get("unit_amount_decimal") is not None:
        raise errors.invalid(
            "You may only specify one of these parameters: unit_amount, unit_amount_decimal.",
            "unit_amount_decimal",
        )
    exact = params.get("unit_amount_decimal")
    return Decimal(params["unit_amount"]) if exact is None else Decimal(exact)


def _whole(exact: Decimal | None) -> int | None:
    return int(exact) if exact is not None and exact == exact.to_integral_value() else None


def _read_tiers(params: Json) -> list[Json]:
    """Tiers in ascending order, the last without a limit (Stripe docs: tiered pricing)."""
    entries = params.get("tiers") or []
    if not entries:
        raise errors.missing_parameter("tiers")
    if not params.get("tiers_mode"):
        raise errors.missing_parameter("tiers_mode")
    tiers: list[Json] = []
    for entry in entries:
        unit, flat = _tier_amount(entry, "unit_amount"), _tier_amount(entry, "flat_amount")
        limit = None if entry["up_to"] == "inf" else int(entry["up_to"])
        tiers.append(
            {
                "flat_amount": _whole(flat),
                "flat_amount_decimal": None if flat is None else plain(flat),
                "unit_amount": _whole(unit),
                "unit_amount_decimal": None if unit is None else plain(unit),
                "up_to": limit,
            }
        )
    limits = [tier["up_to"] for tier in tiers]
    if limits[-1] is not None or None in limits[:-1] or limits[:-1] != sorted(set(limits[:-1])):
        raise errors.invalid(
            "The tiers must be sorted by `up_to`, and the last one must be `inf`.", "tiers"
        )
    return tiers


def _tier_amount(entry: Json, name: str) -> Decimal | None:
    exact = entry.get(f"{name}_decimal", entry.get(name))
    return None if exact is None else Decimal(exact)


def _recurring(world: World, params: Json) -> Json:
    metered = params.get("usage_type") == "metered"
    if metered and not params.get("meter"):
        raise errors.invalid(
            "Prices with `usage_type=metered` must be backed by meters. Set "
            "`recurring[meter]` (legacy usage records are gone since 2025-03-31.basil).",
            "recurring[meter]",
        )
    if params.get("meter"):
        if not metered:
            raise errors.invalid(
                "A meter can only be set where `usage_type` is `metered`.", "recurring[meter]"
            )
        world.require("billing.meter", params["meter"], "recurring[meter]")
    return {
        "interval": params["interval"],
        "interval_count": params.get("interval_count") or 1,
        "meter": params.get("meter"),
        "trial_period_days": params.get("trial_period_days"),
        "usage_type": params.get("usage_type") or "licensed",
    }


def is_metered(price: Json) -> bool:
    """Whether usage is counted and billed afterwards, instead of pieces in advance."""
    return bool(price["recurring"]) and price["recurring"]["usage_type"] == "metered"


def inline_price(world: World, data: Json, param: str) -> Json:
    """A price from `price_data`: real, but not active, so that it is never offered again."""
    product = world.require("product", data["product"], f"{param}[product]")
    return new_price(world, product, {**data, "active": False})


def unit_amount(price: Json) -> Fraction:
    """Exact minor units per piece; with tiers there is no such thing, and 0 stands for it."""
    return Fraction(price["unit_amount_decimal"] or 0)


def amount_of(price: Json, quantity: int | Fraction) -> Fraction:
    """Exact minor units of so many pieces, or of so much usage."""
    if price["_tiers"]:
        return _tiered(price, Fraction(quantity))
    return unit_amount(price) * quantity


def _tiered(price: Json, quantity: Fraction) -> Fraction:
    """Graduated: each part at its tier's price. Volume: all at the price of the tier reached."""
    total, below = Fraction(0), Fraction(0)
    for tier in price["_tiers"]:
        limit = tier["up_to"]
        reached = limit is None or quantity <= limit
        part = quantity - below if reached else Fraction(limit) - below
        unit = Fraction(tier["unit_amount_decimal"] or 0)
        flat = Fraction(tier["flat_amount_decimal"] or 0)
        if price["tiers_mode"] == "volume" and reached:
            return quantity * unit + (flat if quantity else 0)
        if price["tiers_mode"] == "graduated" and part > 0:
            total += part * unit + flat
        if reached:
            break
        below = Fraction(limit)
    return total


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
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": dict(price["metadata"]),
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }
