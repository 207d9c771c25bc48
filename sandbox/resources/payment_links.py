"""Payment links: made, read, listed, changed, switched off (Stripe docs: payment links).

The page a link leads to is not served: nobody can buy through one here, so no session comes of it,
and how often it was used stays 0. What such a page does, a Checkout session's does (`pages`).
"""

from __future__ import annotations

from ..billing.checkout import check_lines, invoice_creation, line_amounts, read_lines
from ..billing.checkout_templates import LINK, LINK_PAYMENT, LINK_SUBSCRIPTION
from ..billing.templates import fresh
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, enum, integer, merge_metadata, record, text
from ..kernel.lists import PAGE
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .checkout_sessions import INVOICE_CREATION, SOLD, check_mode, make_prices, page_lines
from .common import META, apply_metadata, assign, filtered
from .method_types import TYPE

COMPLETION = record(
    {
        "hosted_confirmation": record({"custom_message": text(most=500)}),
        "redirect": record({"url": text(required=True)}),
        "type": enum("hosted_confirmation", "redirect", required=True),
    }
)
SOME = integer(least=0, most=999_999)
ADJUSTABLE: Fields = {
    "adjustable_quantity": record(
        {"enabled": boolean(required=True), "maximum": SOME, "minimum": SOME}
    )
}
NEW_LINE = record({**SOLD, **ADJUSTABLE, "quantity": integer(required=True, least=0)})
OLD_LINE = record({**ADJUSTABLE, "id": text(required=True), "quantity": integer(least=0)})
MISSING = enum("cancel", "create_invoice", "pause", required=True)
PAYMENT: Fields = {
    **META,
    "description": text(most=1000),
    "statement_descriptor": text(most=22),
    "statement_descriptor_suffix": text(most=22),
    "transfer_group": text(),
}
NEW_PAYMENT: Fields = {
    **PAYMENT,
    "capture_method": enum("automatic", "automatic_async", "manual"),
    "setup_future_usage": enum("off_session", "on_session"),
}
SUBSCRIPTION: Fields = {
    **META,
    "trial_period_days": integer(least=1, most=730),
    "trial_settings": record(
        {"end_behavior": record({"missing_payment_method": MISSING}, required=True)}
    ),
}
# What a link always has; the others of its settings can be unset.
CHOICES: Fields = {
    "allow_promotion_codes": boolean(),
    "billing_address_collection": enum("auto", "required"),
    "customer_creation": enum("always", "if_required"),
    "payment_method_collection": enum("always", "if_required"),
    "phone_number_collection": record({"enabled": boolean(required=True)}),
    "submit_type": enum("auto", "book", "donate", "pay", "subscribe"),
}
SETTINGS: Fields = {
    **META,
    **CHOICES,
    "after_completion": COMPLETION,
    "inactive_message": text(most=500),
    "invoice_creation": INVOICE_CREATION,
    "payment_method_types": array(TYPE),
    "restrictions": record(
        {"completed_sessions": record({"limit": integer(required=True, least=1)}, required=True)}
    ),
}
CREATE: Fields = {
    **SETTINGS,
    "currency": text(),
    "line_items": array(NEW_LINE, required=True, most=20),
    "payment_intent_data": record(NEW_PAYMENT),
    "subscription_data": record({**SUBSCRIPTION, "description": text(most=500)}),
}
UPDATE: Fields = {
    **SETTINGS,
    "active": boolean(),
    "line_items": array(OLD_LINE, most=20),
    "payment_intent_data": record(PAYMENT),
    "subscription_data": record(SUBSCRIPTION),
}
LIST: Fields = {**PAGE, "active": boolean()}
# All others are sold at buy.stripe.com (Stripe docs: `submit_type`).
HOSTS = {"book": "book", "donate": "donate"}


def create(world: World, call: Call) -> Json:
    params = call.params
    lines = _read_lines(world, params["line_items"] or [])
    currency = lines[0]["currency"]
    if (params.get("currency") or currency).lower() != currency:
        raise errors.invalid(
            f"The price specified only supports `{currency}`. This doesn't match the expected "
            f"currency: `{params['currency']}`.",
            "currency",
        )
    link = fresh(LINK, id=world.identify("plink"), currency=currency)
    link |= {"_lines": lines, "_slug": world.identify("test", 18)}
    recurring = _mode(lines) == "subscription"
    # as recorded: a payment_link.updated of a one-off price, Stripe's example of a recurring one
    link["payment_method_collection"] = "always" if recurring else "if_required"
    link["subscription_data"] = fresh(LINK_SUBSCRIPTION) if recurring else None
    link["invoice_creation"] = invoice_creation(None)
    _write(link, params)
    world.add("payment_link", link)
    world.emit("payment_link.created", link)
    return world.render(link)


