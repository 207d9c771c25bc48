"""What customers do to their subscriptions in the billing portal (stripe-facts §3.8, §3.9)."""

from __future__ import annotations

from collections.abc import Callable

from ..kernel.errors import Json, StripeError
from ..kernel.rendering import changes
from ..kernel.world import World
from .changing import change_subscription
from .ending import TERMINAL, end_now, set_cancellation
from .items import period_end, price_of
from .methods import resolve_method
from .pricing import interval_of, unit_amount
from .rescheduling import update_schedule
from .schedules import schedule_subscription

UPDATED = "customer.subscription.updated"
DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


def visit_portal(world: World, session: str, action: str, wanted: dict[str, str]) -> str:
    """One action of the customer at the portal. Returns a word for what happened.

    LookupError where there is no such session or subscription, ValueError for what the
    configuration does not allow or a card that is refused.
    """
    visit = world.store.find("billing_portal.session", session)
    if visit is None:
        raise LookupError(f"no portal session {session}")
    setup = world.store.get("billing_portal.configuration", visit["configuration"])
    if action not in ACTIONS:
        raise ValueError(f"unknown action {action!r}: one of {', '.join(ACTIONS)}")
    feature, act = ACTIONS[action]
    features: Json = setup["features"]
    if not features[feature]["enabled"]:
        raise ValueError(f"the portal's configuration does not allow {feature}")
    customer = world.store.get("customer", visit["customer"])
    try:
        with world.store.transaction():
            return act(world, customer, features[feature], wanted)
    except StripeError as error:
        raise ValueError(error.message) from None


def running_subscriptions(world: World, customer: str) -> list[Json]:
    """Those the portal shows: everything that has not ended."""
    entries = world.store.where("subscription", "customer", customer)
    return [body for body in entries if body["status"] not in TERMINAL]


def _subscription(world: World, customer: Json, wanted: dict[str, str]) -> Json:
    for body in running_subscriptions(world, customer["id"]):
        if wanted.get("subscription") in (None, "", body["id"]):
            return body
    raise LookupError(f"no running subscription {wanted.get('subscription', '')}".rstrip())


def _cancel(world: World, customer: Json, feature: Json, wanted: dict[str, str]) -> str:
    """At the period's end by `cancel_at` in flexible mode, where `cancel_at_period_end` stays
    false (§3.8); at once, with credit, where it is configured so."""
    subscription = _subscription(world, customer, wanted)
    if feature["mode"] == "immediately":
        behavior = feature["proration_behavior"]
        end_now(
            world,
            subscription,
            reason="cancellation_requested",
            prorate=behavior != "none",
            invoice_now=behavior == "always_invoice",
        )
        return "canceled"
    flexible = subscription["billing_mode"]["type"] == "flexible"
    change: Json = {"cancel_at": "max_period_end"} if flexible else {"cancel_at_period_end": True}
    _set_end(world, subscription, change)
    if wanted.get("feedback"):
        subscription["cancellation_details"]["feedback"] = wanted["feedback"]
    return "will end"


def _renew(world: World, customer: Json, _: Json, wanted: dict[str, str]) -> str:
    """Takes a scheduled end back."""
    subscription = _subscription(world, customer, wanted)
    if subscription["cancel_at"] is None:
        raise ValueError("this subscription does not end")
    _set_end(world, subscription, {"cancel_at": None})
    return "goes on"


def _set_end(world: World, subscription: Json, change: Json) -> None:
    if subscription["schedule"]:
        raise ValueError("this subscription is managed by a schedule")
    before = world.render(subscription)
    set_cancellation(subscription, change, world.now(subscription))
    previous = changes(before, world.render(subscription))
    if previous:
        world.emit(UPDATED, subscription, previous)


def _switch(world: World, customer: Json, feature: Json, wanted: dict[str, str]) -> str:
    """Another price for a subscription with one item: now, or at the period's end by a schedule
    that the portal makes itself (§3.9)."""
    subscription = _subscription(world, customer, wanted)
    if len(subscription["items"]) != 1:
        raise ValueError("the portal changes subscriptions with one item only")
    item = subscription["items"][0]
    price = world.store.find("price", wanted.get("price", ""))
    offered = [entry for product in feature["products"] or [] for entry in product["prices"]]
    if price is None or price["id"] not in offered:
        raise ValueError("this price is not offered")
    if _waits(feature, price_of(world, item), price):
        _schedule(world, subscription, item, price)
        return "scheduled"
    change: Json = {
        "items": [{"id": item["id"], "price": price["id"], "quantity": item["quantity"]}],
        "proration_behavior": feature["proration_behavior"],
        "payment_behavior": "error_if_incomplete",
    }
    if feature["billing_cycle_anchor"] == "now":
        change["billing_cycle_anchor"] = {"type": "now"}
    change_subscription(world, subscription, change)
    return "changed"


def _waits(feature: Json, old: Json, new: Json) -> bool:
    """Whether a configured condition puts the change off to the period's end."""
    (was, was_count), (will, will_count) = interval_of(old), interval_of(new)
    holds = {
        "decreasing_item_amount": unit_amount(new) < unit_amount(old),
        "shortening_interval": DAYS[will] * will_count < DAYS[was] * was_count,
    }
    conditions = feature["schedule_at_period_end"]["conditions"]
    return any(holds[condition["type"]] for condition in conditions)


def _schedule(world: World, subscription: Json, item: Json, price: Json) -> None:
    schedule = schedule_subscription(world, subscription)
    current = schedule["phases"][-1]
    kept = [{"price": item["price"], "quantity": item["quantity"]}]
    following = [{"price": price["id"], "quantity": item["quantity"]}]
    interval, count = interval_of(price)
    phases: list[Json] = [
        {
            "items": kept,
            "start_date": current["start_date"],
            "end_date": period_end(subscription),
        },
        {
            "items": following,
            "duration": {"interval": interval, "interval_count": count},
            "proration_behavior": "none",
        },
    ]
    update_schedule(world, schedule, {"end_behavior": "release", "phases": phases})


def _new_card(world: World, customer: Json, _: Json, wanted: dict[str, str]) -> str:
    """Saves a card as the customer's default for invoices."""
    method = resolve_method(world, wanted.get("card", ""), customer, "payment_method")
    with world.changing(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    return "saved"


Act = Callable[[World, Json, Json, dict[str, str]], str]
ACTIONS: dict[str, tuple[str, Act]] = {
    "cancel": ("subscription_cancel", _cancel),
    "renew": ("subscription_cancel", _renew),
    "switch": ("subscription_update", _switch),
    "card": ("payment_method_update", _new_card),
}
