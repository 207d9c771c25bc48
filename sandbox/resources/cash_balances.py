"""Cash balances: money that a customer has sent by bank transfer, as test helpers send it."""

from __future__ import annotations

from ..billing.intents import fund_transfer
from ..kernel.errors import Json
from ..kernel.fields import Fields, integer, text
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World

FUND: Fields = {
    "amount": integer(required=True, least=1),
    "currency": text(required=True),
    "reference": text(),
}


def fund(world: World, call: Call) -> Json:
    """Money comes in and pays what waits for it, oldest first (Stripe docs: bank transfers)."""
    customer, params = world.require("customer", call.id), call.params
    currency = params["currency"].lower()
    left = params["amount"]
    entry = _book(world, customer, currency, left, "funded", left)
    for intent in world.store.where("payment_intent", "customer", customer["id"]):
        action = intent["next_action"] or {}
        waits = action.get("type") == "display_bank_transfer_instructions"
        if waits and intent["currency"] == currency and left:
            used = fund_transfer(world, intent, left)
            left -= used
            _book(world, customer, currency, -used, "applied_to_payment", left)
    if left:
        balance = {"object": "cash_balance", "available": {currency: left}, "livemode": False}
        settings = {"reconciliation_mode": "automatic", "using_merchant_default": True}
        balance |= {"customer": customer["id"], "settings": settings}
        world.emit("cash_balance.funds_available", balance)
    return entry


def _book(world: World, customer: Json, currency: str, amount: int, kind: str, ending: int) -> Json:
    entry = {
        "id": world.identify("ccsbtxn"),
        "object": "customer_cash_balance_transaction",
        "created": world.now(customer),
        "currency": currency,
        "customer": customer["id"],
        "ending_balance": ending,
        "livemode": False,
        "net_amount": amount,
        "type": kind,
    }
    world.emit("customer_cash_balance_transaction.created", entry)
    return entry


def shapes(known: Shapes) -> None:
    """Nothing here is expandable."""


ROUTES = [Route("POST", "/v1/test_helpers/customers/<id>/fund_cash_balance", fund, FUND)]