def _read_lines(world: World, entries: list[Json]) -> list[Json]:
    if not entries:
        raise errors.missing_parameter("line_items")
    make_prices(world, entries)
    lines = read_lines(world, entries)
    for line, entry in zip(lines, entries, strict=True):
        line["adjustable_quantity"] = _adjustable(entry)
    check_lines(world, {"mode": _mode(lines), "_lines": lines})
    return lines


def _mode(lines: list[Json]) -> str:
    """That of the sessions a link would open."""
    return "subscription" if any(line["_recurring"] for line in lines) else "payment"


def _adjustable(entry: Json) -> Json | None:
    """From 0 to 99 if nothing else is said (Stripe docs: create a payment link)."""
    wanted = entry.get("adjustable_quantity")
    return wanted and {"maximum": 99, "minimum": 0, **wanted}


def _write(link: Json, params: Json) -> None:
    """Settings that were sent, those of a new link and of an old one."""
    # other than a session, a link to a subscription has `customer_creation` (Stripe's example)
    bound = {name: params[name] for name in params if name != "customer_creation"}
    check_mode(bound, _mode(link["_lines"]))
    apply_metadata(link, params)
    assign(link, params, "inactive_message", "payment_method_types")
    assign(link, params, *(name for name in CHOICES if params.get(name) is not None))
    if params.get("after_completion"):
        link["after_completion"] = _completion(params["after_completion"])
    if params.get("invoice_creation"):
        link["invoice_creation"] = invoice_creation(params["invoice_creation"])
    if "restrictions" in params:
        limit = params["restrictions"] and params["restrictions"]["completed_sessions"]["limit"]
        link["restrictions"] = limit and {"completed_sessions": {"count": 0, "limit": limit}}
    _write_data(link, "payment_intent_data", LINK_PAYMENT, params)
    _write_data(link, "subscription_data", LINK_SUBSCRIPTION, params)
    host = HOSTS.get(link["submit_type"], "buy")
    link["url"] = f"https://{host}.stripe.com/{link['_slug']}"


def _completion(wanted: Json) -> Json:
    kind = wanted["type"]
    if kind == "redirect" and not wanted.get("redirect"):
        raise errors.missing_parameter("after_completion[redirect]")
    return {"type": kind, kind: wanted.get(kind) or {"custom_message": None}}


def _write_data(link: Json, name: str, blank: Json, params: Json) -> None:
    """What is to be passed on to a payment or a subscription; what was not sent stays."""
    given = params.get(name)
    if given:
        data = link[name] or fresh(blank)
        metadata = merge_metadata(data["metadata"], given.get("metadata", {}))
        link[name] = {**data, **given, "metadata": metadata}


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("payment_link", call.id))


def update(world: World, call: Call) -> Json:
    link, params = world.require("payment_link", call.id), call.params
    entries = params.get("line_items") or []
    # a link does not show its lines, and yet they are what changed
    with world.changing(link, "payment_link.updated", always=bool(entries)):
        if params.get("active") is not None:
            link["active"] = params["active"]
        for entry in entries:
            _update_line(world, link, entry)
        _write(link, params)
    return world.render(link)


def _update_line(world: World, link: Json, entry: Json) -> None:
    line = next((line for line in link["_lines"] if line["id"] == entry["id"]), None)
    if line is None:
        raise errors.no_such("line item", entry["id"], "line_items[id]")
    if entry.get("quantity") is not None:
        price = world.store.get("price", line["price"])
        line |= {"quantity": entry["quantity"], **line_amounts(world, price, entry["quantity"])}
    if "adjustable_quantity" in entry:
        line["adjustable_quantity"] = _adjustable(entry)


def index(world: World, call: Call) -> Json:
    return filtered(world, call, world.store.scan("payment_link"), "active")


def line_items(world: World, call: Call) -> Json:
    link = world.require("payment_link", call.id)
    return page_lines(world, link, call.params, call.url)


def _listed(world: World, link: Json) -> Json:
    return page_lines(world, link, {}, f"/v1/payment_links/{link['id']}/line_items")


def shapes(known: Shapes) -> None:
    # exists only when asked for, as Stripe does
    known.computed["payment_link", "line_items"] = _listed


ROUTES = [
    Route("POST", "/v1/payment_links", create, CREATE),
    Route("GET", "/v1/payment_links", index, LIST),
    Route("GET", "/v1/payment_links/<id>", retrieve, {}),
    Route("POST", "/v1/payment_links/<id>", update, UPDATE),
    Route("GET", "/v1/payment_links/<id>/line_items", line_items, PAGE),
]
