"""Payment intents: those of invoices, and those made by hand."""

from __future__ import annotations

from ..billing.charging import capture_held
from ..billing.collection import attempt, payment_error
from ..billing.intents import (
    cancel_intent,
    choose_method,
    confirm_intent,
    new_intent,
    unexpected_state,
)
from ..billing.methods import new_method, resolve_method
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, enum, integer, record, text
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, SHIPPING, apply_metadata
from .method_types import ALLOWED, check_types

TRANSFER = record(
    {
        "customer_balance": record(
            {"funding_type": enum("bank_transfer"), "bank_transfer": record({"type": text()})}
        )
    }
)
MANDATE = record({"customer_acceptance": record({"type": text(), "accepted_at": integer()})})
CONFIRM: Fields = {
    "mandate_data": MANDATE,
    "off_session": boolean(),
    "payment_method": text(),
    "payment_method_data": record({"type": enum("customer_balance", required=True)}),
    "payment_method_options": TRANSFER,
    "return_url": text(),
}
SETTINGS: Fields = {
    **META,
    "description": text(),
    "receipt_email": text(),
    "setup_future_usage": enum("off_session", "on_session"),
    "shipping": SHIPPING,
    "statement_descriptor": text(most=22),
}
CREATE: Fields = {
    **ALLOWED,
    **CONFIRM,
    **SETTINGS,
    "amount": integer(required=True, least=1),
    "automatic_payment_methods": record(
        {"allow_redirects": enum("always", "never"), "enabled": boolean(required=True)}
    ),
    "capture_method": enum("automatic", "automatic_async", "manual"),
    "confirm": boolean(),
    "confirmation_method": enum("automatic", "manual"),
    "currency": text(required=True),
    "customer": text(),
}
UPDATE: Fields = {**SETTINGS, "amount": integer(least=1), "payment_method": text()}
CAPTURE: Fields = {**META, "amount_to_capture": integer(least=1)}
CANCEL: Fields = {
    "cancellation_reason": enum("abandoned", "duplicate", "fraudulent", "requested_by_customer")
}
LIST: Fields = {**PAGE, "created": RANGE, "customer": text()}


def create(world: World, call: Call) -> Json:
    params = call.params
    check_types(world, params)
    if params.get("customer"):
        world.require("customer", params["customer"], "customer")
    if params.get("off_session") and not params.get("confirm"):
        raise errors.invalid("off_session can only be passed when confirm is true", "off_session")
    intent = new_intent(world, params)
    if params.get("automatic_payment_methods"):
        intent["automatic_payment_methods"] = params["automatic_payment_methods"]
    if params.get("payment_method") or params.get("payment_method_data"):
        _choose(world, intent, params)
    if params.get("confirm"):
        _confirm(world, intent, params)
    return world.render(intent)


def _choose(world: World, intent: Json, params: Json) -> None:
    wanted = params.get("payment_method")
    if not wanted:
        wanted = new_method(world, params["payment_method_data"]["type"])["id"]
    choose_method(world, intent, wanted)


def _confirm(world: World, intent: Json, params: Json) -> None:
    if not intent["payment_method"]:
        raise errors.invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method.",
            code="payment_intent_unexpected_state",
        )
    refusal = confirm_intent(world, intent, off_session=bool(params.get("off_session")))
    if refusal is not None:
        raise refusal


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("payment_intent", call.id))


def update(world: World, call: Call) -> Json:
    intent, params = world.require("payment_intent", call.id), call.params
    apply_metadata(intent, params)
    for name in SETTINGS:
        if name in params and name != "metadata":
            intent[name] = params[name]
    if params.get("amount") is not None:
        if intent["_invoice"] or intent["status"] not in OPEN_TO_CHANGE:
            raise unexpected_state(world, intent, "update the amount of")
        intent["amount"] = params["amount"]
    if params.get("payment_method"):
        choose_method(world, intent, params["payment_method"])
    return world.render(intent)


OPEN_TO_CHANGE = ("requires_payment_method", "requires_confirmation", "requires_action")


def confirm(world: World, call: Call) -> Json:
    """Tries again, with another method or the chosen one; a challenge is answered by the customer
    and so by the sandbox's controls, never by this call."""
    intent = world.require("payment_intent", call.id)
    if intent["status"] in ("succeeded", "canceled", "processing", "requires_capture"):
        raise unexpected_state(world, intent, "confirm")
    if intent["_invoice"]:
        return _confirm_invoice(world, intent, call.params)
    if call.params.get("payment_method") or call.params.get("payment_method_data"):
        _choose(world, intent, call.params)
    _confirm(world, intent, call.params)
    return world.render(intent)


def _confirm_invoice(world: World, intent: Json, params: Json) -> Json:
    invoice = world.store.get("invoice", intent["_invoice"])
    customer = world.store.get("customer", intent["customer"])
    wanted = params.get("payment_method") or intent["payment_method"]
    if not wanted:
        raise errors.invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    method = resolve_method(world, wanted, customer, "payment_method")
    off_session = bool(params.get("off_session"))
    result = attempt(world, invoice, method, automatic=False, off_session=off_session)
    if result == "declined":
        raise payment_error(world, invoice, result, keep_effects=True)
    return world.render(intent)


def capture(world: World, call: Call) -> Json:
    """Takes what `capture_method=manual` only authorized."""
    intent = world.require("payment_intent", call.id)
    if intent["status"] != "requires_capture":
        raise unexpected_state(world, intent, "capture")
    amount = call.params.get("amount_to_capture") or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise errors.invalid(
            "The amount to capture is greater than the amount you can capture.",
            "amount_to_capture",
            "amount_too_large",
        )
    capture_held(world, intent, amount)
    apply_metadata(intent, call.params)
    return world.render(intent)


def cancel(world: World, call: Call) -> Json:
    intent = world.require("payment_intent", call.id)
    if intent["_invoice"]:
        raise errors.invalid(
            "You cannot cancel this PaymentIntent because it belongs to an invoice. Void the "
            "invoice instead.",
            code="payment_intent_unexpected_state",
        )
    cancel_intent(world, intent, call.params.get("cancellation_reason"))
    return world.render(intent)


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("customer"):
        entries = world.store.where("payment_intent", "customer", params["customer"])
    else:
        entries = world.store.scan("payment_intent")
    return page(
        world, params, entries, call.url, lambda body: within(params, "created", body["created"])
    )


def shapes(known: Shapes) -> None:
    known.refer(
        "payment_intent",
        customer="customer",
        latest_charge="charge",
        payment_method="payment_method",
    )


ROUTES = [
    Route("POST", "/v1/payment_intents", create, CREATE),
    Route("GET", "/v1/payment_intents", index, LIST),
    Route("GET", "/v1/payment_intents/<id>", retrieve, {}),
    Route("POST", "/v1/payment_intents/<id>", update, UPDATE),
    Route("POST", "/v1/payment_intents/<id>/confirm", confirm, CONFIRM),
    Route("POST", "/v1/payment_intents/<id>/capture", capture, CAPTURE),
    Route("POST", "/v1/payment_intents/<id>/cancel", cancel, CANCEL),
]
