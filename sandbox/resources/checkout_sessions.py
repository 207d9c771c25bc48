"""Checkout sessions (stripe-facts §3.9): made, read, listed, expired."""

from __future__ import annotations

from ..billing.checkout import expire_session, open_session
from ..billing.pricing import new_price
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import (
    METADATA,
    Fields,
    array,
    boolean,
    enum,
    integer,
    moment,
    record,
    text,
)
from ..kernel.lists import PAGE, RANGE, cut, page
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import BILLING_MODE, TRIAL_SETTINGS
from .common import META, SHIPPING, apply_metadata, fits
from .method_types import ALLOWED, check_types
from .prices import AMOUNT, PRODUCT_DATA, RECURRING
from .products import new_product

MOMENT = moment(words=())
SOLD: Fields = {
    "price": text(),
    "price_data": record(
        {
            **AMOUNT,
            **RECURRING,
            "product": text(),
            "product_data": record(PRODUCT_DATA),
        }
    ),
}
LINE = record(
    {
        **META,
        **SOLD,
        "adjustable_quantity": record({"enabled": boolean(required=True)}),
        "quantity": integer(least=0),
        "tax_rates": array(text()),
    }
)
SUBSCRIPTION = record(
    {
        **META,
        "billing_cycle_anchor": MOMENT,
        "billing_mode": BILLING_MODE,
        "default_tax_rates": array(text()),
        "description": text(most=500),
        # always_invoice is not among them here (§3.9)
        "proration_behavior": enum("create_prorations", "none"),
        "trial_end": MOMENT,
        "trial_period_days": integer(least=1, most=730),
        "trial_settings": TRIAL_SETTINGS,
    }
)
PAYMENT = record(
    {
        **META,
        "description": text(),
        "receipt_email": text(),
        "setup_future_usage": enum("off_session", "on_session"),
        "shipping": SHIPPING,
        "statement_descriptor": text(most=22),
    }
)
INVOICE = record({"description": text(), "footer": text(), "metadata": METADATA})
INVOICE_CREATION = record({"enabled": boolean(required=True), "invoice_data": INVOICE})
CREATE: Fields = {
    **META,
    **ALLOWED,
    "allow_promotion_codes": boolean(),
    "billing_address_collection": enum("auto", "required"),
    "cancel_url": text(),
    "client_reference_id": text(most=200),
    "currency": text(),
    "customer": text(),
    "customer_creation": enum("always", "if_required"),
    "customer_email": text(most=800),
    "discounts": array(record({"coupon": text(), "promotion_code": text()}), most=1),
    "expires_at": MOMENT,
    "invoice_creation": INVOICE_CREATION,
    "line_items": array(LINE),
    "locale": text(),
    "mode": enum("payment", "setup", "subscription"),
    "payment_intent_data": PAYMENT,
    "payment_method_collection": enum("always", "if_required"),
    "return_url": text(),
    "setup_intent_data": record({**META, "description": text()}),
    "submit_type": enum("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": SUBSCRIPTION,
    "success_url": text(),
    "ui_mode": enum("elements", "embedded_page", "form", "hosted_page"),
}
LIST: Fields = {
    **PAGE,
    "created": RANGE,
    "customer": text(),
    "customer_details": record({"email": text(required=True)}),
    "payment_intent": text(),
    "status": enum("complete", "expired", "open"),
    "subscription": text(),
}
# Parameters that belong to one mode (Stripe docs: create a session).
ONLY = {
    "customer_creation": ("payment", "setup"),
    "invoice_creation": ("payment",),
    "payment_intent_data": ("payment",),
    "payment_method_collection": ("subscription",),
    "setup_intent_data": ("setup",),
    "subscription_data": ("subscription",),
}


def create(world: World, call: Call) -> Json:
    params = call.params
    check_types(world, params)
    params["mode"] = params.get("mode") or "payment"
    _check(world, params)
    make_prices(world, params.get("line_items") or [])
    return world.render(open_session(world, params))


def _check(world: World, params: Json) -> None:
    mode = params["mode"]
    check_mode(params, mode)
    if params.get("ui_mode") not in (None, "hosted_page"):
        raise errors.invalid("Only `hosted_page` is available here.", "ui_mode")
    if not params.get("success_url"):
        raise errors.missing_parameter("success_url")
    if params.get("customer") and params.get("customer_email"):
        raise errors.invalid(
            "You may only specify one of these parameters: customer, customer_email.",
            "customer_email",
        )
    if params.get("customer"):
        world.require("customer", params["customer"], "customer")
    if mode == "setup":
        _check_setup(params)
    elif not params.get("line_items"):
        raise errors.missing_parameter("line_items")
    if mode != "subscription" and (params.get("discounts") or params.get("allow_promotion_codes")):
        raise errors.invalid(
            "Discounts are available here in `subscription` mode only.", "discounts"
        )
    if params.get("discounts") and params.get("allow_promotion_codes"):
        raise errors.invalid(
            "You may only specify one of these parameters: allow_promotion_codes, discounts.",
            "discounts",
        )


def check_mode(params: Json, mode: str) -> None:
    """Refuses parameters that belong to another mode than that of the session."""
    for name, modes in ONLY.items():
        if name in params and mode not in modes:
            raise errors.invalid(f"You can not pass `{name}` in `{mode}` mode.", name)


def _check_setup(params: Json) -> None:
    if params.get("line_items"):
        raise errors.invalid("`line_items` cannot be used in `setup` mode.", "line_items")
    types = params.get("allowed_payment_method_types") or params.get("payment_method_types")
    if not types and not params.get("currency"):
        # required where the types are not named (SDK docstring of `currency`)
        raise errors.missing_parameter("currency")


def make_prices(world: World, entries: list[Json]) -> None:
    """Inline prices become real ones, not active, so that they are never offered again."""
    for entry in entries:
        if entry.get("price_data"):
            _make_price(world, entry)


def _make_price(world: World, entry: Json) -> None:
    data = entry.pop("price_data")
    if data.get("product"):
        product = world.require("product", data["product"], "line_items[price_data][product]")
    elif data.get("product_data"):
        product = new_product(world, data["product_data"])
        world.emit("product.created", product)
    else:
        raise errors.missing_parameter("line_items[price_data][product]")
    entry["_price"] = new_price(world, product, {**data, "active": False})["id"]


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("checkout.session", call.id))


