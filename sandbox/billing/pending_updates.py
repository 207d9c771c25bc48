"""Pending updates: a change that waits for its invoice to be paid (stripe-facts §3.5).

`_pending` keeps the state the subscription will have; until then it shows only `pending_update`.
"""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.store import copy_json
from ..kernel.world import World
from .documents import void_document
from .items import period_end
from .phases import split_phase

# What a pending update may change, and so what applying one writes (§3.5).
APPLIED = (
    "items",
    "discounts",
    "billing_cycle_anchor",
    "trial_start",
    "trial_end",
    "metadata",
    "status",
    "cancel_at",
    "cancel_at_period_end",
    "canceled_at",
    "cancellation_details",
)
ALLOWED = {
    "items",
    "proration_behavior",
    "proration_date",
    "billing_cycle_anchor",
    "trial_end",
    "trial_from_plan",
    "add_invoice_items",
    "expand",
    "metadata",
    "discounts",
    "cancel_at_period_end",
    "payment_behavior",
    "off_session",
}


def check_allowed(subscription: Json, params: Json) -> None:
    """Refuses what cannot wait: other parameters, removed items, invoices that are sent."""
    for name in params:
        if name not in ALLOWED:
            raise errors.invalid(
                f"The parameter `{name}` is not supported when `payment_behavior` is "
                "`pending_if_incomplete`.",
                name,
            )
    for index, entry in enumerate(params.get("items") or []):
        if entry.get("deleted"):
            raise errors.invalid(
                "Items cannot be deleted when `payment_behavior` is `pending_if_incomplete`.",
                f"items[{index}][deleted]",
            )
    if subscription["collection_method"] != "charge_automatically":
        raise errors.invalid(
            "`payment_behavior` can only be `pending_if_incomplete` when `collection_method` is "
            "`charge_automatically`.",
            "payment_behavior",
        )


def hold_back(world: World, subscription: Json, before: Json, invoice: Json, params: Json) -> None:
    """Restores the subscription as it was before and keeps what it became as pending."""
    wanted = {name: subscription[name] for name in APPLIED}
    if "metadata" not in params:
        # metadata changed meanwhile by another call is not undone by applying this
        del wanted["metadata"]
    if "discounts" not in params:
        del wanted["discounts"]
    if "cancel_at_period_end" not in params:
        for name in ("cancel_at", "cancel_at_period_end", "canceled_at", "cancellation_details"):
            del wanted[name]
    wanted = copy_json(wanted)
    subscription.clear()
    subscription.update(before)
    now = world.now(subscription)
    edges = [now + world.switches.incomplete_seconds, period_end(subscription)]
    if subscription["trial_end"] and subscription["trial_end"] > now:
        edges.append(subscription["trial_end"])
    moved = wanted["billing_cycle_anchor"] != subscription["billing_cycle_anchor"]
    subscription["latest_invoice"] = invoice["id"]
    subscription["pending_update"] = {
        "billing_cycle_anchor": wanted["billing_cycle_anchor"] if moved else None,
        "cancel_at_period_end": params.get("cancel_at_period_end"),
        "discount": None,
        "discounts": list(wanted["discounts"]) if "discounts" in wanted else None,
        "expires_at": min(edges),
        "metadata": wanted.get("metadata"),
        "subscription_items": copy_json(wanted["items"]) if params.get("items") else None,
        "trial_end": wanted["trial_end"] if "trial_end" in params else None,
        "trial_from_plan": None,
    }
    subscription["_pending"] = {"invoice": invoice["id"], "state": wanted}


def awaits(subscription: Json, invoice: Json) -> bool:
    """Whether this invoice is the one a pending update waits for."""
    waiting = subscription.get("_pending")
    return bool(waiting and waiting["invoice"] == invoice["id"])


def apply_pending(world: World, subscription: Json) -> None:
    """The invoice was paid: the change happens now."""
    state = subscription["_pending"]["state"]
    before = copy_json(subscription)
    with world.changing(subscription, "customer.subscription.updated"):
        subscription.update(copy_json(state))
        subscription["pending_update"] = None
        subscription["_pending"] = None
    world.emit("customer.subscription.pending_update_applied", subscription)
    split_phase(world, subscription, before)


def drop_pending(world: World, subscription: Json) -> None:
    """The change will not happen (its invoice was voided, it expired, or another replaced it)."""
    with world.changing(subscription, "customer.subscription.updated"):
        subscription["pending_update"] = None
        subscription["_pending"] = None
    world.emit("customer.subscription.pending_update_expired", subscription)


def discard_pending(world: World, subscription: Json) -> None:
    """Voids the pending update's invoice, which drops the update."""
    if subscription.get("_pending"):
        invoice = world.store.get("invoice", subscription["_pending"]["invoice"])
        drop_pending(world, subscription)
        if invoice["status"] == "open":
            void_document(world, invoice)
