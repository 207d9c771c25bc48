"""Invoices: made by hand, read, finalized, paid, voided, written off."""

from __future__ import annotations

from ..billing.collection import attempt, finalize, payment_error, settle
from ..billing.documents import payment_of
from ..billing.invoicing import Plan, draft_invoice
from ..billing.lines import show_invoice
from ..billing.methods import chargeable, resolve_method
from ..billing.reductions import change_reductions, read_reductions
from ..billing.standing import void_invoice, write_off
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, enum, integer, text
from ..kernel.lists import PAGE, RANGE, cut, page
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import COLLECTION, DISCOUNTS, TAX_RATES
from .common import META, apply_metadata, assign, deleted, filtered, fresh_metadata

SETTINGS: Fields = {
    **META,
    "auto_advance": boolean(),
    "collection_method": COLLECTION,
    "days_until_due": integer(least=0),
    "default_payment_method": text(),
    "default_tax_rates": TAX_RATES,
    "description": text(),
    "discounts": DISCOUNTS,
    "footer": text(),
}
CREATE: Fields = {
    **SETTINGS,
    "currency": text(),
    "customer": text(),
    "pending_invoice_items_behavior": enum("exclude", "include"),
    "subscription": text(),
}
PAY: Fields = {
    "off_session": boolean(),
    "paid_out_of_band": boolean(),
    "payment_method": text(),
}
LIST: Fields = {
    **PAGE,
    "collection_method": COLLECTION,
    "created": RANGE,
    "customer": text(),
    "status": enum("draft", "open", "paid", "uncollectible", "void"),
    "subscription": text(),
}


def create(world: World, call: Call) -> Json:
    params = call.params
    subscription = None
    if params.get("subscription"):
        subscription = world.require("subscription", params["subscription"], "subscription")
    owner = params.get("customer") or (subscription["customer"] if subscription else None)
    if not owner:
        raise errors.missing_parameter("customer")
    customer = world.require("customer", owner, "customer")
    settings: Json = {"metadata": fresh_metadata(params)}
    for name in ("collection_method", "description", "footer"):
        if params.get(name):
            settings[name] = params[name]
    if params.get("days_until_due") is not None:
        settings["due_date"] = world.now(customer) + params["days_until_due"] * 86_400
    if params.get("currency"):
        settings["currency"] = params["currency"].lower()
    if params.get("default_payment_method"):
        wanted = params["default_payment_method"]
        method = resolve_method(world, wanted, customer, "default_payment_method")
        settings["default_payment_method"] = method["id"]
    settings |= read_reductions(world, customer, params)
    plan = Plan(
        "manual",
        take_pending=params.get("pending_invoice_items_behavior") == "include",
        auto_advance=bool(params.get("auto_advance")),
        settings=settings,
    )
    invoice = draft_invoice(world, customer, subscription, plan)
    _plan_finalization(world, invoice)
    return world.render(invoice)


def _plan_finalization(world: World, invoice: Json) -> None:
    when = invoice["created"] + world.switches.draft_seconds
    invoice["automatically_finalizes_at"] = when if invoice["auto_advance"] else None


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("invoice", call.id))


def update(world: World, call: Call) -> Json:
    """Drafts change freely; a finalized invoice only in what does not touch its amounts."""
    invoice, params = world.require("invoice", call.id), call.params
    with world.changing(invoice, "invoice.updated"):
        apply_metadata(invoice, params)
        assign(invoice, params, "description", "footer")
        change_reductions(world, invoice, params)
        if params.get("default_payment_method"):
            customer = world.store.get("customer", invoice["customer"])
            wanted = params["default_payment_method"]
            method = resolve_method(world, wanted, customer, "default_payment_method")
            invoice["default_payment_method"] = method["id"]
        if params.get("collection_method"):
            invoice["collection_method"] = params["collection_method"]
        if params.get("days_until_due") is not None:
            invoice["due_date"] = invoice["created"] + params["days_until_due"] * 86_400
        if "auto_advance" in params:
            invoice["auto_advance"] = params["auto_advance"]
            if invoice["status"] == "draft":
                _plan_finalization(world, invoice)
    return world.render(invoice)


def delete(world: World, call: Call) -> Json:
    """Only drafts; that its items are pending again is our belief."""
    invoice = world.require("invoice", call.id)
    if invoice["status"] != "draft":
        raise errors.invalid("You can only delete draft invoices.")
    for entry in world.store.where("invoiceitem", "customer", invoice["customer"]):
        if entry["invoice"] == invoice["id"]:
            entry["invoice"] = None
    world.emit("invoice.deleted", invoice)
    world.store.remove("invoice", invoice["id"])
    return deleted(invoice)


