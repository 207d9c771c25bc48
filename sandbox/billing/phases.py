"""A schedule's phases as they are written down: kept, split, ended (stripe-facts §3.7).

What a phase does to its subscription when it is entered is in `entering`.
"""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.store import copy_json
from ..kernel.world import World

EMPTY_PHASE: Json = {
    "add_invoice_items": [],
    "application_fee_percent": None,
    "automatic_tax": None,
    "billing_cycle_anchor": None,
    "billing_thresholds": None,
    "collection_method": None,
    "currency": None,
    "default_payment_method": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "end_date": 0,
    "invoice_settings": None,
    "items": [],
    "metadata": {},
    "on_behalf_of": None,
    "proration_behavior": "create_prorations",
    "start_date": 0,
    "transfer_data": None,
    "trial_end": None,
}
LIVE = ("not_started", "active")


def schedule_of(world: World, subscription: Json) -> Json | None:
    """The schedule that manages a subscription, for writing."""
    attached = subscription["schedule"]
    return world.store.find("subscription_schedule", attached) if attached else None


def boundary_of(world: World, subscription: Json) -> int | None:
    """When the current phase of the subscription's schedule ends; None when none manages it."""
    attached = subscription["schedule"]
    schedule = world.store.peek("subscription_schedule", attached) if attached else None
    if schedule is None or schedule["current_phase"] is None:
        return None
    return int(schedule["current_phase"]["end_date"])


def current_of(schedule: Json) -> int:
    """Position of the current phase."""
    start = schedule["current_phase"]["start_date"]
    return next(at for at, phase in enumerate(schedule["phases"]) if phase["start_date"] == start)


def snapshot(subscription: Json) -> Json:
    """What of a subscription a phase holds. Its items' metadata is left behind: that is what
    `from_subscription` does (seen in other people's code, not documented)."""
    return {
        "currency": subscription["currency"],
        "default_tax_rates": list(subscription["default_tax_rates"]),
        "discounts": [_discount_entry(entry) for entry in subscription["discounts"]],
        "items": [
            phase_item(
                item["price"],
                item["quantity"],
                discounts=[_discount_entry(entry) for entry in item["discounts"]],
                tax_rates=list(item["tax_rates"]),
            )
            for item in subscription["items"]
        ],
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
    }


def _discount_entry(identifier: str) -> Json:
    return {"coupon": None, "discount": identifier, "promotion_code": None}


def phase_item(price: str, quantity: int, **more: object) -> Json:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": price,
        "price": price,
        "quantity": quantity,
        "tax_rates": [],
        **more,
    }


def from_subscription(subscription: Json) -> Json:
    """One phase that is the current billing period (§3.7); with several intervals the part that
    all items share."""
    starts = [int(item["current_period_start"]) for item in subscription["items"]]
    ends = [int(item["current_period_end"]) for item in subscription["items"]]
    end = subscription["cancel_at"] or min(ends)
    return {
        **copy_json(EMPTY_PHASE),
        **snapshot(subscription),
        "metadata": dict(subscription["metadata"]),
        "start_date": max(starts),
        "end_date": end,
    }


def split_phase(world: World, subscription: Json, before: Json) -> None:
    """A direct edit of items, discounts, tax or trial cuts the current phase in two (§3.7)."""
    schedule = schedule_of(world, subscription)
    changed = snapshot(subscription)
    if schedule is None or schedule["current_phase"] is None or changed == snapshot(before):
        return
    now = world.now(subscription)
    position = current_of(schedule)
    phase = schedule["phases"][position]
    with world.changing(schedule, "subscription_schedule.updated"):
        later = {**copy_json(phase), **changed, "start_date": now, "add_invoice_items": []}
        if phase["start_date"] == now:
            schedule["phases"][position] = later
            return
        phase["end_date"] = now
        schedule["phases"].insert(position + 1, later)
        schedule["current_phase"] = {"start_date": now, "end_date": later["end_date"]}


def abort_schedule(world: World, subscription: Json) -> None:
    """The subscription ended under its schedule: aborted (§4), status canceled."""
    schedule = schedule_of(world, subscription)
    subscription["schedule"] = None
    if schedule is None or schedule["status"] not in LIVE:
        return
    schedule |= {
        "status": "canceled",
        "canceled_at": world.now(subscription),
        "current_phase": None,
    }
    world.emit("subscription_schedule.aborted", schedule)
