"""Completing a Checkout session: the customer pays or saves a card at its page.

Since basil the money comes first: subscription and invoice are made after it, so that a refused
card leaves neither of them (stripe-facts §2.2); the page stays open for another card.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ..kernel.errors import Json, StripeError
from ..kernel.world import World
from .cards import DEBITS, behaviour, named
from .charging import begin_processing, capture, decline, fail_challenge
from .checkout import price_session, subscription_params
from .collection import finalize
from .intents import new_intent
from .invoicing import Plan, draft_invoice
from .lines import line_from_pending
from .methods import attach_method, new_method
from .pending_items import new_pending, read_extra
from .people import new_customer
from .setups import choose_setup_method, confirm_setup
from .starting import start_subscription

Ending = Literal["complete", "declined", "action"]
Answer = Literal["complete", "fail"] | None


@dataclass
class Visit:
    """What a customer does at the page: the method they choose, how they answer their bank."""

    method: Json
    answer: Answer = None
    email: str | None = None
    name: str | None = None


def complete_session(world: World, session: Json, visit: Visit) -> Ending:
    """One try. `action` means that the bank asks the customer: come again with an `answer`.

    Raises StripeError where a card is refused before it is tried; nothing stays of that.
    """
    if session["mode"] == "setup":
        ending = _save(world, session, visit)
        customer = world.store.find("customer", session["customer"] or "")
    else:
        price_session(world, session)
        ending = _first_try(world, session, visit) if session["amount_total"] else "complete"
        customer = _customer(world, session, visit) if ending == "complete" else None
        if ending == "complete":
            _buy(world, session, visit, customer)
    if ending == "complete":
        _close(world, session, visit, customer)
    return ending


def _first_try(world: World, session: Json, visit: Visit) -> Ending:
    """What the bank says; a refusal leaves its marks on the session's payment intent."""
    method = visit.method
    outcome = behaviour(method, off_session=False)
    if outcome == "action" and visit.answer is None:
        return "action"
    if outcome == "decline" or (outcome == "action" and visit.answer == "fail"):
        intent = _intent(world, session)
        refuse = decline if outcome == "decline" else fail_challenge
        refuse(world, intent, method)
        return "declined"
    if outcome == "action":
        method["_authenticated"] = True
    return "complete"


def _customer(world: World, session: Json, visit: Visit) -> Json | None:
    """The session's customer, or one made now; a guest in payment mode has none."""
    if session["customer"]:
        return world.store.get("customer", session["customer"])
    if session["customer_creation"] != "always":
        return None
    customer = new_customer(world)
    customer["email"] = visit.email or session["customer_email"]
    customer["name"] = visit.name
    session["customer"] = customer["id"]
    world.emit("customer.created", customer)
    return customer


def _buy(world: World, session: Json, visit: Visit, customer: Json | None) -> None:
    """The bank agrees: money first, then what it is for."""
    intent = _pay(world, session, visit, customer) if session["amount_total"] else None
    if session["mode"] == "subscription":
        assert customer is not None, "a subscription has a customer"
        _subscribe(world, session, visit, customer, intent)
    elif session["invoice_creation"]["enabled"] and intent is not None:
        assert customer is not None, "an invoice has a customer"
        _write_invoice(world, session, customer, intent)
    if intent is None:
        session["payment_status"] = "no_payment_required"
    else:
        session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"


def _pay(world: World, session: Json, visit: Visit, customer: Json | None) -> Json:
    method, intent = visit.method, _intent(world, session)
    if customer is not None:
        intent["customer"] = customer["id"]
        if intent["setup_future_usage"]:
            attach_method(world, method["id"], customer)
    intent["payment_method"] = method["id"]
    if behaviour(method, off_session=False) in ("later", "later_decline"):
        begin_processing(world, intent)
    else:
        capture(world, intent, method)
    return intent


def _intent(world: World, session: Json) -> Json:
    """The session's payment intent, made at its first try and kept for further ones."""
    known = world.store.find("payment_intent", session["_payment_intent"] or "")
    if known is not None:
        known["amount"] = session["amount_total"]
        return known
    data = session["_data"].get("payment_intent_data") or {}
    keeps = "off_session" if session["mode"] == "subscription" else data.get("setup_future_usage")
    intent = new_intent(
        world,
        {
            **data,
            "amount": session["amount_total"],
            "currency": session["currency"],
            "customer": session["customer"],
            "payment_method_types": session["payment_method_types"],
            "setup_future_usage": keeps,
        },
    )
    session["_payment_intent"] = intent["id"]
    world.store.link("checkout.session", "_payment_intent", intent["id"], session["id"])
    if session["mode"] == "payment":
        session["payment_intent"] = intent["id"]
    return intent


