"""Stripe's test cards, by the names they have as payment methods and tokens (stripe-facts §3.9),
and the accounts for direct debits, which answer days later.

Where they come from: Stripe docs: testing. `pm_card_X` and `tok_X` are the same card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..kernel import errors
from ..kernel.errors import Json, StripeError

Outcome = Literal["ok", "decline", "action", "action_once", "later", "later_decline", "transfer"]


@dataclass(frozen=True)
class Card:
    """How a card looks and behaves. `at_attach` declines are answered when it is saved; what is
    charged to one with a reason in `disputed` is disputed, as an `inquiry` only if it says so.
    """

    brand: str
    last4: str
    outcome: Outcome = "ok"
    at_attach: bool = False
    code: str = "card_declined"
    decline_code: str = "generic_decline"
    kind: str = "card"
    disputed: str | None = None
    inquiry: bool = False


def _refused(last4: str, code: str = "card_declined", decline: str = "generic_decline") -> Card:
    return Card("visa", last4, "decline", at_attach=True, code=code, decline_code=decline)


CARDS: dict[str, Card] = {
    "visa": Card("visa", "4242"),
    "visa_debit": Card("visa", "5556"),
    "mastercard": Card("mastercard", "4444"),
    "mastercard_debit": Card("mastercard", "3222"),
    "amex": Card("amex", "8431"),
    "discover": Card("discover", "9424"),
    "us": Card("visa", "4242"),
    "chargeCustomerFail": Card("visa", "0341", "decline"),
    "chargeDeclined": _refused("0002"),
    "visa_chargeDeclined": _refused("0002"),
    "chargeDeclinedInsufficientFunds": _refused("9995", decline="insufficient_funds"),
    "visa_chargeDeclinedInsufficientFunds": _refused("9995", decline="insufficient_funds"),
    "chargeDeclinedLostCard": _refused("9987", decline="lost_card"),
    "visa_chargeDeclinedLostCard": _refused("9987", decline="lost_card"),
    "chargeDeclinedStolenCard": _refused("9979", decline="stolen_card"),
    "visa_chargeDeclinedStolenCard": _refused("9979", decline="stolen_card"),
    "chargeDeclinedFraudulent": _refused("0019", decline="fraudulent"),
    "chargeDeclinedExpiredCard": _refused("0069", "expired_card", "expired_card"),
    "chargeDeclinedIncorrectCvc": _refused("0127", "incorrect_cvc", "incorrect_cvc"),
    "chargeDeclinedProcessingError": _refused("0119", "processing_error", "processing_error"),
    "authenticationRequired": Card("visa", "3184", "action"),
    "threeDSecure2Required": Card("visa", "3220", "action"),
    "threeDSecureRequired": Card("visa", "3063", "action"),
    "authenticationRequiredOnSetup": Card("visa", "3155", "action_once"),
    "authenticationRequiredSetupForOffSession": Card("visa", "0446"),
    "bypassPending": Card("visa", "0077"),
    "createDispute": Card("visa", "0259", disputed="fraudulent"),
    "createDisputeProductNotReceived": Card("visa", "2685", disputed="product_not_received"),
    "createDisputeInquiry": Card("visa", "1976", disputed="product_not_received", inquiry=True),
}

# Direct debits by their test account number, and a bank transfer the customer makes.
DEBITS: dict[str, Card] = {
    "AT611904300234573201": Card("", "3201", "later", kind="sepa_debit"),
    "AT321904300235473204": Card("", "3204", "later", kind="sepa_debit"),
    "AT861904300235473202": Card("", "3202", "later_decline", kind="sepa_debit"),
    "IT60X0542811101000000123456": Card("", "3456", "later_decline", kind="sepa_debit"),
    "customer_balance": Card("", "", "transfer", kind="customer_balance"),
}

NUMBERS: dict[str, str] = {
    "4242424242424242": "visa",
    "5555555555554444": "mastercard",
    "4000000000000341": "chargeCustomerFail",
    "4000000000000002": "chargeDeclined",
    "4000000000009995": "chargeDeclinedInsufficientFunds",
    "4000002760003184": "authenticationRequired",
    "4000000000003220": "threeDSecure2Required",
    "4000002500003155": "authenticationRequiredOnSetup",
    "4000000000000259": "createDispute",
    "4000000000002685": "createDisputeProductNotReceived",
    "4000000000001976": "createDisputeInquiry",
}

MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}


def named(alias: str) -> str | None:
    """The card's name if the id is one of Stripe's test payment methods or tokens."""
    for prefix in ("pm_card_", "tok_"):
        if alias.startswith(prefix) and alias.removeprefix(prefix) in CARDS:
            return alias.removeprefix(prefix)
    return None


def look_of(method: Json) -> Card:
    name: str = method["_card"]
    return CARDS.get(name) or DEBITS[name]


def behaviour(method: Json, *, off_session: bool) -> Outcome:
    """What a charge of this payment method comes to."""
    outcome = look_of(method).outcome
    if outcome == "action_once":
        return "action" if not method.get("_authenticated") else "ok"
    if method["_card"] == "authenticationRequiredSetupForOffSession" and not off_session:
        return "action"
    return outcome


# What a payment method tells of its card or account and a charge does not (Stripe's document).
UNTOLD = ("display_brand", "generated_from", "networks", "three_d_secure_usage")


def looks(method: Json) -> Json:
    """`payment_method_details` of a charge: the method's type and what is shown of it."""
    kind = method["type"]
    shown = {name: value for name, value in method[kind].items() if name not in UNTOLD}
    return {kind: shown, "type": kind}


def decline_details(method: Json) -> Json:
    """`code`, `decline_code` and `message` of this card's refusal."""
    card = look_of(method)
    if card.kind != "card":
        message = "The payment method was rejected by the bank."
        code = "payment_method_provider_decline"
        return {"code": code, "decline_code": None, "message": message}
    message = MESSAGES.get(card.decline_code, "Your card was declined.")
    return {"code": card.code, "decline_code": card.decline_code, "message": message}


def declined(method: Json, extra: Json | None = None, *, keep_effects: bool = False) -> StripeError:
    """402 `card_error` in Stripe's shape."""
    details = decline_details(method)
    return errors.StripeError(
        402,
        details["message"],
        kind="card_error",
        code=details["code"],
        extra={"decline_code": details["decline_code"], **(extra or {})},
        keep_effects=keep_effects,
    )
