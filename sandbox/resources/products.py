"""Products. A custom id may be given on creation."""

from __future__ import annotations

from ..billing.pricing import new_price
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, record, text
from ..kernel.lists import PAGE, RANGE, page
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, assign, deleted, fits, fresh_metadata
from .prices import AMOUNT, RECURRING

PLAIN = (
    "active",
    "description",
    "images",
    "marketing_features",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
)
WRITABLE: Fields = {
    **META,
    "active": boolean(),
    "description": text(most=40_000),
    "images": array(text(), most=8),
    "marketing_features": array(record({"name": text(required=True, most=80)}), most=15),
    "shippable": boolean(),
    "statement_descriptor": text(most=22),
    "tax_code": text(),
    "unit_label": text(most=12),
    "url": text(),
}
CREATE: Fields = {
    **WRITABLE,
    "name": text(required=True),
    "id": text(clearable=False),
    "default_price_data": record({**META, **AMOUNT, **RECURRING}),
}
UPDATE: Fields = {**WRITABLE, "name": text(clearable=False), "default_price": text()}
LIST: Fields = {
    **PAGE,
    "active": boolean(),
    "created": RANGE,
    "ids": array(text()),
    "shippable": boolean(),
    "url": text(),
}


def new_product(world: World, params: Json) -> Json:
    identifier = params.get("id") or world.identify("prod", 14)
    if world.store.peek("product", identifier) is not None:
        message = f"Product already exists with id: {identifier}"
        raise errors.invalid(message, "id", "resource_already_exists")
    product: Json = {
        "id": identifier,
        "object": "product",
        "active": True,
        "created": world.now(),
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": fresh_metadata(params),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": world.now(),
        "url": None,
    }
    assign(product, params, *PLAIN)
    return world.add("product", product)


def create(world: World, call: Call) -> Json:
    product = new_product(world, call.params)
    world.emit("product.created", product)
    if call.params.get("default_price_data"):
        price = new_price(world, product, call.params["default_price_data"])
        world.emit("price.created", price)
        with world.changing(product, "product.updated"):
            product["default_price"] = price["id"]
    return world.render(product)


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("product", call.id))


def update(world: World, call: Call) -> Json:
    product, params = world.require("product", call.id), call.params
    with world.changing(product, "product.updated"):
        assign(product, params, *PLAIN)
        if params.get("name"):
            product["name"] = params["name"]
        apply_metadata(product, params)
        if "default_price" in params:
            wanted = params["default_price"]
            price = world.require("price", wanted, "default_price") if wanted else None
            if price is not None and price["product"] != product["id"]:
                raise errors.invalid(
                    f"The price specified ({wanted}) does not belong to this product.",
                    "default_price",
                )
            product["default_price"] = wanted
        if params:
            product["updated"] = world.now()
    return world.render(product)


def delete(world: World, call: Call) -> Json:
    product = world.require("product", call.id)
    if any(price["product"] == product["id"] for price in world.store.scan("price")):
        raise errors.invalid(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    world.emit("product.deleted", product)
    world.store.remove("product", product["id"])
    return deleted(product)


def index(world: World, call: Call) -> Json:
    params = call.params

    def wanted(body: Json) -> bool:
        return bool(
            fits(params, body, "active", "shippable", "url")
            and (not params.get("ids") or body["id"] in params["ids"])
        )

    return page(world, params, world.store.scan("product"), call.url, wanted)


def shapes(known: Shapes) -> None:
    known.refer("product", default_price="price")


ROUTES = [
    Route("POST", "/v1/products", create, CREATE),
    Route("GET", "/v1/products", index, LIST),
    Route("GET", "/v1/products/<id>", retrieve, {}),
    Route("POST", "/v1/products/<id>", update, UPDATE),
    Route("DELETE", "/v1/products/<id>", delete, {}),
]