def _subscribe(
    world: World, session: Json, visit: Visit, customer: Json, intent: Json | None
) -> None:
    """The subscription and its first invoice, paid by what the customer has just paid."""
    if intent is None:
        attach_method(world, visit.method["id"], customer)
    params = subscription_params(session)
    params["default_payment_method"] = visit.method["id"]
    params["_ready"] = intent["id"] if intent is not None else None
    subscription = start_subscription(world, customer, params)
    session |= {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    world.store.link("checkout.session", "subscription", subscription["id"], session["id"])


def _write_invoice(world: World, session: Json, customer: Json, intent: Json) -> None:
    """Payment mode with `invoice_creation`: an invoice for what was paid (Stripe docs)."""
    data = session["invoice_creation"]["invoice_data"]
    settings = {name: data[name] for name in ("description", "footer", "metadata")}
    settings |= {"currency": session["currency"], "_ready": intent["id"]}
    plan = Plan("manual", _charges(world, session, customer), take_pending=False, settings=settings)
    invoice = draft_invoice(world, customer, None, plan)
    finalize(world, invoice)
    session["invoice"] = invoice["id"]


def _charges(world: World, session: Json, customer: Json) -> list[Callable[[Json], Json]]:
    charges: list[Callable[[Json], Json]] = []
    for line in session["_lines"]:
        asked = {"price": line["price"], "quantity": line["quantity"]}
        extra = read_extra(world, asked, session["currency"], "line_items")
        entry = new_pending(world, customer, extra)
        charges.append(partial(_as_line, world, entry))
    return charges


def _as_line(world: World, entry: Json, invoice: Json) -> Json:
    return line_from_pending(world, invoice, entry)


def _save(world: World, session: Json, visit: Visit) -> Ending:
    """Setup mode: the card is saved by the session's setup intent."""
    setup = world.store.get("setup_intent", session["setup_intent"])
    method = choose_setup_method(world, setup, visit.method["id"])
    if visit.answer == "complete":
        method["_authenticated"] = True
    refusal = confirm_setup(world, setup)
    if refusal is not None:
        return "declined"
    if setup["status"] == "requires_action":
        if visit.answer is None:
            return "action"
        setup |= {"status": "requires_payment_method", "payment_method": None}
        setup["next_action"] = None
        world.emit("setup_intent.setup_failed", setup)
        return "declined"
    return "complete"


def _close(world: World, session: Json, visit: Visit, customer: Json | None) -> None:
    known = customer or {}
    session |= {
        "status": "complete",
        "url": None,
        "customer": known.get("id"),
        "customer_details": {
            "address": known.get("address"),
            "email": visit.email or known.get("email") or session["customer_email"],
            "name": visit.name or known.get("name"),
            "phone": known.get("phone"),
            "tax_exempt": known.get("tax_exempt", "none"),
            "tax_ids": [],
        },
    }
    if customer is not None:
        world.store.link("checkout.session", "customer", customer["id"], session["id"])
    world.emit("checkout.session.completed", session)


def visit_checkout(
    world: World,
    identifier: str,
    card: str,
    *,
    answer: Answer = None,
    email: str | None = None,
    name: str | None = None,
    code: str | None = None,
) -> Ending:
    """A customer at the page of an open session, with a test card (`pm_card_visa`), a test
    account's IBAN or a saved method, and perhaps a promotion code.

    LookupError where there is no open session; ValueError for a card or code that is none.
    """
    session = world.store.find("checkout.session", identifier)
    if session is None or session["status"] != "open":
        raise LookupError(f"no open Checkout session {identifier}")
    if code:
        _redeem(world, session, code)
    try:
        with world.store.transaction():
            visit = Visit(_method(world, session, card), answer, email, name)
            return complete_session(world, session, visit)
    except StripeError:
        # some cards are refused before they are even tried (§3.9)
        return "declined"


def _method(world: World, session: Json, card: str) -> Json:
    known = world.store.find("payment_method", card)
    if known is not None and known["customer"] in (None, session["customer"]):
        return known
    alias = named(card) or (card if card in DEBITS else None)
    if alias is None:
        raise ValueError(f"no test card is called {card!r}")
    method = new_method(world, alias)
    if method["type"] not in session["payment_method_types"]:
        raise ValueError(f"this session does not take {method['type']}")
    return method


def _redeem(world: World, session: Json, code: str) -> None:
    found = world.store.where("promotion_code", "code", code)
    usable = [entry for entry in found if entry["active"]]
    if not session["allow_promotion_codes"] or not usable:
        raise ValueError(f"the code {code!r} is invalid")
    session["_data"]["discounts"] = [{"promotion_code": usable[-1]["id"]}]
