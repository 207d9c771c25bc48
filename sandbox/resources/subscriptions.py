"""Subscriptions: create, change, cancel, read."""

from __future__ import annotations

from ..billing.changing import change_subscription
from ..billing.ending import TERMINAL, end_now
from ..billing.items import show_subscription
from ..billing.starting import start_subscription
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, enum, integer, record, text
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import (
    ANCHOR,
    BILLING_MODE,
    CANCEL_AT,
    CANCELLATION_DETAILS,
    COLLECTION,
    DISCOUNTS,
    EXTRAS,
    ITEM,
    PAUSE_COLLECTION,
    PAYMENT_BEHAVIOR,
    PAYMENT_SETTINGS,
    PRORATION,
    TAX_RATES,
    TIMESTAMP,
    TRIAL_END,
    TRIAL_SETTINGS,
)
from .common import META

SHARED: Fields = {
    **META,
    "add_invoice_items": EXTRAS,
    "cancel_at": CANCEL_AT,
    "cancel_at_period_end": boolean(),
    "collection_method": COLLECTION,
    "days_until_due": integer(least=0),
    "default_payment_method": text(),
    "default_tax_rates": TAX_RATES,
    "description": text(most=500),
    "discounts": DISCOUNTS,
    "off_session": boolean(),
    "payment_behavior": PAYMENT_BEHAVIOR,
    "payment_settings": PAYMENT_SETTINGS,
    "proration_behavior": PRORATION,
    "trial_end": TRIAL_END,
    "trial_settings": TRIAL_SETTINGS,
}
CREATE: Fields = {
    **SHARED,
    # an integer on creation, unlike on update (API changelog 2026-09-30.endive)
    "billing_cycle_anchor": TIMESTAMP,
    "billing_mode": BILLING_MODE,
    "currency": text(),
    "customer": text(required=True),
    "items": array(record(ITEM), required=True, most=20),
    "trial_period_days": integer(least=0, most=730),
}
UPDATE: Fields = {
    **SHARED,
    "billing_cycle_anchor": ANCHOR,
    "cancellation_details": CANCELLATION_DETAILS,
    "items": array(record({**ITEM, "id": text(), "deleted": boolean()}), most=20),
    "pause_collection": PAUSE_COLLECTION,
    "proration_date": TIMESTAMP,
}
CANCEL: Fields = {
    "cancellation_details": CANCELLATION_DETAILS,
    "invoice_now": boolean(),
    "prorate": boolean(),
}
STATUSES = (
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
LIST: Fields = {
    **PAGE,
    "collection_method": COLLECTION,
    "created": RANGE,
    "current_period_end": RANGE,
    "current_period_start": RANGE,
    "customer": text(),
    "price": text(),
    "status": enum(*STATUSES),
    "test_clock": text(),
}


def create(world: World, call: Call) -> Json:
    params = call.params
    customer = world.require("customer", params["customer"], "customer")
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise errors.invalid(
            "`pending_if_incomplete` is only used with updates and cannot be passed when creating "
            "a subscription.",
            "payment_behavior",
        )
    if params.get("collection_method") == "send_invoice" and params.get("days_until_due") is None:
        raise errors.missing_parameter("days_until_due")
    return world.render(start_subscription(world, customer, params))


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("subscription", call.id))


def update(world: World, call: Call) -> Json:
    subscription = world.require("subscription", call.id)
    change_subscription(world, subscription, call.params)
    return world.render(subscription)


def cancel(world: World, call: Call) -> Json:
    """Ends the subscription now. That one which has ended is not found is our belief."""
    subscription = world.store.find("subscription", call.id)
    if subscription is None or subscription["status"] in TERMINAL:
        raise errors.no_such("subscription", call.id)
    subscription["cancellation_details"] |= call.params.get("cancellation_details") or {}
    end_now(
        world,
        subscription,
        reason="cancellation_requested",
        prorate=bool(call.params.get("prorate")),
        invoice_now=bool(call.params.get("invoice_now")),
    )
    return world.render(subscription)


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("customer"):
        entries = world.store.where("subscription", "customer", params["customer"])
    else:
        entries = world.store.scan("subscription")
    clock = params.get("test_clock")

    def wanted(body: Json) -> bool:
        return bool(
            _has_status(body, params.get("status"))
            and params.get("collection_method") in (None, body["collection_method"])
            and (
                body["test_clock"] == clock if clock else params.get("customer") or _unclocked(body)
            )
            and (not params.get("price") or params["price"] in [i["price"] for i in body["items"]])
            and _in_ranges(params, body)
        )

    return page(world, params, entries, call.url, wanted)


def _unclocked(body: Json) -> bool:
    """Objects of a test clock are listed only where it or a customer is named."""
    return body["test_clock"] is None


def _has_status(body: Json, wanted: str | None) -> bool:
    """Without a filter all but canceled ones; `ended` is both terminal states (Stripe docs)."""
    status = body["status"]
    if wanted is None:
        return bool(status != "canceled")
    if wanted == "ended":
        return status in TERMINAL
    return bool(wanted in ("all", status))


def _in_ranges(params: Json, body: Json) -> bool:
    """Period filters mean the earliest item end and the latest item start (§2.2)."""
    return (
        within(params, "created", body["created"])
        and within(
            params,
            "current_period_end",
            min(item["current_period_end"] for item in body["items"]),
        )
        and within(
            params,
            "current_period_start",
            max(item["current_period_start"] for item in body["items"]),
        )
    )


def shapes(known: Shapes) -> None:
    known.shapers["subscription"] = show_subscription
    known.refer(
        "subscription",
        customer="customer",
        default_payment_method="payment_method",
        discounts="discount",
        schedule="subscription_schedule",
        latest_invoice="invoice",
        test_clock="test_helpers.test_clock",
    )


ROUTES = [
    Route("POST", "/v1/subscriptions", create, CREATE),
    Route("GET", "/v1/subscriptions", index, LIST),
    Route("GET", "/v1/subscriptions/<id>", retrieve, {}),
    Route("POST", "/v1/subscriptions/<id>", update, UPDATE),
    Route("DELETE", "/v1/subscriptions/<id>", cancel, CANCEL),
]
