"""Tax rates: flat percentages, on top of prices or inside them."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, decimal, enum, text
from ..kernel.lists import PAGE, RANGE
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, assign, filtered, fresh_metadata

WORDS: Fields = {
    "country": text(),
    "description": text(),
    "jurisdiction": text(most=200),
    "state": text(),
    "tax_type": enum("gst", "hst", "igst", "jct", "other", "pst", "qst", "rst", "sales_tax", "vat"),
}
UPDATE: Fields = {**META, **WORDS, "active": boolean(), "display_name": text(clearable=False)}
CREATE: Fields = {
    **UPDATE,
    "display_name": text(required=True),
    "inclusive": boolean(required=True),
    "percentage": decimal(required=True),
}
LIST: Fields = {**PAGE, "active": boolean(), "created": RANGE, "inclusive": boolean()}


def create(world: World, call: Call) -> Json:
    params = call.params
    if not 0 <= params["percentage"] <= 100:
        raise errors.invalid("percentage must be between 0 and 100.", "percentage")
    rate: Json = {
        "id": world.identify("txr"),
        "object": "tax_rate",
        "active": params.get("active", True) is not False,
        **dict.fromkeys(WORDS),
        "created": world.now(),
        "display_name": params["display_name"],
        "effective_percentage": float(params["percentage"]),
        "flat_amount": None,
        "inclusive": params["inclusive"],
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": fresh_metadata(params),
        "percentage": float(params["percentage"]),
        "rate_type": "percentage",
    }
    assign(rate, params, *WORDS)
    world.add("tax_rate", rate)
    world.emit("tax_rate.created", rate)
    return world.render(rate)


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("tax_rate", call.id))


def update(world: World, call: Call) -> Json:
    rate = world.require("tax_rate", call.id)
    with world.changing(rate, "tax_rate.updated"):
        apply_metadata(rate, call.params)
        assign(rate, call.params, *WORDS, "active", "display_name")
    return world.render(rate)


def index(world: World, call: Call) -> Json:
    return filtered(world, call, world.store.scan("tax_rate"), "active", "inclusive")


def shapes(known: Shapes) -> None:
    """Nothing in a tax rate is expandable."""


ROUTES = [
    Route("POST", "/v1/tax_rates", create, CREATE),
    Route("GET", "/v1/tax_rates", index, LIST),
    Route("GET", "/v1/tax_rates/<id>", retrieve, {}),
    Route("POST", "/v1/tax_rates/<id>", update, UPDATE),
]
