"""Subscription schedules: made, begun, moved from phase to phase, ended (stripe-facts §3.7)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import merge_metadata
from ..kernel.rendering import changes
from ..kernel.store import copy_json
from ..kernel.world import World
from .ending import TERMINAL, end_now, set_cancellation
from .entering import enter_phase, settings_of
from .methods import resolve_method
from .pending_updates import discard_pending
from .phases import LIVE, abort_schedule, current_of, from_subscription
from .starting import start_subscription
from .templates import SCHEDULE, fresh

DAY = 86_400
UPDATED = "customer.subscription.updated"


class Schedules:
    """The agenda of schedules."""

    def due(self, world: World, body: Json) -> int | None:
        if body["status"] == "not_started":
            return int(body["phases"][0]["start_date"])
        if body["status"] != "active":
            return None
        end = int(body["current_phase"]["end_date"])
        notice = _notice(world, body)
        return min(end, notice) if notice is not None else end

    def act(self, world: World, body: Json) -> None:
        if body["status"] == "not_started":
            begin(world, body)
        elif world.now(body) >= body["current_phase"]["end_date"]:
            move_on(world, body)
        else:
            body["_noticed"] = True
            world.emit("subscription_schedule.expiring", body)


def _notice(world: World, body: Json) -> int | None:
    """`expiring` comes days before the last phase ends (§4)."""
    if body["_noticed"]:
        return None
    moment = int(body["phases"][-1]["end_date"]) - world.switches.schedule_expiring_days * DAY
    return moment if moment > body["current_phase"]["start_date"] else None


def new_schedule(world: World, customer: Json, **own: object) -> Json:
    return world.add(
        "subscription_schedule",
        fresh(
            SCHEDULE,
            id=world.identify("sub_sched"),
            created=world.now(customer),
            customer=customer["id"],
            test_clock=customer["test_clock"],
            **own,
        ),
    )


def schedule_subscription(world: World, subscription: Json) -> Json:
    """`from_subscription`: one phase that is what runs now, attached at once (§3.7)."""
    if subscription["status"] in TERMINAL:
        raise errors.invalid(
            f"You cannot migrate a subscription that is in the `{subscription['status']}` status.",
            "from_subscription",
        )
    if subscription["schedule"]:
        raise errors.invalid(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"`{subscription['schedule']}`.",
            "from_subscription",
        )
    customer = world.store.get("customer", subscription["customer"])
    phase = from_subscription(subscription)
    schedule = new_schedule(
        world,
        customer,
        billing_mode=copy_json(subscription["billing_mode"]),
        current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]},
        phases=[phase],
        status="active",
        subscription=subscription["id"],
        _cancels=subscription["cancel_at"] is not None,
    )
    if subscription["cancel_at"]:
        # one that was going to end goes on doing so; our belief
        schedule["end_behavior"] = "cancel"
    for name in ("collection_method", "default_payment_method", "description"):
        schedule["default_settings"][name] = subscription[name]
    terms = schedule["default_settings"]["invoice_settings"]
    terms["days_until_due"] = subscription["days_until_due"]
    world.store.link("subscription_schedule", "subscription", subscription["id"], schedule["id"])
    world.emit("subscription_schedule.created", schedule)
    with world.changing(subscription, UPDATED):
        subscription["schedule"] = schedule["id"]
    return schedule


def set_defaults(world: World, schedule: Json, params: Json | None) -> None:
    """`default_settings`: what phases fall back to."""
    for name, value in (params or {}).items():
        if name == "invoice_settings":
            schedule["default_settings"][name] |= value or {}
        elif name == "default_payment_method" and value:
            customer = world.store.get("customer", schedule["customer"])
            param = "default_settings[default_payment_method]"
            method = resolve_method(world, value, customer, param)
            schedule["default_settings"][name] = method["id"]
        else:
            schedule["default_settings"][name] = value


def begin(world: World, schedule: Json) -> None:
    """The first phase: the subscription is made, its first invoice is a draft for about an hour
    and it is active meanwhile (§3.6)."""
    customer = world.store.get("customer", schedule["customer"])
    phase = schedule["phases"][0]
    wanted = settings_of(schedule, phase, entering=True)
    start: Json = {name: value for name, value in wanted.items() if value}
    start["items"] = [
        {
            **{name: item[name] for name in ("discounts", "metadata", "tax_rates")},
            "price": item["price"],
            "quantity": item["quantity"],
            "_known": True,
        }
        for item in phase["items"]
    ]
    start["billing_mode"] = schedule["billing_mode"]
    start["add_invoice_items"] = [
        {key: value for key, value in entry.items() if value is not None and key != "period"}
        for entry in phase["add_invoice_items"]
    ]
    if phase["trial_end"] and phase["trial_end"] > world.now(schedule):
        start["trial_end"] = phase["trial_end"]
    before = world.render(schedule)
    subscription = start_subscription(world, customer, start, schedule=schedule["id"])
    schedule |= {
        "current_phase": {"start_date": phase["start_date"], "end_date": phase["end_date"]},
        "status": "active",
        "subscription": subscription["id"],
    }
    world.store.link("subscription_schedule", "subscription", subscription["id"], schedule["id"])
    mark_end(world, schedule, subscription)
    previous = changes(before, world.render(schedule))
    world.emit("subscription_schedule.updated", schedule, previous)


def move_on(world: World, schedule: Json) -> None:
    """The current phase is over: the next one begins, or the schedule is complete."""
    subscription = world.store.get("subscription", schedule["subscription"])
    position = current_of(schedule) + 1
    if position >= len(schedule["phases"]):
        complete(world, schedule, subscription)
        return
    to_phase(world, schedule, subscription, position)


def to_phase(world: World, schedule: Json, subscription: Json, position: int) -> None:
    """Enters a phase. A pending update is discarded by this (§3.5, §3.7)."""
    phase = schedule["phases"][position]
    with world.changing(schedule, "subscription_schedule.updated"):
        schedule["current_phase"] = {
            "start_date": phase["start_date"],
            "end_date": phase["end_date"],
        }
    discard_pending(world, subscription)
    enter_phase(world, schedule, subscription, phase)
    mark_end(world, schedule, subscription)


def complete(world: World, schedule: Json, subscription: Json) -> None:
    """The last phase is over: the subscription goes on without the schedule, or ends (§3.7)."""
    cancels = schedule["end_behavior"] == "cancel"
    schedule |= {
        "completed_at": world.now(schedule),
        "current_phase": None,
        "released_subscription": None if cancels else subscription["id"],
        "status": "completed",
        "subscription": subscription["id"] if cancels else None,
    }
    if cancels:
        end_now(world, subscription, reason="cancellation_requested", prorate=True, natural=True)
        subscription["schedule"] = None
    else:
        with world.changing(subscription, UPDATED):
            subscription["schedule"] = None
    world.emit("subscription_schedule.completed", schedule)


def mark_end(world: World, schedule: Json, subscription: Json) -> None:
    """`end_behavior=cancel` sets cancel_at only once the last phase is entered (§3.7)."""
    last = current_of(schedule) == len(schedule["phases"]) - 1
    if last and schedule["end_behavior"] == "cancel":
        end = schedule["current_phase"]["end_date"]
        if subscription["cancel_at"] != end:
            with world.changing(subscription, UPDATED):
                set_cancellation(subscription, {"cancel_at": end}, world.now(subscription))
        schedule["_cancels"] = True
    elif schedule["_cancels"]:
        _clear_end(world, schedule, subscription)


def _clear_end(world: World, schedule: Json, subscription: Json) -> None:
    schedule["_cancels"] = False
    with world.changing(subscription, UPDATED):
        set_cancellation(subscription, {"cancel_at": None}, world.now(subscription))


def release(world: World, schedule: Json, *, keep_cancel_date: bool) -> None:
    """Lets go of the subscription, which stays as it is; what was to come is dropped (§3.7)."""
    _check_live(schedule, "release")
    subscription = world.store.find("subscription", schedule["subscription"] or "")
    schedule |= {
        "current_phase": None,
        "released_at": world.now(schedule),
        "released_subscription": schedule["subscription"],
        "status": "released",
        "subscription": None,
    }
    world.emit("subscription_schedule.released", schedule)
    if subscription is not None:
        with world.changing(subscription, UPDATED):
            subscription["schedule"] = None
            if schedule["_cancels"] and not keep_cancel_date:
                set_cancellation(subscription, {"cancel_at": None}, world.now(subscription))


def cancel(world: World, schedule: Json, *, invoice_now: bool, prorate: bool) -> None:
    """Ends the schedule and its subscription with it (§3.7). One that has not begun is `aborted`:
    that is what the official CLI's fixture of this name does; a named switch says otherwise."""
    _check_live(schedule, "cancel")
    begun = schedule["status"] == "active"
    schedule |= {
        "canceled_at": world.now(schedule),
        "current_phase": None,
        "status": "canceled",
    }
    kind = "canceled" if begun else world.switches.cancel_before_start
    world.emit(f"subscription_schedule.{kind}", schedule)
    if begun:
        subscription = world.store.get("subscription", schedule["subscription"])
        end_now(
            world,
            subscription,
            reason="cancellation_requested",
            prorate=prorate,
            invoice_now=invoice_now,
        )
        abort_schedule(world, subscription)


def _check_live(schedule: Json, what: str) -> None:
    if schedule["status"] not in LIVE:
        raise errors.invalid(
            f"You cannot {what} a subscription schedule that is currently in the "
            f"`{schedule['status']}` status. A schedule can only be changed in the `not_started` "
            "or `active` status."
        )


def merge_schedule_metadata(schedule: Json, params: Json) -> None:
    if "metadata" in params:
        schedule["metadata"] = merge_metadata(schedule["metadata"], params["metadata"])