def finalize_one(world: World, call: Call) -> Json:
    invoice = world.require("invoice", call.id)
    if invoice["status"] != "draft":
        raise errors.invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.params["auto_advance"]
    finalize(world, invoice)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        # with auto_advance the first automatic try follows; that it takes an hour is our belief
        later = world.now(invoice) + world.switches.draft_seconds
        invoice["next_payment_attempt"] = later
    return world.render(invoice)


def pay(world: World, call: Call) -> Json:
    """Pays now. A decline answers 402 and yet leaves its marks: the try did happen (§6.2)."""
    invoice, params = world.require("invoice", call.id), call.params
    if invoice["status"] == "paid":
        raise errors.invalid("Invoice is already paid")
    if invoice["status"] == "void":
        raise errors.invalid("Voided invoices cannot be paid.")
    if invoice["status"] == "draft":
        finalize(world, invoice)
        if invoice["status"] == "paid":
            return world.render(invoice)
    if invoice["status"] == "uncollectible":
        invoice["status"] = "open"
    if params.get("paid_out_of_band"):
        settle(world, invoice, invoice["amount_due"], off_stripe=True)
        return world.render(invoice)
    method = None
    if params.get("payment_method"):
        customer = world.store.get("customer", invoice["customer"])
        method = resolve_method(world, params["payment_method"], customer, "payment_method")
    if method is None and chargeable(world, invoice) is None:
        raise errors.invalid(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set a "
            "default payment method or pass one to pay this invoice.",
            code="missing",
        )
    off_session = params.get("off_session", True) is not False
    result = attempt(world, invoice, method, automatic=False, off_session=off_session)
    if result not in ("paid", "processing"):
        raise payment_error(world, invoice, result, keep_effects=True)
    return world.render(invoice)


def send(world: World, call: Call) -> Json:
    """Finalizes where needed and says that it was sent; nothing is sent in test mode either."""
    invoice = world.require("invoice", call.id)
    if invoice["status"] == "draft":
        finalize(world, invoice)
    if invoice["status"] not in ("open", "paid"):
        raise errors.invalid("You can only send open invoices.")
    world.emit("invoice.sent", invoice)
    return world.render(invoice)


def void(world: World, call: Call) -> Json:
    invoice = world.require("invoice", call.id)
    void_invoice(world, invoice)
    return world.render(invoice)


def give_up_one(world: World, call: Call) -> Json:
    invoice = world.require("invoice", call.id)
    write_off(world, invoice, "user_forgiven")
    return world.render(invoice)


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("subscription"):
        entries = world.store.where("invoice", "_subscription", params["subscription"])
    elif params.get("customer"):
        entries = world.store.where("invoice", "customer", params["customer"])
    else:
        entries = [body for body in world.store.scan("invoice") if not body["test_clock"]]
    return filtered(world, call, entries, "customer", "status", "collection_method")


def lines(world: World, call: Call) -> Json:
    invoice = world.require("invoice", call.id)
    window, more = cut(call.params, invoice["lines"])
    data = [dict(public(line)) for line in window]
    return {"object": "list", "data": data, "has_more": more, "url": call.url}


def _payments(world: World, invoice: Json) -> Json:
    entries = world.store.where("invoice_payment", "invoice", invoice.get("id"))
    url = f"/v1/invoice_payments?invoice={invoice.get('id')}"
    return page(world, {}, entries, url)


def _confirmation_secret(world: World, invoice: Json) -> Json | None:
    intent = payment_of(world, invoice) if "id" in invoice else None
    if intent is None:
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def shapes(known: Shapes) -> None:
    known.shapers["invoice"] = show_invoice
    known.refer(
        "invoice",
        customer="customer",
        default_payment_method="payment_method",
        discounts="discount",
        parent__subscription_details__subscription="subscription",
        test_clock="test_helpers.test_clock",
    )
    known.refer(
        "line_item",
        discounts="discount",
        pricing__price_details__price="price",
    )
    # both exist only when asked for (§2.2)
    known.computed["invoice", "payments"] = _payments
    known.computed["invoice", "confirmation_secret"] = _confirmation_secret


ROUTES = [
    Route("POST", "/v1/invoices", create, CREATE),
    Route("GET", "/v1/invoices", index, LIST),
    Route("GET", "/v1/invoices/<id>", retrieve, {}),
    Route("POST", "/v1/invoices/<id>", update, SETTINGS),
    Route("DELETE", "/v1/invoices/<id>", delete, {}),
    Route("GET", "/v1/invoices/<id>/lines", lines, PAGE),
    Route("POST", "/v1/invoices/<id>/finalize", finalize_one, {"auto_advance": boolean()}),
    Route("POST", "/v1/invoices/<id>/pay", pay, PAY),
    Route("POST", "/v1/invoices/<id>/send", send, {}),
    Route("POST", "/v1/invoices/<id>/void", void, {}),
    Route("POST", "/v1/invoices/<id>/mark_uncollectible", give_up_one, {}),
]
