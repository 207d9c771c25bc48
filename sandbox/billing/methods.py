"""Payment methods as billing sees them: made from test cards, attached, chosen for a charge."""

from __future__ import annotations

from collections.abc import Callable

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.ids import token
from ..kernel.world import World
from .cards import CARDS, DEBITS, Card, declined, look_of, named


def new_method(world: World, card: str, details: Json | None = None) -> Json:
    """An unattached payment method for one of the test cards or debit accounts."""
    look = CARDS.get(card) or DEBITS[card]
    return world.add(
        "payment_method",
        {
            "id": world.identify("pm"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {
                "address": dict.fromkeys(
                    ("city", "country", "line1", "line2", "postal_code", "state")
                ),
                "email": None,
                "name": None,
                "phone": None,
                "tax_id": None,
                **(details or {}),
            },
            look.kind: SHOWN[look.kind](world, look),
            "created": world.now(),
            "customer": None,
            "customer_account": None,
            "livemode": False,
            "metadata": {},
            "type": look.kind,
            "_card": card,
        },
    )


def _fingerprint(world: World, look: Card) -> str:
    """The same card has the same fingerprint, however often it is saved."""
    return token(world.seed, look.last4, 0, 16)


def _show_card(world: World, look: Card) -> Json:
    return {
        "brand": look.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": look.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": _fingerprint(world, look),
        "funding": "credit",
        "generated_from": None,
        "last4": look.last4,
        "networks": {"available": [look.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _show_debit(world: World, look: Card) -> Json:
    return {
        "bank_code": "19043",
        "branch_code": "",
        "country": "AT",
        "fingerprint": _fingerprint(world, look),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": look.last4,
    }


SHOWN: dict[str, Callable[[World, Card], Json]] = {
    "card": _show_card,
    "sepa_debit": _show_debit,
    "customer_balance": lambda _world, _look: {},
}


def find_method(world: World, identifier: str, param: str | None = None) -> Json:
    """A stored payment method, or a new one where the id is a test card's alias."""
    card = named(identifier)
    if card is not None:
        return new_method(world, card)
    return world.require("payment_method", identifier, param)


def attach_method(world: World, identifier: str, customer: Json, *, announce: bool = True) -> Json:
    """Saves a payment method on a customer; some cards are declined already here (§3.9)."""
    method = find_method(world, identifier, "payment_method")
    if method["customer"] == customer["id"]:
        return method
    if method["customer"] is not None or method.get("_spent"):
        raise errors.invalid(
            "The payment method you provided has already been attached to a customer."
            if method["customer"]
            else "This PaymentMethod was previously used without being attached to a Customer or "
            "was detached from a Customer, and may not be used again."
        )
    if look_of(method).at_attach:
        raise declined(method)
    method["customer"] = customer["id"]
    world.store.link("payment_method", "customer", customer["id"], method["id"])
    if announce:
        world.emit("payment_method.attached", method)
    return method


def resolve_method(world: World, identifier: str, customer: Json, param: str) -> Json:
    """A payment method that may be charged for this customer; an alias is attached on the way."""
    if named(identifier):
        return attach_method(world, identifier, customer)
    method = world.require("payment_method", identifier, param)
    if method["customer"] != customer["id"]:
        raise errors.invalid(
            f"The customer does not have a payment method with the ID {identifier}. The payment "
            "method must be attached to the customer.",
            param,
            "resource_missing",
        )
    return method


def chargeable(world: World, invoice: Json) -> Json | None:
    """The payment method an invoice is charged to, in Stripe's order of precedence (§3.6)."""
    customer = world.store.get("customer", invoice["customer"])
    subscription = world.store.peek("subscription", invoice["_subscription"] or "")
    candidates = (
        invoice["default_payment_method"],
        subscription["default_payment_method"] if subscription else None,
        customer["invoice_settings"]["default_payment_method"],
        customer["default_source"],
    )
    chosen = next((entry for entry in candidates if entry), None)
    return world.store.find("payment_method", chosen) if chosen else None
