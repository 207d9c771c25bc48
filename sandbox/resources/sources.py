"""Cards of a customer under the old names: `sources`, as the official CLI still makes them."""

from __future__ import annotations

from ..billing.methods import attach_method
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, text
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata

CREATE: Fields = {**META, "source": text(required=True)}


def create(world: World, call: Call) -> Json:
    """A token becomes a card; the customer's first one becomes its default (Stripe docs: cards)."""
    customer = world.require("customer", call.id)
    method = attach_method(world, call.params["source"], customer, announce=False)
    apply_metadata(method, call.params)
    if customer["default_source"] is None:
        customer["default_source"] = method["id"]
    world.emit("customer.source.created", _as_card(method))
    return _as_card(method)


def _source(world: World, call: Call) -> Json:
    method = world.store.find("payment_method", call.path["source"])
    if method is None or method["customer"] != call.id:
        raise errors.no_such("source", call.path["source"])
    return method


def retrieve(world: World, call: Call) -> Json:
    return _as_card(_source(world, call))


def update(world: World, call: Call) -> Json:
    method = _source(world, call)
    before = dict(method["metadata"])
    apply_metadata(method, call.params)
    if method["metadata"] != before:
        old: Json = {name: before.get(name) for name in method["metadata"]}
        world.emit("customer.source.updated", _as_card(method), {"metadata": old})
    return _as_card(method)


def _as_card(method: Json) -> Json:
    """The card object of the old API: a payment method's card with its owner."""
    card, details = method["card"], method["billing_details"]
    return {
        "id": method["id"],
        "object": "card",
        **{f"address_{name}": value for name, value in details["address"].items() if value},
        "brand": card["brand"].capitalize(),
        "country": card["country"],
        "customer": method["customer"],
        "cvc_check": card["checks"]["cvc_check"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "last4": card["last4"],
        "metadata": dict(method["metadata"]),
        "name": details["name"],
        "tokenization_method": None,
    }


def shapes(known: Shapes) -> None:
    known.refer("card", customer="customer")


ROUTES = [
    Route("POST", "/v1/customers/<id>/sources", create, CREATE),
    Route("GET", "/v1/customers/<id>/sources/<source>", retrieve, {}),
    Route("POST", "/v1/customers/<id>/sources/<source>", update, META),
]
