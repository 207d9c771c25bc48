"""Subscription items: made, shown, periods cut on the anchor, debits remembered.

`_debits` is what was actually debited for an item and not credited back: the base of flexible
credits (stripe-facts §3.1). Each has its amount, its period and where it was billed.
"""

from __future__ import annotations

from ..kernel import errors
from ..kernel.calendar import period_at
from ..kernel.errors import Json
from ..kernel.rendering import public
from ..kernel.world import World
from .pricing import inline_price, interval_of, is_metered, plan_of
from .rates import show_rates

MOST_ITEMS = 20


def new_item(world: World, subscription: Json, price: Json, quantity: int) -> Json:
    identifier = world.identify("si", 14)
    # items live inside their subscription; this is how one is found by its id
    world.add("_item_owner", {"id": identifier, "subscription": subscription["id"]})
    return {
        "id": identifier,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.now(subscription),
        "current_period_end": 0,
        "current_period_start": 0,
        "current_trial": None,
        "discounts": [],
        "metadata": {},
        "price": price["id"],
        "quantity": quantity,
        "subscription": subscription["id"],
        "tax_rates": [],
        "_debits": [],
        # usage counts for this item and its price from here on (metering)
        "_since": world.now(subscription),
    }


def pieces(price: Json, quantity: int | None, label: str) -> int:
    """How many pieces an item has: one if nothing is said, none where usage is counted instead."""
    if not is_metered(price):
        return 1 if quantity is None else quantity
    if quantity is not None:
        raise errors.invalid(
            f"You cannot set a quantity for a metered price: {price['id']}", f"{label}[quantity]"
        )
    return 0


def price_of(world: World, item: Json) -> Json:
    price = world.store.peek("price", item["price"])
    assert price is not None, "prices are never deleted"
    return price


def choose_price(world: World, params: Json, param: str) -> Json | None:
    """The price an item names, by id or by inline data; None when it names none."""
    if params.get("price_data"):
        return inline_price(world, params["price_data"], f"{param}[price_data]")
    identifier = params.get("price") or params.get("plan")
    if not identifier:
        return None
    price = world.require("price", identifier, f"{param}[price]")
    # a schedule's phase was checked when it was read, a price made for Checkout is never active
    known = bool(params.get("_known"))
    if not price["active"] and not known and world.switches.inactive_price == "400":
        raise errors.invalid(
            f"The price specified is inactive. This field only accepts active prices: {identifier}",
            f"{param}[price]",
        )
    if price["recurring"] is None:
        raise errors.invalid(
            f"The price specified is set to `type=one_time` but this field only accepts prices "
            f"with `type=recurring`: {identifier}",
            f"{param}[price]",
        )
    return price


def cut_period(world: World, subscription: Json, item: Json, moment: int) -> None:
    """Gives the item the period around `moment`, cut on the subscription's anchor (§3.2)."""
    interval, count = interval_of(price_of(world, item))
    start, end = period_at(subscription["billing_cycle_anchor"], interval, count, moment)
    item["current_period_start"], item["current_period_end"] = start, end


def period_end(subscription: Json) -> int:
    """The earliest end of an item's period: the next moment the subscription bills."""
    return min(int(item["current_period_end"]) for item in subscription["items"])


def check_items(world: World, subscription: Json) -> None:
    """One currency, one item per price, at least one item and not too many."""
    items = subscription["items"]
    if not items:
        raise errors.invalid("A subscription must have at least one active plan.", "items")
    if len(items) > MOST_ITEMS:
        raise errors.invalid(f"A subscription can have at most {MOST_ITEMS} items.", "items")
    seen: set[str] = set()
    for item in items:
        price = price_of(world, item)
        if price["id"] in seen:
            raise errors.invalid(
                f"Cannot add multiple subscription items with the same plan: {price['id']}",
                "items",
            )
        seen.add(price["id"])
        if price["currency"] != subscription["currency"]:
            raise errors.invalid(
                f"The price specified ({price['id']}) has currency `{price['currency']}`, but "
                f"the subscription's currency is `{subscription['currency']}`.",
                "items",
            )


def show_item(world: World, item: Json) -> Json:
    shown: Json = public(item)
    price = price_of(world, item)
    shown["price"] = world.render(price)
    shown["tax_rates"] = show_rates(world, item["tax_rates"])
    shown["plan"] = plan_of(price)
    if is_metered(price):
        # it takes no quantity: how much there was is known when it is billed
        del shown["quantity"]
    return shown


def show_subscription(world: World, subscription: Json) -> Json:
    """The stored subscription with its items as a list object and prices in full (§2.3)."""
    shown: Json = public({key: val for key, val in subscription.items() if key != "items"})
    items = [show_item(world, item) for item in subscription["items"]]
    shown["default_tax_rates"] = show_rates(world, subscription["default_tax_rates"])
    shown["items"] = {
        "object": "list",
        "data": items,
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription['id']}",
    }
    single = items[0] if len(items) == 1 else None
    # single-item subscriptions still carry these undeclared fields (§2.3)
    shown["plan"] = single["plan"] if single else None
    shown["quantity"] = single.get("quantity") if single else None
    pending = subscription["pending_update"]
    if pending and pending["subscription_items"]:
        waiting = [show_item(world, item) for item in pending["subscription_items"]]
        shown["pending_update"]["subscription_items"] = waiting
    return shown
