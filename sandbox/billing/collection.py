"""Taking money: finalizing and charging an invoice, and what each outcome leaves behind."""

from __future__ import annotations

from typing import Literal

from ..kernel import errors
from ..kernel.errors import Json, StripeError
from ..kernel.world import World
from .cards import Outcome, behaviour
from .charging import begin_processing, capture, challenge, decline
from .documents import finalize_document, mark_paid, payment_of
from .methods import chargeable
from .standing import invoice_failed, invoice_paid, subscription_of

Result = Literal["paid", "declined", "action", "no_method", "open", "processing"]


def finalize(world: World, invoice: Json) -> None:
    """Finalizes; with nothing due the invoice is paid by that (§3.6)."""
    finalize_document(world, invoice)
    if invoice["amount_due"] == 0:
        settle(world, invoice, 0)
    elif invoice["collection_method"] == "charge_automatically":
        _preselect(world, invoice)


def _preselect(world: World, invoice: Json) -> None:
    """With a saved method at hand the PaymentIntent only waits for its confirmation; one that
    Checkout prepared has been paid already, or is under way."""
    intent, method = payment_of(world, invoice), chargeable(world, invoice)
    if intent is None or invoice.get("_ready"):
        if intent is not None and intent["status"] == "succeeded":
            invoice["attempt_count"] = 1
            settle(world, invoice, invoice["amount_due"])
        return
    if method is not None:
        intent |= {"status": "requires_confirmation", "payment_method": method["id"]}


def settle(world: World, invoice: Json, amount: int, *, off_stripe: bool = False) -> None:
    """Marks paid and tells the subscription."""
    mark_paid(world, invoice, amount, off_stripe=off_stripe)
    invoice_paid(world, invoice)


def attempt(
    world: World,
    invoice: Json,
    method: Json | None = None,
    *,
    automatic: bool,
    off_session: bool = True,
) -> Result:
    """One try to charge an open invoice. `automatic` tries are the retry schedule's own (§3.6)."""
    if invoice["status"] != "open":
        return "paid" if invoice["status"] == "paid" else "open"
    method = method or chargeable(world, invoice)
    intent = payment_of(world, invoice)
    assert intent is not None, "an open invoice has its PaymentIntent"
    if intent["status"] == "processing":
        # a debit under way is not tried a second time
        return "processing"
    invoice["attempted"] = True
    outcome = behaviour(method, off_session=off_session) if method else None
    # any try counts as the first; later only automatic ones do (Stripe docs: attempt_count);
    # a first try that needs the customer does not count (recorded traffic, flexible mode)
    counts = automatic and (outcome != "action" or invoice["attempt_count"] > 0)
    if counts or (invoice["attempt_count"] == 0 and outcome != "action"):
        invoice["attempt_count"] += 1
    if method is None:
        _fail(world, invoice, action=False)
        return "no_method"
    intent["payment_method"] = method["id"]
    return _play_out(world, invoice, method, outcome)


def _play_out(world: World, invoice: Json, method: Json, outcome: Outcome | None) -> Result:
    intent = payment_of(world, invoice)
    assert intent is not None, "an open invoice has its PaymentIntent"
    if outcome == "ok":
        capture(world, intent, method)
        collected(world, invoice, method)
        return "paid"
    if outcome == "action":
        challenge(world, intent)
        _fail(world, invoice, action=True)
        return "action"
    if outcome in ("later", "later_decline"):
        begin_processing(world, intent)
        return "processing"
    decline(world, intent, method)
    _fail(world, invoice, action=False)
    return "declined"


def collected(world: World, invoice: Json, method: Json) -> None:
    """The charge of an open invoice went through."""
    _save_as_default(world, invoice, method)
    settle(world, invoice, invoice["amount_due"])


def refused(world: World, invoice: Json) -> None:
    """A charge that had been under way came to nothing; it counts as a try."""
    invoice["attempt_count"] = max(1, invoice["attempt_count"])
    _fail(world, invoice, action=False)


def _save_as_default(world: World, invoice: Json, method: Json) -> None:
    """What worked becomes the subscription's own, if it is set to (Stripe docs: saving methods)."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["default_payment_method"] == method["id"]:
        return
    if subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        subscription["default_payment_method"] = method["id"]


def _fail(world: World, invoice: Json, *, action: bool) -> None:
    if not action or invoice["attempt_count"]:
        world.emit("invoice.payment_failed", invoice)
    if action:
        world.emit("invoice.payment_action_required", invoice)
    invoice_failed(world, invoice)


def no_method_error() -> StripeError:
    """400 with `resource_missing`, which here does not mean that an object is gone (§1.5)."""
    return errors.StripeError(
        400,
        "This customer has no attached payment source or default payment method. Please consider "
        "adding a default payment method. For more information, visit "
        "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-"
        "priority.",
        code="resource_missing",
    )


def payment_error(
    world: World, invoice: Json, result: Result, *, keep_effects: bool, noun: str = "invoice"
) -> StripeError:
    """The 402 that a failed payment answers, with the PaymentIntent in it.

    `noun` is what was asked for: paying an `invoice`, or a change of a `subscription`.
    """
    intent = payment_of(world, invoice)
    assert intent is not None, "a failed payment has its PaymentIntent"
    shown = world.render(intent)
    if result == "action":
        return errors.StripeError(
            402,
            "This payment requires additional user action before it can be completed successfully. "
            "Payment can be completed using the PaymentIntent associated with the invoice.",
            kind="card_error",
            code=f"{noun}_payment_intent_requires_action",
            extra={"payment_intent": shown},
            keep_effects=keep_effects,
        )
    last = intent["last_payment_error"]
    return errors.StripeError(
        402,
        last["message"],
        kind="card_error",
        code=last["code"],
        extra={
            "charge": last["charge"],
            "decline_code": last["decline_code"],
            "payment_intent": shown,
            "payment_method": last["payment_method"],
        },
        keep_effects=keep_effects,
    )