def update(world: World, call: Call) -> Json:
    session = world.require("checkout.session", call.id)
    apply_metadata(session, call.params)
    return world.render(session)


def expire(world: World, call: Call) -> Json:
    session = world.require("checkout.session", call.id)
    if session["status"] != "open":
        raise errors.invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session['status']}`."
        )
    expire_session(world, session)
    return world.render(session)


def line_items(world: World, call: Call) -> Json:
    session = world.require("checkout.session", call.id)
    return page_lines(world, session, call.params, call.url)


def page_lines(world: World, owner: Json, params: Json, url: str) -> Json:
    """The line items of a session or of a payment link, with their prices."""
    window, more = cut(params, owner["_lines"])
    data = []
    for line in window:
        price = world.store.get("price", line["price"])
        data.append({**public(line), "price": world.render(price)})
    return {"object": "list", "data": data, "has_more": more, "url": url}


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("subscription"):
        entries = world.store.where("checkout.session", "subscription", params["subscription"])
    elif params.get("customer"):
        entries = world.store.where("checkout.session", "customer", params["customer"])
    else:
        entries = world.store.scan("checkout.session")
    email = (params.get("customer_details") or {}).get("email")

    def wanted(body: Json) -> bool:
        return bool(
            fits(params, body, "customer", "payment_intent", "status")
            and (email is None or (body["customer_details"] or {}).get("email") == email)
        )

    return page(world, params, entries, call.url, wanted)


def _listed(world: World, session: Json) -> Json:
    return page_lines(world, session, {}, f"/v1/checkout/sessions/{session['id']}/line_items")


def shapes(known: Shapes) -> None:
    known.refer(
        "checkout.session",
        customer="customer",
        invoice="invoice",
        payment_intent="payment_intent",
        setup_intent="setup_intent",
        subscription="subscription",
    )
    # exists only when asked for, as Stripe does
    known.computed["checkout.session", "line_items"] = _listed


ROUTES = [
    Route("POST", "/v1/checkout/sessions", create, CREATE),
    Route("GET", "/v1/checkout/sessions", index, LIST),
    Route("GET", "/v1/checkout/sessions/<id>", retrieve, {}),
    Route("POST", "/v1/checkout/sessions/<id>", update, META),
    Route("POST", "/v1/checkout/sessions/<id>/expire", expire, {}),
    Route("GET", "/v1/checkout/sessions/<id>/line_items", line_items, PAGE),
]
