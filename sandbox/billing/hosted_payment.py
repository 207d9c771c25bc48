"""A customer pays an open invoice by a card of their own, on Stripe's page for it."""

from __future__ import annotations

from ..kernel.errors import Json, StripeError
from ..kernel.world import World
from .cards import named
from .collection import attempt
from .documents import payment_of
from .methods import resolve_method


def open_invoice(world: World, invoice: str) -> Json:
    """The invoice behind a page, for reading. LookupError where there is none, as for drafts."""
    body = world.store.peek("invoice", invoice)
    if body is None or body["hosted_invoice_url"] is None:
        raise LookupError(invoice)
    return body


def pay_on_page(world: World, invoice: str, card: str) -> str:
    """One try with a test card (`pm_card_visa`); the customer is there, so the card may ask them.

    Returns how it ended: paid, declined, action, processing, open. LookupError for other cards.
    """
    body = world.store.get("invoice", open_invoice(world, invoice)["id"])
    if not named(card):
        raise LookupError(card)
    if body["status"] != "open":
        return str(body["status"])
    customer = world.store.get("customer", body["customer"])
    try:
        method = resolve_method(world, card, customer, "payment_method")
    except StripeError:
        # some cards are refused before they are even tried (§3.9)
        return "declined"
    return attempt(world, body, method, automatic=False, off_session=False)


def waiting_intent(world: World, invoice: Json) -> str | None:
    """The PaymentIntent whose challenge the customer has to answer."""
    intent = payment_of(world, invoice) if invoice["status"] == "open" else None
    return intent["id"] if intent and intent["status"] == "requires_action" else None
