"""Settings of a subscription that move no money by themselves, from create and update alike."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import merge_metadata
from ..kernel.world import World
from .coupons import drop_discount, read_discounts
from .methods import resolve_method
from .rates import find_rates


def apply_settings(world: World, subscription: Json, params: Json) -> None:
    """Writes what was sent; what was not sent stays (an empty value unsets)."""
    if "description" in params:
        subscription["description"] = params["description"]
    _set_collection(subscription, params)
    if "metadata" in params:
        subscription["metadata"] = merge_metadata(subscription["metadata"], params["metadata"])
    if params.get("cancellation_details"):
        subscription["cancellation_details"] |= params["cancellation_details"]
    if params.get("payment_settings"):
        subscription["payment_settings"] |= params["payment_settings"]
    if params.get("trial_settings"):
        subscription["trial_settings"] = trial_settings(params["trial_settings"])
    if "default_payment_method" in params:
        wanted = params["default_payment_method"]
        customer = world.store.get("customer", subscription["customer"])
        method = (
            resolve_method(world, wanted, customer, "default_payment_method") if wanted else None
        )
        subscription["default_payment_method"] = method["id"] if method else None
    if "default_tax_rates" in params:
        rates = find_rates(world, params["default_tax_rates"], "default_tax_rates")
        subscription["default_tax_rates"] = rates
    if "pause_collection" in params:
        subscription["pause_collection"] = pause_of(params["pause_collection"], subscription, world)
    if "discounts" in params:
        set_discounts(world, subscription, params["discounts"])


def _set_collection(subscription: Json, params: Json) -> None:
    """Invoices that are sent need to know when they are due (Stripe docs: collection methods)."""
    if "days_until_due" in params:
        subscription["days_until_due"] = params["days_until_due"]
    method = params.get("collection_method")
    if method is None:
        return
    if method == "charge_automatically":
        subscription["days_until_due"] = None
    elif subscription["days_until_due"] is None:
        raise errors.missing_parameter("days_until_due")
    subscription["collection_method"] = method


def trial_settings(params: Json) -> Json:
    """`trial_settings` in full (recorded traffic of 2026-09-30.endive)."""
    wanted = params["end_behavior"]
    return {
        "end_behavior": {
            "billing_cycle_anchor": wanted.get("billing_cycle_anchor") or "now",
            "missing_payment_method": wanted.get("missing_payment_method") or "create_invoice",
        }
    }


def pause_of(wanted: Json | None, subscription: Json, world: World) -> Json | None:
    """Collection paused until `resumes_at`, or until it is unset (Stripe docs: pause payment)."""
    if not wanted:
        return None
    until = wanted.get("resumes_at")
    if until is not None and until <= world.now(subscription):
        raise errors.invalid(
            "The resumes_at timestamp must be in the future.", "pause_collection[resumes_at]"
        )
    return {"behavior": wanted["behavior"], "resumes_at": until}


def set_discounts(world: World, subscription: Json, entries: list[Json] | None) -> None:
    """Replaces the subscription's discounts; naming a discount's id keeps its months (§3.7)."""
    customer = world.store.get("customer", subscription["customer"])
    before = subscription["discounts"]
    subscription["discounts"] = read_discounts(
        world,
        entries,
        customer,
        "discounts",
        currency=subscription["currency"],
        subscription=subscription["id"],
    )
    for identifier in before:
        if identifier not in subscription["discounts"]:
            drop_discount(world, identifier)


def apply_item_settings(
    world: World, subscription: Json, item: Json, entry: Json, label: str
) -> None:
    """Metadata, discounts and tax rates of one item."""
    if "metadata" in entry:
        item["metadata"] = merge_metadata(item["metadata"], entry["metadata"])
    if "tax_rates" in entry:
        item["tax_rates"] = find_rates(world, entry["tax_rates"], f"{label}[tax_rates]")
    if "discounts" in entry:
        customer = world.store.get("customer", subscription["customer"])
        item["discounts"] = read_discounts(
            world,
            entry["discounts"],
            customer,
            f"{label}[discounts]",
            currency=subscription["currency"],
            subscription=subscription["id"],
            subscription_item=item["id"],
        )
