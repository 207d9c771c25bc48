"""What else happens to a subscription: paused, resumed, migrated, freed of its discount."""

from __future__ import annotations

from ..billing.pausing import pause, resume
from ..billing.settings import set_discounts
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, enum, record
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import ANCHOR, BILLING_MODE, PRORATION, TIMESTAMP

UNUSED = record({"type": enum("item_current_period_start", "none", "now", required=True)})
USAGE = record({"type": enum("none", "now", required=True)})
PAUSE: Fields = {
    "bill_for": record({"outstanding_usage_through": USAGE, "unused_time_from": UNUSED}),
    "invoicing_behavior": enum("invoice", "pending_invoice_item"),
    "type": enum("subscription"),
}
RESUME: Fields = {
    "billing_cycle_anchor": ANCHOR,
    "payment_behavior": enum("resume_on_payment_attempt", "resume_on_payment_success"),
    "proration_behavior": PRORATION,
    "proration_date": TIMESTAMP,
}
UPDATED = "customer.subscription.updated"


def pause_one(world: World, call: Call) -> Json:
    subscription = world.require("subscription", call.id)
    pause(world, subscription, call.params)
    return world.render(subscription)


def resume_one(world: World, call: Call) -> Json:
    subscription = world.require("subscription", call.id)
    resume(world, subscription, call.params)
    return world.render(subscription)


def migrate(world: World, call: Call) -> Json:
    """Classic to flexible, one way (§2.2): credits count from now on what was really debited."""
    subscription = world.require("subscription", call.id)
    mode = call.params.get("billing_mode")
    if not mode:
        raise errors.missing_parameter("billing_mode")
    if mode["type"] != "flexible":
        raise errors.invalid(
            "Subscriptions can only be migrated to `flexible` billing mode.", "billing_mode[type]"
        )
    if subscription["billing_mode"]["type"] == "flexible":
        raise errors.invalid("The subscription already uses `flexible` billing mode.")
    with world.changing(subscription, UPDATED):
        subscription["billing_mode"] = {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": world.now(subscription),
        }
    return world.render(subscription)


def delete_discount(world: World, call: Call) -> Json:
    """Takes the subscription's discounts away; no proration follows (§3.1)."""
    subscription = world.require("subscription", call.id)
    if not subscription["discounts"]:
        raise errors.no_such("discount", subscription["id"])
    first = world.store.get("discount", subscription["discounts"][0])
    shown = {**world.render(first), "deleted": True}
    del shown["end"]  # what is left of a discount does not tell it (Stripe's OpenAPI document)
    with world.changing(subscription, UPDATED):
        set_discounts(world, subscription, None)
    return shown


def shapes(known: Shapes) -> None:
    """These answer subscriptions and discounts, which expand as elsewhere."""


ROUTES = [
    Route("POST", "/v1/subscriptions/<id>/pause", pause_one, PAUSE),
    Route("POST", "/v1/subscriptions/<id>/resume", resume_one, RESUME),
    Route("POST", "/v1/subscriptions/<id>/migrate", migrate, {"billing_mode": BILLING_MODE}),
    Route("DELETE", "/v1/subscriptions/<id>/discount", delete_discount, {}),
]
