"""Subscription schedules: phases that a subscription goes through (stripe-facts §3.7)."""

from __future__ import annotations

from ..billing.pricing import is_metered
from ..billing.rates import show_rates
from ..billing.rescheduling import create_schedule, update_schedule
from ..billing.schedules import (
    cancel,
    new_schedule,
    release,
    schedule_subscription,
    set_defaults,
)
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import METADATA, Fields, array, boolean, enum, integer, moment, record, text
from ..kernel.lists import PAGE, RANGE, page, within
from ..kernel.rendering import Shapes, public
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import (
    BILLING_MODE,
    COLLECTION,
    DISCOUNTS,
    EXTRAS,
    ITEM,
    PRORATION,
    TAX_RATES,
)
from .common import META, fresh_metadata

# strings here, unlike on subscriptions (§2.2)
ANCHOR_WORD = enum("automatic", "phase_start")
END_BEHAVIOR = enum("cancel", "none", "release", "renew")
INVOICE_SETTINGS = record({"days_until_due": integer(least=0)})
MOMENT = moment()
SETTINGS: Fields = {
    "billing_cycle_anchor": ANCHOR_WORD,
    "collection_method": COLLECTION,
    "default_payment_method": text(),
    "description": text(most=500),
    "invoice_settings": INVOICE_SETTINGS,
}
DURATION = record(
    {
        "interval": enum("day", "month", "week", "year", required=True),
        "interval_count": integer(least=1),
    }
)
PHASE: Fields = {
    **SETTINGS,
    "add_invoice_items": EXTRAS,
    "currency": text(),
    "default_tax_rates": TAX_RATES,
    "discounts": DISCOUNTS,
    "duration": DURATION,
    "end_date": MOMENT,
    "items": array(record(ITEM), required=True, most=20),
    # read, and then refused where the version of the API does not know it (§3.7, §6.1)
    "iterations": integer(least=1),
    "metadata": METADATA,
    "proration_behavior": PRORATION,
    "start_date": MOMENT,
    "trial": boolean(),
    "trial_end": MOMENT,
}
PHASES = array(record(PHASE))
CHANGE: Fields = {
    **META,
    "default_settings": record(SETTINGS),
    "end_behavior": END_BEHAVIOR,
    "phases": PHASES,
}
CREATE: Fields = {
    **CHANGE,
    "billing_mode": BILLING_MODE,
    "customer": text(),
    "from_subscription": text(),
    "start_date": MOMENT,
}
UPDATE: Fields = {**CHANGE, "proration_behavior": PRORATION}
LIST: Fields = {
    **PAGE,
    "canceled_at": RANGE,
    "completed_at": RANGE,
    "created": RANGE,
    "customer": text(),
    "released_at": RANGE,
    "scheduled": boolean(),
}


def create(world: World, call: Call) -> Json:
    params = call.params
    if params.get("from_subscription"):
        return _adopt(world, params)
    if not params.get("customer"):
        raise errors.missing_parameter("customer")
    customer = world.require("customer", params["customer"], "customer")
    if params.get("start_date") is None:
        raise errors.missing_parameter("start_date")
    if not params.get("phases"):
        raise errors.missing_parameter("phases")
    now = world.now(customer)
    start = now if params["start_date"] == "now" else int(params["start_date"])
    if start < now:
        raise errors.invalid(
            "Schedules that began in the past are not available here.", "start_date"
        )
    own: Json = {"metadata": fresh_metadata(params)}
    if params.get("end_behavior"):
        own["end_behavior"] = params["end_behavior"]
    if (params.get("billing_mode") or {}).get("type") == "classic":
        own["billing_mode"] = {"flexible": None, "type": "classic"}
    schedule = new_schedule(world, customer, **own)
    set_defaults(world, schedule, params.get("default_settings"))
    create_schedule(world, schedule, params["phases"], start)
    return world.render(schedule)


def _adopt(world: World, params: Json) -> Json:
    """`from_subscription` goes with no other parameter (§3.7)."""
    for name in params:
        if name not in ("from_subscription", "expand"):
            raise errors.invalid(f"You cannot set `{name}` if `from_subscription` is set.", name)
    identifier = params["from_subscription"]
    subscription = world.require("subscription", identifier, "from_subscription")
    return world.render(schedule_subscription(world, subscription))


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("subscription_schedule", call.id))


def update(world: World, call: Call) -> Json:
    schedule = world.require("subscription_schedule", call.id)
    update_schedule(world, schedule, call.params)
    return world.render(schedule)


def release_one(world: World, call: Call) -> Json:
    schedule = world.require("subscription_schedule", call.id)
    release(world, schedule, keep_cancel_date=bool(call.params.get("preserve_cancel_date")))
    return world.render(schedule)


def cancel_one(world: World, call: Call) -> Json:
    """The subscription ends too, invoiced and prorated unless told otherwise (§3.7)."""
    schedule = world.require("subscription_schedule", call.id)
    cancel(
        world,
        schedule,
        invoice_now=call.params.get("invoice_now", True) is not False,
        prorate=call.params.get("prorate", True) is not False,
    )
    return world.render(schedule)


def index(world: World, call: Call) -> Json:
    params = call.params
    if params.get("customer"):
        entries = world.store.where("subscription_schedule", "customer", params["customer"])
    else:
        entries = [b for b in world.store.scan("subscription_schedule") if not b["test_clock"]]

    def wanted(body: Json) -> bool:
        ranges = ("canceled_at", "completed_at", "created", "released_at")
        return bool(
            (not params.get("scheduled") or body["status"] == "not_started")
            and all(within(params, name, body[name]) for name in ranges)
        )

    return page(world, params, entries, call.url, wanted)


def _show(world: World, schedule: Json) -> Json:
    """Tax rates in full, everything else by id (§2.3)."""
    shown: Json = public(schedule)
    for phase in shown["phases"]:
        phase["default_tax_rates"] = show_rates(world, phase["default_tax_rates"])
        for item in phase["items"]:
            item["tax_rates"] = show_rates(world, item["tax_rates"])
            if is_metered(world.store.get("price", item["price"])):
                # a metered item takes no quantity in a phase either
                del item["quantity"]
    return shown


def shapes(known: Shapes) -> None:
    known.shapers["subscription_schedule"] = _show
    known.refer(
        "subscription_schedule",
        customer="customer",
        subscription="subscription",
        test_clock="test_helpers.test_clock",
        # lists start paths anew: these are phases.items.price, phases.discounts.coupon and so on
        coupon="coupon",
        default_payment_method="payment_method",
        discount="discount",
        price="price",
        promotion_code="promotion_code",
    )


ROUTES = [
    Route("POST", "/v1/subscription_schedules", create, CREATE),
    Route("GET", "/v1/subscription_schedules", index, LIST),
    Route("GET", "/v1/subscription_schedules/<id>", retrieve, {}),
    Route("POST", "/v1/subscription_schedules/<id>", update, UPDATE),
    Route(
        "POST",
        "/v1/subscription_schedules/<id>/cancel",
        cancel_one,
        {"invoice_now": boolean(), "prorate": boolean()},
    ),
    Route(
        "POST",
        "/v1/subscription_schedules/<id>/release",
        release_one,
        {"preserve_cancel_date": boolean()},
    ),
]
