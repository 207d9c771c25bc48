"""Prices: immutable in amount, currency and interval; found by lookup keys that can be moved."""

from __future__ import annotations

from ..billing.pricing import new_price
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import (
    Fields,
    any_of,
    array,
    boolean,
    decimal,
    enum,
    integer,
    record,
    text,
)
from ..kernel.lists import PAGE, RANGE, page
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, assign, fits, fresh_metadata

TAX = enum("exclusive", "inclusive", "unspecified")
INTERVAL = enum("day", "week", "month", "year", required=True)
AMOUNT: Fields = {
    "currency": text(required=True),
    "tax_behavior": TAX,
    "unit_amount": integer(),
    "unit_amount_decimal": decimal(),
}
RECURRING: Fields = {
    "recurring": record(
        {
            "interval": INTERVAL,
            "interval_count": integer(least=1),
            "meter": text(),
            "trial_period_days": integer(least=0),
            "usage_type": enum("licensed", "metered"),
        }
    )
}
TIER = record(
    {
        "flat_amount": integer(),
        "flat_amount_decimal": decimal(),
        "unit_amount": integer(),
        "unit_amount_decimal": decimal(),
        "up_to": any_of(enum("inf"), integer(least=1)),
    }
)
PRODUCT_DATA: Fields = {
    **META,
    "active": boolean(),
    "id": text(),
    "name": text(required=True),
    "statement_descriptor": text(),
    "tax_code": text(),
    "unit_label": text(),
}
MUTABLE: Fields = {
    **META,
    "active": boolean(),
    "lookup_key": text(most=200),
    "nickname": text(),
    "tax_behavior": TAX,
    "transfer_lookup_key": boolean(),
}
CREATE: Fields = {
    **MUTABLE,
    **AMOUNT,
    **RECURRING,
    "billing_scheme": enum("per_unit", "tiered"),
    "tiers": array(TIER),
    "tiers_mode": enum("graduated", "volume"),
    "product": text(),
    "product_data": record(PRODUCT_DATA),
}
LIST: Fields = {
    **PAGE,
    "active": boolean(),
    "created": RANGE,
    "currency": text(),
    "lookup_keys": array(text(), most=10),
    "product": text(),
    "recurring": record({"interval": enum("day", "week", "month", "year")}),
    "type": enum("one_time", "recurring"),
}


def create(world: World, call: Call) -> Json:
    from .products import new_product  # noqa: PLC0415 - products take default prices: one circle

    params = call.params
    if bool(params.get("product")) == bool(params.get("product_data")):
        raise errors.missing_parameter("product")
    if params.get("product"):
        product = world.require("product", params["product"], "product")
    else:
        product = new_product(world, params["product_data"])
        world.emit("product.created", product)
    price = new_price(world, product, {**params, "metadata": fresh_metadata(params)})
    if params.get("lookup_key"):
        _claim_key(world, price, params)
    world.emit("price.created", price)
    return world.render(price)


def _claim_key(world: World, price: Json, params: Json) -> None:
    """Gives the price its lookup key, taken from another one if that is asked for (§2.3)."""
    key = params["lookup_key"]
    for holder in world.store.where("price", "lookup_key", key):
        if holder is price:
            continue
        if not params.get("transfer_lookup_key"):
            raise errors.invalid(
                f"A price (`{holder['id']}`) already uses that lookup key.", "lookup_key"
            )
        with world.changing(holder, "price.updated"):
            holder["lookup_key"] = None
    price["lookup_key"] = key
    world.store.link("price", "lookup_key", key, price["id"])


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("price", call.id))


def update(world: World, call: Call) -> Json:
    price, params = world.require("price", call.id), call.params
    with world.changing(price, "price.updated"):
        assign(price, params, "active", "nickname")
        apply_metadata(price, params)
        if params.get("lookup_key"):
            _claim_key(world, price, params)
        elif "lookup_key" in params:
            price["lookup_key"] = None
        wanted = params.get("tax_behavior")
        if wanted and price["tax_behavior"] not in ("unspecified", wanted):
            raise errors.invalid(
                "The tax behavior of a price can only be set once.", "tax_behavior"
            )
        price["tax_behavior"] = wanted or price["tax_behavior"]
    return world.render(price)


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("lookup_keys"):
        entries = [
            body
            for key in params["lookup_keys"]
            for body in world.store.where("price", "lookup_key", key)
        ]
        entries.sort(key=lambda body: int(body["_seq"]))
    else:
        entries = world.store.scan("price")
    interval = (params.get("recurring") or {}).get("interval")

    def wanted(body: Json) -> bool:
        return bool(
            fits(params, body, "active", "currency", "product", "type")
            and (interval is None or (body["recurring"] or {}).get("interval") == interval)
        )

    return page(world, params, entries, call.url, wanted)


def shapes(known: Shapes) -> None:
    known.refer("price", product="product")
    # tiers are shown only when asked for (Stripe docs: prices)
    known.computed["price", "tiers"] = lambda _, price: public(price["_tiers"])


ROUTES = [
    Route("POST", "/v1/prices", create, CREATE),
    Route("GET", "/v1/prices", index, LIST),
    Route("GET", "/v1/prices/<id>", retrieve, {}),
    Route("POST", "/v1/prices/<id>", update, MUTABLE),
]
