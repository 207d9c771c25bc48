"""One payment intent and one charge of it: captured, held, challenged, declined, or under way.

What that means to an invoice is decided in `collection`, to a Checkout session in `checkout`.
"""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World
from .cards import decline_details, look_of, looks
from .disputing import open_dispute


def capture(world: World, intent: Json, method: Json) -> Json:
    """Charges the method and closes the intent: charge first, then the intent's own event (§4)."""
    charge = _charge(world, intent, method, paid=True)
    world.emit("charge.succeeded", charge)
    _succeed(world, intent, charge, intent["amount"])
    look = look_of(method)
    if look.disputed is not None:
        open_dispute(world, charge, look.disputed, inquiry=look.inquiry)
    return charge


def hold(world: World, intent: Json, method: Json) -> Json:
    """Authorizes without taking the money, to be captured by another call."""
    charge = _charge(world, intent, method, paid=True)
    charge |= {"captured": False, "amount_captured": 0}
    world.emit("charge.succeeded", charge)
    intent |= {
        "status": "requires_capture",
        "amount_capturable": intent["amount"],
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "next_action": None,
    }
    world.emit("payment_intent.amount_capturable_updated", intent)
    return charge


def capture_held(world: World, intent: Json, amount: int) -> None:
    """Takes what was authorized, or a part of it; the rest is released."""
    charge = world.store.get("charge", intent["latest_charge"])
    charge |= {"captured": True, "amount_captured": amount}
    charge["amount_refunded"] = charge["amount"] - amount
    world.emit("charge.captured", charge)
    intent["amount_capturable"] = 0
    _succeed(world, intent, charge, amount)


def _succeed(world: World, intent: Json, charge: Json, amount: int) -> None:
    intent |= {
        "status": "succeeded",
        "amount_received": amount,
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "next_action": None,
        "_settles_at": None,
    }
    world.emit("payment_intent.succeeded", intent)


def challenge(world: World, intent: Json) -> None:
    """The bank wants to hear the customer first (3-D Secure)."""
    url = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent['id']}"
    intent |= {"status": "requires_action", "next_action": next_action(url)}
    world.emit("payment_intent.requires_action", intent)


def next_action(url: str) -> Json:
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url},
    }


def begin_processing(world: World, intent: Json) -> None:
    """A debit was ordered; the bank says in days whether it went through (Stripe docs: SEPA)."""
    intent |= {
        "status": "processing",
        "next_action": None,
        "_settles_at": world.now(intent) + world.switches.settlement_seconds,
    }
    world.emit("payment_intent.processing", intent)


def decline(world: World, intent: Json, method: Json, details: Json | None = None) -> None:
    """A refused charge: the intent asks for another method and says why."""
    details = details or decline_details(method)
    charge = _charge(world, intent, method, paid=False)
    charge |= {"failure_code": details["code"], "failure_message": details["message"]}
    world.emit("charge.failed", charge)
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "latest_charge": charge["id"],
        "next_action": None,
        "last_payment_error": {
            "charge": charge["id"],
            "code": details["code"],
            "decline_code": details["decline_code"],
            "doc_url": f"https://stripe.com/docs/error-codes/{details['code'].replace('_', '-')}",
            "message": details["message"],
            "payment_method": world.render(method),
            "type": "card_error",
        },
        "_settles_at": None,
    }
    world.emit("payment_intent.payment_failed", intent)


def fail_challenge(world: World, intent: Json, method: Json) -> None:
    """The customer did not pass the challenge."""
    decline(world, intent, method)
    intent["last_payment_error"] |= {
        "code": "payment_intent_authentication_failure",
        "decline_code": None,
        "message": NOT_AUTHENTICATED,
    }


NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again."
)


def _charge(world: World, intent: Json, method: Json, *, paid: bool) -> Json:
    return world.add(
        "charge",
        {
            "id": world.identify("ch"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if paid else 0,
            "amount_refunded": 0,
            "balance_transaction": None,
            "billing_details": dict(method["billing_details"]),
            "captured": paid,
            "created": world.now(intent),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "paid": paid,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": looks(method),
            "refunded": False,
            "status": "succeeded" if paid else "failed",
        },
    )
