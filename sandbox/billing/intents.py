"""Payment intents of their own, without an invoice: made, confirmed, captured, canceled."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json, StripeError
from ..kernel.world import World
from .cards import behaviour, declined
from .charging import begin_processing, capture, challenge, decline, hold
from .methods import attach_method, find_method
from .templates import PAYMENT_INTENT, fresh

OPEN = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
)
COPIED = (
    "amount",
    "capture_method",
    "confirmation_method",
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
)


def new_intent(world: World, params: Json) -> Json:
    """A payment intent from validated parameters: `amount` in minor units, `currency`."""
    identifier = world.identify("pi")
    customer = params.get("customer")
    body = fresh(
        PAYMENT_INTENT,
        id=identifier,
        client_secret=world.identify(f"{identifier}_secret"),
        created=world.now({"customer": customer}),
        currency=params["currency"].lower(),
        customer=customer,
        metadata=dict(params.get("metadata") or {}),
        _invoice=None,
        _settles_at=None,
    )
    body |= {name: params[name] for name in COPIED if params.get(name) is not None}
    allowed = params.get("allowed_payment_method_types")
    body["allowed_payment_method_types"] = allowed
    body["payment_method_types"] = allowed or params.get("payment_method_types") or ["card"]
    intent = world.add("payment_intent", body)
    world.emit("payment_intent.created", intent)
    return intent


def choose_method(world: World, intent: Json, identifier: str) -> Json:
    """The method named for an intent: an alias becomes a new one, another customer's is refused."""
    method = find_method(world, identifier, "payment_method")
    check_usable(method, intent["customer"])
    if method["type"] not in intent["payment_method_types"]:
        raise errors.invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this "
            "PaymentIntent. Please attach a PaymentMethod of one of the following types: "
            f"{', '.join(intent['payment_method_types'])}.",
            "payment_method",
        )
    intent["payment_method"] = method["id"]
    if intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"
    return method


def check_usable(method: Json, customer: str | None) -> None:
    """One that belongs to a customer pays for that customer only; a used one is used up."""
    if method["customer"] not in (None, customer):
        raise errors.invalid(
            "The provided PaymentMethod cannot be used with this customer: it belongs to another "
            "one.",
            "payment_method",
        )
    if method["customer"] is None and method.get("_spent"):
        raise errors.invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            "payment_method",
        )


def confirm_intent(world: World, intent: Json, *, off_session: bool = False) -> StripeError | None:
    """Tries to charge. A decline comes back as the 402 to raise: the try has left its marks."""
    method = world.store.get("payment_method", intent["payment_method"])
    outcome = behaviour(method, off_session=off_session)
    if outcome == "transfer":
        _await_transfer(world, intent)
        return None
    if outcome == "action":
        challenge(world, intent)
        return None
    if outcome == "decline":
        decline(world, intent, method)
        return declined(method, {"payment_intent": world.render(intent)}, keep_effects=True)
    _save_method(world, intent, method)
    if outcome in ("later", "later_decline"):
        begin_processing(world, intent)
    elif intent["capture_method"] == "manual":
        hold(world, intent, method)
    else:
        capture(world, intent, method)
    return None


def _save_method(world: World, intent: Json, method: Json) -> None:
    """`setup_future_usage` saves what was used on the customer; without it one use is all."""
    if method["customer"] is not None:
        return
    if intent["customer"] and intent["setup_future_usage"]:
        customer = world.require("customer", intent["customer"], "customer")
        attach_method(world, method["id"], customer)
    else:
        method["_spent"] = True


def _await_transfer(world: World, intent: Json) -> None:
    """A bank transfer is the customer's doing: the intent says what is still to come."""
    intent |= {
        "status": "requires_action",
        "next_action": {
            "type": "display_bank_transfer_instructions",
            "display_bank_transfer_instructions": {
                "amount_remaining": intent["amount"],
                "currency": intent["currency"],
                "financial_addresses": [],
                "hosted_instructions_url": None,
                "reference": intent["id"][-12:].upper(),
                "type": "jp_bank_transfer" if intent["currency"] == "jpy" else "eu_bank_transfer",
            },
        },
    }
    world.emit("payment_intent.requires_action", intent)


def fund_transfer(world: World, intent: Json, amount: int) -> int:
    """Money from the customer's cash balance for an intent; returns how much it took."""
    details = intent["next_action"]["display_bank_transfer_instructions"]
    used: int = min(amount, details["amount_remaining"])
    if used < details["amount_remaining"]:
        details["amount_remaining"] -= used
        world.emit("payment_intent.partially_funded", intent)
    else:
        capture(world, intent, world.store.get("payment_method", intent["payment_method"]))
    return used


def cancel_intent(world: World, intent: Json, reason: str | None) -> None:
    """Gives the payment up; refused once money has moved."""
    if intent["status"] not in OPEN or intent["status"] == "processing":
        raise unexpected_state(world, intent, "cancel")
    intent |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": world.now(intent),
        "cancellation_reason": reason,
        "next_action": None,
    }
    world.emit("payment_intent.canceled", intent)


def unexpected_state(world: World, intent: Json, verb: str) -> StripeError:
    """400 `payment_intent_unexpected_state`, with the intent in it."""
    return errors.StripeError(
        400,
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        extra={"payment_intent": world.render(intent)},
    )
