"""Payment methods: test cards created, attached, detached."""

from __future__ import annotations

from ..billing.cards import CARDS, DEBITS, NUMBERS, named
from ..billing.methods import attach_method, find_method, new_method
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, enum, integer, record, text
from ..kernel.lists import PAGE, page
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import ADDRESS, META, apply_metadata

REDISPLAY = enum("always", "limited", "unspecified")
DETAILS = record({"address": record(ADDRESS), "email": text(), "name": text(), "phone": text()})
CARD: Fields = {
    "token": text(),
    "number": text(),
    "exp_month": integer(),
    "exp_year": integer(),
    "cvc": text(),
}
CREATE: Fields = {
    **META,
    "allow_redisplay": REDISPLAY,
    "billing_details": DETAILS,
    "card": record(CARD),
    "sepa_debit": record({"iban": text(required=True)}),
    "type": enum("card", "sepa_debit", required=True),
}
UPDATE: Fields = {
    **META,
    "allow_redisplay": REDISPLAY,
    "billing_details": DETAILS,
    "card": record({"exp_month": integer(), "exp_year": integer()}),
}
LIST: Fields = {
    **PAGE,
    "customer": text(),
    "type": enum("card", "sepa_debit"),
    "allow_redisplay": REDISPLAY,
}


def create(world: World, call: Call) -> Json:
    debit = call.params["type"] == "sepa_debit"
    name = _account(call.params) if debit else _card(call.params)
    method = new_method(world, name, call.params.get("billing_details"))
    apply_metadata(method, call.params)
    if call.params.get("allow_redisplay"):
        method["allow_redisplay"] = call.params["allow_redisplay"]
    return world.render(method)


def _account(params: Json) -> str:
    """The account of a debit: only test accounts are known (Stripe docs: SEPA testing)."""
    iban = str((params.get("sepa_debit") or {}).get("iban") or "")
    if not iban:
        raise errors.missing_parameter("sepa_debit")
    if iban not in DEBITS:
        raise errors.invalid(f"Invalid IBAN: {iban}", "sepa_debit[iban]", "invalid_bank_account")
    return iban


def _card(params: Json) -> str:
    card = params.get("card") or {}
    if not card.get("token") and not card.get("number"):
        raise errors.missing_parameter("card")
    name = named(card.get("token") or "") or NUMBERS.get(card.get("number") or "")
    if name is None:
        token = card.get("token") or "the card number"
        raise errors.invalid(f"No such token: '{token}'", "card[token]", "resource_missing")
    return name


def retrieve(world: World, call: Call) -> Json:
    return world.render(find_method(world, call.id))


def update(world: World, call: Call) -> Json:
    method, params = world.require("payment_method", call.id), call.params
    with world.changing(method, "payment_method.updated"):
        apply_metadata(method, params)
        method["billing_details"] |= params.get("billing_details") or {}
        method["card"] |= params.get("card") or {}
        if params.get("allow_redisplay"):
            method["allow_redisplay"] = params["allow_redisplay"]
    return world.render(method)


def attach(world: World, call: Call) -> Json:
    customer = world.require("customer", call.params["customer"], "customer")
    return world.render(attach_method(world, call.id, customer))


def detach(world: World, call: Call) -> Json:
    """Takes the method off its customer, wherever it was the default; it cannot be used again."""
    method = world.require("payment_method", call.id)
    if method["customer"] is None:
        raise errors.invalid(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    customer = world.store.get("customer", method["customer"])
    with world.changing(method, "payment_method.detached"):
        method["customer"] = None
        method["_spent"] = True
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        with world.changing(customer, "customer.updated"):
            customer["invoice_settings"]["default_payment_method"] = None
    for subscription in world.store.where("subscription", "customer", customer["id"]):
        if subscription["default_payment_method"] == method["id"]:
            with world.changing(subscription, "customer.subscription.updated"):
                subscription["default_payment_method"] = None
    return world.render(method)


def index(world: World, call: Call) -> Json:
    if not call.params.get("customer"):
        raise errors.missing_parameter("customer")
    return _page_of(world, call, call.params["customer"], "customer")


def of_customer(world: World, call: Call) -> Json:
    return _page_of(world, call, call.id, None)


def retrieve_of_customer(world: World, call: Call) -> Json:
    method = world.require("payment_method", call.path["method"])
    if method["customer"] != call.id:
        raise errors.no_such("PaymentMethod", method["id"])
    return world.render(method)


def _page_of(world: World, call: Call, customer: str, param: str | None) -> Json:
    world.require("customer", customer, param)
    entries = world.store.where("payment_method", "customer", customer)
    wanted = call.params.get("allow_redisplay")
    shown = [body for body in entries if wanted in (None, body["allow_redisplay"])]
    return page(world, call.params, shown, call.url)


def shapes(known: Shapes) -> None:
    known.refer("payment_method", customer="customer")


ROUTES = [
    Route("POST", "/v1/payment_methods", create, CREATE),
    Route("GET", "/v1/payment_methods", index, LIST),
    Route("GET", "/v1/payment_methods/<id>", retrieve, {}),
    Route("POST", "/v1/payment_methods/<id>", update, UPDATE),
    Route("POST", "/v1/payment_methods/<id>/attach", attach, {"customer": text(required=True)}),
    Route("POST", "/v1/payment_methods/<id>/detach", detach, {}),
    Route("GET", "/v1/customers/<id>/payment_methods", of_customer, LIST),
    Route("GET", "/v1/customers/<id>/payment_methods/<method>", retrieve_of_customer, {}),
]

assert set(NUMBERS.values()) <= set(CARDS), "every known number is a known card"
