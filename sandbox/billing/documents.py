"""An invoice as a document: finalized, paid, voided, given up. What that means to its
subscription is decided in `standing`; money is taken in `collection`."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.world import World
from .balance import move_balance
from .metering import count_again
from .templates import PAYMENT_INTENT, fresh
from .totals import compute_totals, split_balance


def finalize_document(world: World, invoice: Json) -> None:
    """Draft to open: numbered, the balance applied, a PaymentIntent if money is due (§3.6)."""
    customer = world.store.get("customer", invoice["customer"])
    now = world.now(invoice)
    count_again(world, invoice)
    compute_totals(world, invoice)
    start = customer["balance"]
    due, ending = split_balance(invoice["total"], start, world.switches.minimum_charge)
    if ending != start:
        small = due == 0 and ending > 0 and invoice["total"] > 0
        kind = "invoice_too_small" if small else "applied_to_invoice"
        move_balance(
            world,
            customer,
            ending - start,
            kind,
            invoice=invoice["id"],
            currency=invoice["currency"],
        )
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    page = f"{world.pages}/i/acct_sandbox/test_{invoice['id']}"
    invoice |= {
        "amount_due": due,
        "amount_remaining": due,
        "automatically_finalizes_at": None,
        "effective_at": now,
        "ending_balance": ending,
        "hosted_invoice_url": page,
        "invoice_pdf": f"{page}/pdf",
        "number": f"{customer['invoice_prefix']}-{number:04d}",
        "starting_balance": start,
        "status": "open",
    }
    invoice["status_transitions"]["finalized_at"] = now
    if due:
        open_payment(world, invoice)
    world.emit("invoice.finalized", invoice)


def open_payment(world: World, invoice: Json) -> Json:
    """The PaymentIntent of an invoice, and the InvoicePayment that ties them. Where Checkout has
    taken the money before there was an invoice (§2.2), it is the intent that did so."""
    intent = world.store.find("payment_intent", invoice.get("_ready") or "")
    if intent is not None:
        intent["_invoice"] = invoice["id"]
    else:
        intent = _new_intent(world, invoice)
    world.add(
        "invoice_payment",
        {
            "id": world.identify("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": world.now(invoice),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
            "_payment_intent": intent["id"],
            "_customer": invoice["customer"],
        },
    )
    return intent


def _new_intent(world: World, invoice: Json) -> Json:
    intent_id = world.identify("pi")
    intent = fresh(
        PAYMENT_INTENT,
        id=intent_id,
        amount=invoice["amount_due"],
        client_secret=world.identify(f"{intent_id}_secret"),
        created=world.now(invoice),
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=invoice["description"],
        _invoice=invoice["id"],
        _settles_at=None,
    )
    world.add("payment_intent", intent)
    world.emit("payment_intent.created", intent)
    return intent


def payment_of(world: World, invoice: Json) -> Json | None:
    """The invoice's PaymentIntent, if something was ever due."""
    for payment in world.store.where("invoice_payment", "invoice", invoice["id"]):
        return world.store.get("payment_intent", payment["_payment_intent"])
    return None


def mark_paid(world: World, invoice: Json, amount: int, *, off_stripe: bool = False) -> None:
    """Open to paid, with the events of a payment (§4): paid, payment_succeeded, invoice_payment."""
    now = world.now(invoice)
    invoice |= {
        "status": "paid",
        "attempted": True,
        "amount_paid": amount,
        "amount_paid_off_stripe": amount if off_stripe else None,
        "amount_remaining": 0,
        "next_payment_attempt": None,
        "auto_advance": False,
    }
    invoice["status_transitions"]["paid_at"] = now
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    for payment in world.store.where("invoice_payment", "invoice", invoice["id"]):
        if amount and not off_stripe:
            payment |= {"status": "paid", "amount_paid": amount}
            payment["status_transitions"]["paid_at"] = now
            world.emit("invoice_payment.paid", payment)
        else:
            _close_payment(world, invoice)


def void_document(world: World, invoice: Json) -> None:
    """Open or uncollectible to void; the balance it had used goes back, by switch."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise errors.invalid("You can only pass in open invoices. This invoice isn't open.")
    customer = world.store.get("customer", invoice["customer"])
    used = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if used and world.switches.void_returns_balance:
        move_balance(world, customer, -used, "unapplied_from_invoice", invoice=invoice["id"])
    _stop(invoice)
    invoice["status"] = "void"
    invoice["status_transitions"]["voided_at"] = world.now(invoice)
    _close_payment(world, invoice)
    if world.switches.void_releases_items:
        for entry in world.store.where("invoiceitem", "customer", customer["id"]):
            # what the invoice's own cause made goes with it, what waited before waits again
            if entry["invoice"] == invoice["id"] and entry["date"] < invoice["created"]:
                entry["invoice"] = None
    world.emit("invoice.voided", invoice)


def mark_uncollectible(world: World, invoice: Json, reason: str) -> None:
    """Open to uncollectible, with its reason (API changelog 2026-09-30.endive)."""
    if invoice["status"] != "open":
        raise errors.invalid("You can only pass in open invoices. This invoice isn't open.")
    _stop(invoice)
    invoice["status"] = "uncollectible"
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    invoice["status_transitions"]["marked_uncollectible_at"] = world.now(invoice)
    world.emit("invoice.marked_uncollectible", invoice)


def stop_collection(world: World, invoice: Json) -> None:
    """No further automatic tries (Stripe docs: cancel a subscription)."""
    with world.changing(invoice, "invoice.updated"):
        _stop(invoice)


def _stop(invoice: Json) -> None:
    invoice["auto_advance"] = False
    invoice["next_payment_attempt"] = None


def _close_payment(world: World, invoice: Json) -> None:
    now = world.now(invoice)
    for payment in world.store.where("invoice_payment", "invoice", invoice["id"]):
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = now
        intent = world.store.get("payment_intent", payment["_payment_intent"])
        if intent["status"] != "succeeded":
            intent |= {"status": "canceled", "canceled_at": now, "next_action": None}
            intent["cancellation_reason"] = "void_invoice"
            world.emit("payment_intent.canceled", intent)
