"""Invoice items: amounts added to the customer's next invoice."""

from __future__ import annotations

from ..billing.lines import line_from_pending
from ..billing.pending_items import new_pending, read_extra
from ..billing.rates import show_rates
from ..billing.totals import compute_totals
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, record, text
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import DISCOUNTS, LOOSE_AMOUNT, ONE_OFF_DATA, TAX_RATES
from .common import META, QUANTITY, apply_metadata, deleted

CREATE: Fields = {
    **META,
    **LOOSE_AMOUNT,
    "customer": text(),
    "discountable": boolean(),
    "discounts": DISCOUNTS,
    "invoice": text(),
    "price_data": ONE_OFF_DATA,
    # the price is named inside `pricing` since basil (§2.2)
    "pricing": record({"price": text()}),
    "quantity": QUANTITY,
    "subscription": text(),
    "tax_rates": TAX_RATES,
}
UPDATE: Fields = {**META, "amount": LOOSE_AMOUNT["amount"], "description": text()}
LIST: Fields = {
    **PAGE,
    "created": RANGE,
    "customer": text(),
    "invoice": text(),
    "pending": boolean(),
}


def create(world: World, call: Call) -> Json:
    params = call.params
    invoice = None
    if params.get("invoice"):
        invoice = world.require("invoice", params["invoice"], "invoice")
        if invoice["status"] != "draft":
            raise errors.invalid("This invoice is no longer editable", "invoice")
    owner = params.get("customer") or (invoice["customer"] if invoice else None)
    if not owner:
        raise errors.missing_parameter("customer")
    customer = world.require("customer", owner, "customer")
    subscription = None
    if params.get("subscription"):
        subscription = world.require("subscription", params["subscription"], "subscription")
    extra = read_extra(world, params, customer["currency"], "")
    entry = new_pending(world, customer, extra, subscription=subscription)
    if invoice is not None:
        with world.changing(invoice, "invoice.updated"):
            invoice["lines"].append(line_from_pending(world, invoice, entry))
            invoice["lines"][-1].pop("_credits", None)
            compute_totals(world, invoice)
    return world.render(entry)


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("invoiceitem", call.id))


def update(world: World, call: Call) -> Json:
    entry = _pending(world, call.id)
    apply_metadata(entry, call.params)
    if "description" in call.params:
        entry["description"] = call.params["description"]
    if call.params.get("amount") is not None:
        entry["amount"] = call.params["amount"]
    return world.render(entry)


def delete(world: World, call: Call) -> Json:
    entry = _pending(world, call.id)
    world.emit("invoiceitem.deleted", entry)
    world.store.remove("invoiceitem", entry["id"])
    return deleted(entry)


def _pending(world: World, identifier: str) -> Json:
    entry = world.require("invoiceitem", identifier)
    if entry["invoice"] is not None:
        raise errors.invalid(
            "The invoice item is attached to an invoice and can no longer be changed."
        )
    return entry


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("customer"):
        entries = world.store.where("invoiceitem", "customer", params["customer"])
    else:
        entries = world.store.scan("invoiceitem")

    def wanted(body: Json) -> bool:
        return bool(
            params.get("invoice") in (None, body["invoice"])
            and params.get("pending") in (None, body["invoice"] is None)
            and within(params, "created", body["date"])
        )

    return page(world, params, entries, call.url, wanted)


def _show(world: World, entry: Json) -> Json:
    return {**public(entry), "tax_rates": show_rates(world, entry["tax_rates"])}


def shapes(known: Shapes) -> None:
    known.shapers["invoiceitem"] = _show
    known.refer(
        "invoiceitem",
        customer="customer",
        discounts="discount",
        invoice="invoice",
        pricing__price_details__price="price",
    )


ROUTES = [
    Route("POST", "/v1/invoiceitems", create, CREATE),
    Route("GET", "/v1/invoiceitems", index, LIST),
    Route("GET", "/v1/invoiceitems/<id>", retrieve, {}),
    Route("POST", "/v1/invoiceitems/<id>", update, UPDATE),
    Route("DELETE", "/v1/invoiceitems/<id>", delete, {}),
]
