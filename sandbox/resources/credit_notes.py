"""Credit notes on finalized invoices."""

from __future__ import annotations

from ..billing.crediting import issue_note, new_note, void_note
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, enum, integer, moment, record, text
from ..kernel.lists import PAGE, RANGE, cut
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, assign, filtered, fresh_metadata

LINE = record(
    {
        "amount": integer(least=0),
        "description": text(),
        "invoice_line_item": text(),
        "quantity": integer(least=1),
        "type": enum("custom_line_item", "invoice_line_item", required=True),
        "unit_amount": integer(),
    }
)
ASKED: Fields = {
    **META,
    "amount": integer(least=1),
    "credit_amount": integer(least=0),
    "effective_at": moment(words=()),
    "email_type": enum("credit_note", "none"),
    "invoice": text(required=True),
    "lines": array(LINE),
    "memo": text(),
    "out_of_band_amount": integer(least=0),
    "reason": enum("duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
    "refund_amount": integer(least=0),
}
UPDATE: Fields = {**META, "memo": text()}
LIST: Fields = {**PAGE, "created": RANGE, "customer": text(), "invoice": text()}


def create(world: World, call: Call) -> Json:
    invoice = world.require("invoice", call.params["invoice"], "invoice")
    params = {**call.params, "metadata": fresh_metadata(call.params)}
    note = new_note(world, invoice, params)
    issue_note(world, invoice, note, params)
    return world.render(note)


def preview(world: World, call: Call) -> Json:
    """The note that creating it would make, without any effect."""
    invoice = world.require("invoice", call.params["invoice"], "invoice")
    with world.store.rehearsal():
        return world.render(new_note(world, invoice, call.params))


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("credit_note", call.id))


def update(world: World, call: Call) -> Json:
    note = world.require("credit_note", call.id)
    with world.changing(note, "credit_note.updated"):
        apply_metadata(note, call.params)
        assign(note, call.params, "memo")
    return world.render(note)


def void(world: World, call: Call) -> Json:
    note = world.require("credit_note", call.id)
    void_note(world, note)
    return world.render(note)


def lines(world: World, call: Call) -> Json:
    note = world.require("credit_note", call.id)
    window, more = cut(call.params, note["lines"])
    data = [dict(public(line)) for line in window]
    return {"object": "list", "data": data, "has_more": more, "url": call.url}


def index(world: World, call: Call) -> Json:
    return filtered(world, call, world.store.scan("credit_note"), "customer", "invoice")


def _show(_: World, note: Json) -> Json:
    data = public(note["lines"])
    return {
        **public(note),
        "lines": {
            "object": "list",
            "data": data[:10],
            "has_more": len(data) > 10,
            "url": f"/v1/credit_notes/{note['id']}/lines",
        },
    }


def shapes(known: Shapes) -> None:
    known.shapers["credit_note"] = _show
    known.refer(
        "credit_note",
        customer="customer",
        customer_balance_transaction="customer_balance_transaction",
        invoice="invoice",
    )


ROUTES = [
    Route("POST", "/v1/credit_notes", create, ASKED),
    Route("GET", "/v1/credit_notes", index, LIST),
    Route("GET", "/v1/credit_notes/preview", preview, ASKED),
    Route("GET", "/v1/credit_notes/<id>", retrieve, {}),
    Route("POST", "/v1/credit_notes/<id>", update, UPDATE),
    Route("GET", "/v1/credit_notes/<id>/lines", lines, PAGE),
    Route("POST", "/v1/credit_notes/<id>/void", void, {}),
]
