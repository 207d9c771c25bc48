"""Customers and their balance transactions."""

from __future__ import annotations

from ..billing.balance import move_balance
from ..billing.customer_discounts import check_coupon, set_coupon, show_customer
from ..billing.ending import end_now
from ..billing.methods import attach_method, resolve_method
from ..billing.people import PLAIN, new_customer
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, enum, integer, record, text
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import ADDRESS, META, SHIPPING, apply_metadata, assign, deleted, fresh_metadata

WRITABLE: Fields = {
    **META,
    "address": record(ADDRESS),
    "balance": integer(),
    "business_name": text(most=150),
    "description": text(),
    "email": text(most=512),
    "individual_name": text(most=150),
    "coupon": text(),
    "invoice_prefix": text(clearable=False, most=12),
    "invoice_settings": record({"default_payment_method": text(), "footer": text()}),
    "name": text(),
    "next_invoice_sequence": integer(least=1),
    "phone": text(),
    "preferred_locales": array(text()),
    "shipping": SHIPPING,
    "source": text(clearable=False),
    "tax_exempt": enum("exempt", "none", "reverse"),
}
CREATE: Fields = {**WRITABLE, "payment_method": text(), "test_clock": text()}
UPDATE: Fields = {**WRITABLE, "default_source": text(clearable=False)}
LIST: Fields = {**PAGE, "created": RANGE, "email": text(), "test_clock": text()}
BALANCE: Fields = {
    **META,
    "amount": integer(required=True),
    "currency": text(required=True),
    "description": text(),
}


def create(world: World, call: Call) -> Json:
    params = call.params
    clock = params.get("test_clock")
    if clock:
        world.require("test_helpers.test_clock", clock, "test_clock")
    customer = new_customer(world, clock)
    customer["metadata"] = fresh_metadata(params)
    check_coupon(world, params)
    assign(customer, params, *PLAIN, "tax_exempt", "invoice_prefix", "next_invoice_sequence")
    customer["preferred_locales"] = params.get("preferred_locales") or []
    if params.get("balance"):
        move_balance(world, customer, params["balance"], "initial")
    method = None
    if params.get("payment_method"):
        method = attach_method(world, params["payment_method"], customer, announce=False)
    _apply_settings(world, customer, params, params.get("payment_method"), method)
    if params.get("coupon"):
        set_coupon(world, customer, params["coupon"])
    world.emit("customer.created", customer)
    if method is not None:
        world.emit("payment_method.attached", method)
    return world.render(customer)


def _apply_settings(
    world: World, customer: Json, params: Json, alias: str | None, method: Json | None
) -> None:
    """Default method and source; a test card named twice in one call is the one just attached."""
    settings = params.get("invoice_settings") or {}
    wanted = settings.get("default_payment_method")
    if "footer" in settings:
        customer["invoice_settings"]["footer"] = settings["footer"]
    if "default_payment_method" in settings:
        chosen = None
        if wanted:
            param = "invoice_settings[default_payment_method]"
            if method is not None and wanted == alias:
                chosen = method["id"]
            else:
                chosen = resolve_method(world, wanted, customer, param)["id"]
        customer["invoice_settings"]["default_payment_method"] = chosen
    if params.get("source"):
        # a token becomes a card of the customer and its default source (Stripe docs: sources)
        saved = attach_method(world, params["source"], customer, announce=False)
        customer["default_source"] = saved["id"]


def retrieve(world: World, call: Call) -> Json:
    customer = world.store.peek("customer", call.id)
    if customer is None:
        raise errors.no_such("customer", call.id)
    # a deleted customer is still there, in its deleted form
    return world.render(customer)


def update(world: World, call: Call) -> Json:
    customer, params = world.require("customer", call.id), call.params
    check_coupon(world, params)
    with world.changing(customer, "customer.updated"):
        if "coupon" in params:
            set_coupon(world, customer, params["coupon"])
        assign(customer, params, *PLAIN, "tax_exempt", "invoice_prefix", "next_invoice_sequence")
        apply_metadata(customer, params)
        if "preferred_locales" in params:
            customer["preferred_locales"] = params["preferred_locales"] or []
        if params.get("balance") is not None and params["balance"] != customer["balance"]:
            move_balance(world, customer, params["balance"] - customer["balance"], "adjustment")
        if params.get("default_source"):
            source = resolve_method(world, params["default_source"], customer, "default_source")
            customer["default_source"] = source["id"]
        _apply_settings(world, customer, params, None, None)
    return world.render(customer)


def delete(world: World, call: Call) -> Json:
    """Deletes the customer and cancels its subscriptions at once (Stripe docs: customers)."""
    customer = world.require("customer", call.id)
    for subscription in world.store.where("subscription", "customer", customer["id"]):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            end_now(world, subscription, reason="cancellation_requested")
    world.emit("customer.deleted", customer)
    customer["_deleted"] = True
    return deleted(customer)


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("test_clock"):
        entries = world.store.where("customer", "test_clock", params["test_clock"])
    else:
        # without a filter, customers of test clocks are not listed (Stripe docs: test clocks)
        entries = [body for body in world.store.scan("customer") if not body["test_clock"]]

    def wanted(body: Json) -> bool:
        return bool(
            not body.get("_deleted")
            and within(params, "created", body["created"])
            and (not params.get("email") or body["email"] == params["email"])
        )

    return page(world, params, entries, call.url, wanted)


def add_balance(world: World, call: Call) -> Json:
    customer, params = world.require("customer", call.id), call.params
    with world.changing(customer, "customer.updated"):
        entry = move_balance(
            world,
            customer,
            params["amount"],
            "adjustment",
            currency=params["currency"].lower(),
            description=params.get("description"),
            metadata=fresh_metadata(params),
        )
    return world.render(entry)


def list_balance(world: World, call: Call) -> Json:
    world.require("customer", call.id)
    entries = world.store.where("customer_balance_transaction", "customer", call.id)
    return page(world, call.params, entries, call.url)


def shapes(known: Shapes) -> None:
    known.shapers["customer"] = show_customer
    known.refer(
        "customer",
        default_source="payment_method",
        invoice_settings__default_payment_method="payment_method",
        test_clock="test_helpers.test_clock",
    )
    known.refer("customer_balance_transaction", customer="customer", invoice="invoice")
    known.computed["customer", "subscriptions"] = _subscriptions


def _subscriptions(world: World, customer: Json) -> Json:
    url = f"/v1/customers/{customer['id']}/subscriptions"
    entries = world.store.where("subscription", "customer", customer["id"])
    live = [body for body in entries if body["status"] not in ("canceled", "incomplete_expired")]
    return dict(public(page(world, {}, live, url)))


ROUTES = [
    Route("POST", "/v1/customers", create, CREATE),
    Route("GET", "/v1/customers", index, LIST),
    Route("GET", "/v1/customers/<id>", retrieve, {}),
    Route("POST", "/v1/customers/<id>", update, UPDATE),
    Route("DELETE", "/v1/customers/<id>", delete, {}),
    Route("POST", "/v1/customers/<id>/balance_transactions", add_balance, BALANCE),
    Route("GET", "/v1/customers/<id>/balance_transactions", list_balance, PAGE),
]
