"""Payments as billing leaves them: invoice payments and charges."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.fields import Fields, enum, record, text
from ..kernel.lists import PAGE, RANGE
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import filtered

LIST_PAYMENTS: Fields = {
    **PAGE,
    "invoice": text(),
    "payment": record({"payment_intent": text(), "type": enum("payment_intent", required=True)}),
    "status": enum("canceled", "open", "paid"),
}
LIST_CHARGES: Fields = {**PAGE, "created": RANGE, "customer": text(), "payment_intent": text()}


def list_payments(world: World, call: Call) -> Json:
    """Also the way from a PaymentIntent back to its invoice (§2.2)."""
    params = call.params
    intent = (params.get("payment") or {}).get("payment_intent")
    if intent:
        entries = world.store.where("invoice_payment", "_payment_intent", intent)
    elif params.get("invoice"):
        entries = world.store.where("invoice_payment", "invoice", params["invoice"])
    else:
        entries = world.store.scan("invoice_payment")
    return filtered(world, call, entries, "invoice", "status")


def retrieve_payment(world: World, call: Call) -> Json:
    return world.render(world.require("invoice_payment", call.id))


def retrieve_charge(world: World, call: Call) -> Json:
    return world.render(world.require("charge", call.id))


def list_charges(world: World, call: Call) -> Json:
    params = call.params
    if params.get("payment_intent"):
        entries = world.store.where("charge", "payment_intent", params["payment_intent"])
    else:
        entries = world.store.scan("charge")
    return filtered(world, call, entries, "customer")


def shapes(known: Shapes) -> None:
    known.refer("invoice_payment", invoice="invoice", payment__payment_intent="payment_intent")
    known.refer("charge", customer="customer", payment_intent="payment_intent")


ROUTES = [
    Route("GET", "/v1/invoice_payments", list_payments, LIST_PAYMENTS),
    Route("GET", "/v1/invoice_payments/<id>", retrieve_payment, {}),
    Route("GET", "/v1/charges", list_charges, LIST_CHARGES),
    Route("GET", "/v1/charges/<id>", retrieve_charge, {}),
]
