"""Refunds of charges, whole or in part."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, enum, integer, text
from ..kernel.lists import PAGE, RANGE
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, filtered, fresh_metadata

CREATE: Fields = {
    **META,
    "amount": integer(least=1),
    "charge": text(),
    "payment_intent": text(),
    "reason": enum("duplicate", "fraudulent", "requested_by_customer"),
}
LIST: Fields = {**PAGE, "charge": text(), "created": RANGE, "payment_intent": text()}


def create(world: World, call: Call) -> Json:
    params = call.params
    charge = _charge(world, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if not charge["paid"] or left <= 0:
        raise errors.invalid(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = params.get("amount") or left
    if amount > left:
        raise errors.invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            "amount",
        )
    refund = world.add("refund", _refund(world, charge, amount, params))
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    world.emit("charge.refunded", charge)
    world.emit("refund.created", refund)
    return world.render(refund)


def _charge(world: World, params: Json) -> Json:
    if params.get("charge"):
        return world.require("charge", params["charge"], "charge")
    if not params.get("payment_intent"):
        message = "One of the following params should be provided: charge or payment_intent."
        raise errors.invalid(message)
    intent = world.require("payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise errors.invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        )
    return world.store.get("charge", intent["latest_charge"])


def _refund(world: World, charge: Json, amount: int, params: Json) -> Json:
    return {
        "id": world.identify("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(charge),
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": fresh_metadata(params),
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("refund", call.id))


def update(world: World, call: Call) -> Json:
    """Only metadata changes; told twice, under the old name of the event, too."""
    refund = world.require("refund", call.id)
    with (
        world.changing(refund, "charge.refund.updated"),
        world.changing(refund, "refund.updated"),
    ):
        apply_metadata(refund, call.params)
    return world.render(refund)


def index(world: World, call: Call) -> Json:
    return filtered(world, call, world.store.scan("refund"), "charge", "payment_intent")


def shapes(known: Shapes) -> None:
    known.refer("refund", charge="charge", payment_intent="payment_intent")


ROUTES = [
    Route("POST", "/v1/refunds", create, CREATE),
    Route("GET", "/v1/refunds", index, LIST),
    Route("GET", "/v1/refunds/<id>", retrieve, {}),
    Route("POST", "/v1/refunds/<id>", update, META),
]
