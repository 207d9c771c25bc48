"""Payments as billing leaves them: invoice payments, payment intents, charges."""

from __future__ import annotations

from ..billing.collection import attempt, payment_error
from ..billing.methods import resolve_method
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, enum, record, text
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata

LIST_PAYMENTS: Fields = {
    **PAGE,
    "invoice": text(),
    "payment": record({"payment_intent": text(), "type": enum("payment_intent", required=True)}),
    "status": enum("canceled", "open", "paid"),
}
CONFIRM: Fields = {
    "off_session": boolean(),
    "payment_method": text(),
    "return_url": text(),
}
LIST_INTENTS: Fields = {**PAGE, "created": RANGE, "customer": text()}
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

    def wanted(body: Json) -> bool:
        return bool(
            params.get("invoice") in (None, body["invoice"])
            and params.get("status") in (None, body["status"])
        )

    return page(world, params, entries, call.url, wanted)


def retrieve_payment(world: World, call: Call) -> Json:
    return world.render(world.require("invoice_payment", call.id))


def retrieve_intent(world: World, call: Call) -> Json:
    return world.render(world.require("payment_intent", call.id))


def update_intent(world: World, call: Call) -> Json:
    intent = world.require("payment_intent", call.id)
    apply_metadata(intent, call.params)
    return world.render(intent)


def confirm(world: World, call: Call) -> Json:
    """Tries again, with another method or the chosen one; a challenge is answered by the customer
    and so by the sandbox's controls, never by this call."""
    intent = world.require("payment_intent", call.id)
    if intent["status"] in ("succeeded", "canceled"):
        raise errors.StripeError(
            400,
            f"You cannot confirm this PaymentIntent because it has already {intent['status']}.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": world.render(intent)},
        )
    invoice = world.store.get("invoice", intent["_invoice"])
    customer = world.store.get("customer", intent["customer"])
    wanted = call.params.get("payment_method") or intent["payment_method"]
    if not wanted:
        raise errors.invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    method = resolve_method(world, wanted, customer, "payment_method")
    off_session = bool(call.params.get("off_session"))
    result = attempt(world, invoice, method, automatic=False, off_session=off_session)
    if result == "declined":
        raise payment_error(world, invoice, result, keep_effects=True)
    return world.render(intent)


def list_intents(world: World, call: Call) -> Json:
    return _page_of(world, call, "payment_intent", "customer")


def retrieve_charge(world: World, call: Call) -> Json:
    return world.render(world.require("charge", call.id))


def list_charges(world: World, call: Call) -> Json:
    return _page_of(world, call, "charge", "payment_intent")


def _page_of(world: World, call: Call, family: str, by: str) -> Json:
    params = call.params
    if params.get(by):
        entries = world.store.where(family, by, params[by])
    else:
        entries = world.store.scan(family)

    def wanted(body: Json) -> bool:
        return bool(
            params.get("customer") in (None, body["customer"])
            and within(params, "created", body["created"])
        )

    return page(world, params, entries, call.url, wanted)


def shapes(known: Shapes) -> None:
    known.refer("invoice_payment", invoice="invoice", payment__payment_intent="payment_intent")
    known.refer(
        "payment_intent",
        customer="customer",
        latest_charge="charge",
        payment_method="payment_method",
    )
    known.refer("charge", customer="customer", payment_intent="payment_intent")


ROUTES = [
    Route("GET", "/v1/invoice_payments", list_payments, LIST_PAYMENTS),
    Route("GET", "/v1/invoice_payments/<id>", retrieve_payment, {}),
    Route("GET", "/v1/payment_intents", list_intents, LIST_INTENTS),
    Route("GET", "/v1/payment_intents/<id>", retrieve_intent, {}),
    Route("POST", "/v1/payment_intents/<id>", update_intent, META),
    Route("POST", "/v1/payment_intents/<id>/confirm", confirm, CONFIRM),
    Route("GET", "/v1/charges", list_charges, LIST_CHARGES),
    Route("GET", "/v1/charges/<id>", retrieve_charge, {}),
]
