"""Setup intents: a payment method saved for later charges."""

from __future__ import annotations

from ..billing.setups import (
    cancel_setup,
    choose_setup_method,
    confirm_setup,
    new_setup,
    unexpected_setup,
)
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, enum, record, text
from ..kernel.lists import PAGE, RANGE
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, assign, filtered
from .method_types import ALLOWED, check_types

CREATE: Fields = {
    **META,
    **ALLOWED,
    "automatic_payment_methods": record(
        {"allow_redirects": enum("always", "never"), "enabled": boolean(required=True)}
    ),
    "confirm": boolean(),
    "customer": text(),
    "description": text(),
    "payment_method": text(),
    "return_url": text(),
    "usage": enum("off_session", "on_session"),
}
UPDATE: Fields = {**META, "customer": text(), "description": text(), "payment_method": text()}
CONFIRM: Fields = {"payment_method": text(), "return_url": text()}
CANCEL: Fields = {
    "cancellation_reason": enum("abandoned", "duplicate", "requested_by_customer"),
}
LIST: Fields = {**PAGE, "created": RANGE, "customer": text(), "payment_method": text()}


def create(world: World, call: Call) -> Json:
    params = call.params
    check_types(world, params)
    if params.get("customer"):
        world.require("customer", params["customer"], "customer")
    setup = new_setup(world, params)
    if params.get("automatic_payment_methods"):
        setup["automatic_payment_methods"] = params["automatic_payment_methods"]
    if params.get("payment_method"):
        choose_setup_method(world, setup, params["payment_method"])
    if params.get("confirm"):
        _confirm(world, setup)
    return world.render(setup)


def _confirm(world: World, setup: Json) -> None:
    if not setup["payment_method"]:
        raise errors.invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update "
            "the SetupIntent with a payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
        )
    refusal = confirm_setup(world, setup)
    if refusal is not None:
        raise refusal


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("setup_intent", call.id))


def update(world: World, call: Call) -> Json:
    setup, params = world.require("setup_intent", call.id), call.params
    apply_metadata(setup, params)
    assign(setup, params, "description")
    if params.get("customer"):
        setup["customer"] = world.require("customer", params["customer"], "customer")["id"]
    if params.get("payment_method"):
        choose_setup_method(world, setup, params["payment_method"])
    return world.render(setup)


def confirm(world: World, call: Call) -> Json:
    setup = world.require("setup_intent", call.id)
    if setup["status"] in ("succeeded", "canceled"):
        raise unexpected_setup(world, setup, "confirm")
    if call.params.get("payment_method"):
        choose_setup_method(world, setup, call.params["payment_method"])
    _confirm(world, setup)
    return world.render(setup)


def cancel(world: World, call: Call) -> Json:
    setup = world.require("setup_intent", call.id)
    cancel_setup(world, setup, call.params.get("cancellation_reason"))
    return world.render(setup)


def index(world: World, call: Call) -> Json:
    return filtered(world, call, world.store.scan("setup_intent"), "customer", "payment_method")


def shapes(known: Shapes) -> None:
    known.refer("setup_intent", customer="customer", payment_method="payment_method")


ROUTES = [
    Route("POST", "/v1/setup_intents", create, CREATE),
    Route("GET", "/v1/setup_intents", index, LIST),
    Route("GET", "/v1/setup_intents/<id>", retrieve, {}),
    Route("POST", "/v1/setup_intents/<id>", update, UPDATE),
    Route("POST", "/v1/setup_intents/<id>/confirm", confirm, CONFIRM),
    Route("POST", "/v1/setup_intents/<id>/cancel", cancel, CANCEL),
]
