"""Changing a subscription: items, quantity, cycle, and the money this moves (§3.1 to §3.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.rendering import changes
from ..kernel.store import copy_json
from ..kernel.world import World
from .collection import Result, attempt, finalize, no_method_error, payment_error
from .course import hold
from .ending import TERMINAL, set_cancellation
from .invoicing import Plan, draft_invoice
from .item_changes import change_items, other_interval, reanchors, same_item, was_interval
from .items import cut_period, price_of
from .lines import line_for_period
from .metering import bills_ahead, close_usage
from .methods import chargeable
from .pausing import pauses_now, stand_still_after_trial
from .pending_items import Extra, new_pending, read_extra
from .pending_updates import check_allowed, discard_pending, hold_back
from .phases import split_phase
from .pricing import interval_of
from .proration import check_proration_date, credit_unused, debit_remaining
from .settings import apply_settings

CANCELLATION = ("cancel_at", "cancel_at_period_end")
BILLED = ("items", "billing_cycle_anchor", "trial_end", "add_invoice_items")


@dataclass
class Change:
    """One update under way: what was asked, from when it counts, what it has moved so far."""

    params: Json
    before: Json
    moment: int
    now: int
    extras: list[Extra] = field(default_factory=list)
    restart: bool = False
    moved: bool = False

    @property
    def prorates(self) -> bool:
        return self.params.get("proration_behavior") != "none"

    @property
    def payment_behavior(self) -> str:
        return self.params.get("payment_behavior") or "allow_incomplete"


def change_subscription(
    world: World,
    subscription: Json,
    params: Json,
    extras: list[Extra] | None = None,
    *,
    managed: bool = False,
) -> None:
    """Carries out an update; the subscription's own event leads those of its invoice (§4).
    `managed` is one that the subscription's schedule asks for."""
    params = _with_anchor(world, params)
    _check_state(subscription, params)
    if subscription["schedule"] and not managed:
        _check_schedule(subscription, params)
    if params.get("payment_behavior") == "pending_if_incomplete":
        check_allowed(subscription, params)
    now = world.now(subscription)
    moment = params.get("proration_date")
    if moment is not None:
        check_proration_date(subscription, moment)
    if any(name in params for name in BILLED):
        # a new change replaces one that still waits for its payment (§3.5)
        discard_pending(world, subscription)
    shown = world.render(subscription)

    def announce() -> None:
        previous = changes(shown, world.render(subscription))
        if previous:
            world.emit("customer.subscription.updated", subscription, previous)

    started = now if moment is None else moment
    change = Change(params, copy_json(subscription), started, now, list(extras or []))
    with world.led_by(announce):
        _apply(world, subscription, change)
    if not managed:
        split_phase(world, subscription, change.before)


def _check_state(subscription: Json, params: Json) -> None:
    free = {"metadata", "cancellation_details", "expand"}
    if subscription["status"] in TERMINAL and set(params) - free:
        raise errors.invalid(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if subscription["status"] == "incomplete" and any(name in params for name in BILLED):
        raise errors.invalid(
            "A subscription in the `incomplete` status can only have metadata and its payment "
            "method updated."
        )
    if subscription["status"] == "paused" and any(name in params for name in BILLED):
        raise errors.invalid(
            "A subscription in the `paused` status must be resumed before its billing is changed."
        )


def _with_anchor(world: World, params: Json) -> Json:
    """The word that stood for an anchor before endive, where it is still taken (§7)."""
    anchor = params.get("billing_cycle_anchor")
    if not isinstance(anchor, str):
        return params
    if world.switches.anchor_string == "400":
        raise errors.invalid("Invalid object", "billing_cycle_anchor")
    return {**params, "billing_cycle_anchor": {"type": anchor}}


def _check_schedule(subscription: Json, params: Json) -> None:
    """While a schedule manages the subscription its end is the schedule's business (§3.7)."""
    if any(name in params for name in CANCELLATION):
        raise errors.invalid(
            "The subscription is managed by the subscription schedule "
            f"`{subscription['schedule']}`, and updating any cancelation behavior directly is not "
            "allowed. Please update the schedule instead."
        )


def _apply(world: World, subscription: Json, change: Change) -> None:
    apply_settings(world, subscription, change.params)
    _end_or_set_trial(world, subscription, change)
    old_items = list(subscription["items"])
    change_items(world, subscription, change.params.get("items") or [])
    anchor = change.params.get("billing_cycle_anchor") or {}
    if anchor.get("type") == "now" or reanchors(world, subscription, change.before["items"]):
        change.restart = True
    _move_money(world, subscription, change, old_items)
    _add_extras(world, subscription, change)
    wanted = {name: change.params[name] for name in CANCELLATION if name in change.params}
    clears = world.switches.uncancel_clears_timestamp
    if wanted:
        set_cancellation(subscription, wanted, change.now, clears_timestamp=clears)
    elif subscription["cancel_at_period_end"] and change.restart:
        set_cancellation(subscription, {"cancel_at_period_end": True}, change.now)
    at_once = change.params.get("proration_behavior") == "always_invoice" or (
        world.switches.interval_change_invoices
        and other_interval(world, subscription, change.before["items"])
    )
    if change.restart or (at_once and change.moved):
        _invoice(world, subscription, change)


def _end_or_set_trial(world: World, subscription: Json, change: Change) -> None:
    """`trial_end=now` ends a trial and is nothing otherwise (recorded traffic); a later moment
    starts one, which moves the anchor there (§3.2)."""
    wanted = change.params.get("trial_end")
    if wanted is None:
        return
    if wanted == "now":
        if subscription["status"] == "trialing":
            subscription["trial_end"] = change.now
            world.emit("customer.subscription.trial_will_end", subscription)
            if pauses_now(world, subscription):
                stand_still_after_trial(world, subscription)
                return
            subscription["status"] = "active"
            change.restart = True
        return
    if int(wanted) <= change.now:
        raise errors.invalid("Invalid timestamp: must be in the future", "trial_end")
    for item in subscription["items"]:
        if change.prorates:
            change.moved |= bool(credit_unused(world, subscription, item, change.moment))
        item["current_period_start"] = change.now
        item["current_period_end"] = int(wanted)
    subscription["trial_start"] = subscription["trial_start"] or change.now
    subscription |= {"trial_end": int(wanted), "status": "trialing"}
    rule = subscription["trial_settings"]["end_behavior"]
    if rule.get("billing_cycle_anchor") != "unchanged":
        subscription["billing_cycle_anchor"] = int(wanted)


def _move_money(world: World, subscription: Json, change: Change, old_items: list[Json]) -> None:
    trialing = subscription["status"] == "trialing"
    was_trialing = change.before["status"] == "trialing"
    if change.restart:
        subscription["billing_cycle_anchor"] = change.now
    kept = {item["id"]: item for item in subscription["items"]}
    for was in old_items:
        item = kept.get(was["id"])
        if item is not None and not change.restart and same_item(was, item):
            continue
        if change.prorates and not was_trialing:
            change.moved |= bool(credit_unused(world, subscription, was, change.moment))
            change.moved |= close_usage(world, subscription, was, change.now)
            if item is not None:
                item["_debits"] = []
                item["_since"] = change.now
        elif change.restart and item is not None and not _keeps_base(world):
            item["_debits"] = []
    for item in subscription["items"]:
        previous = next((was for was in old_items if was["id"] == item["id"]), None)
        new = item.pop("_new", False)
        if change.restart:
            cut_period(world, subscription, item, change.now)
        elif new or (previous is not None and not same_item(previous, item)):
            _enter_period(world, subscription, item, change, trialing=trialing)


def _keeps_base(world: World) -> bool:
    return world.switches.reset_without_credit_keeps_base


def _enter_period(
    world: World, subscription: Json, item: Json, change: Change, *, trialing: bool
) -> None:
    """A changed or added item joins the running cycle and owes for what is left of it."""
    if trialing:
        item["current_period_start"] = subscription["trial_start"]
        item["current_period_end"] = subscription["trial_end"]
        return
    start, end = item["current_period_start"], item["current_period_end"]
    interval, count = interval_of(price_of(world, item))
    cut_period(world, subscription, item, change.moment)
    same_length = (start, end) != (0, 0) and was_interval(world, change.before["items"], item) == (
        interval,
        count,
    )
    if same_length:
        # same interval: dates unchanged (§3.2), a shorter first period included
        item["current_period_start"], item["current_period_end"] = start, end
    if change.prorates:
        debited = debit_remaining(world, subscription, item, change.moment)
        change.moved |= debited is not None


def _add_extras(world: World, subscription: Json, change: Change) -> None:
    """add_invoice_items: amounts for the next invoice, negative ones included."""
    customer = world.store.get("customer", subscription["customer"])
    items = subscription["items"]
    latest = max(item["current_period_start"] for item in items)
    earliest = min(item["current_period_end"] for item in items)
    asked = change.params.get("add_invoice_items") or []
    for index, entry in enumerate(asked):
        param = f"add_invoice_items[{index}]"
        change.extras.append(read_extra(world, entry, subscription["currency"], param))
    for extra in change.extras:
        extra.period = extra.period or (latest, earliest)
        new_pending(world, customer, extra, subscription=subscription)
        change.moved = True


def _invoice(world: World, subscription: Json, change: Change) -> None:
    """Invoices now and tries to collect; a failure ends as payment_behavior says (§3.5)."""
    customer = world.store.get("customer", subscription["customer"])
    charges = [
        lambda invoice, item=item: line_for_period(world, invoice, subscription, item)
        for item in subscription["items"]
        if change.restart and bills_ahead(world, subscription, item)
    ]
    automatic = subscription["collection_method"] == "charge_automatically"
    # upgrade invoices are not retried by themselves (§3.6)
    since = min(int(item["current_period_start"]) for item in change.before["items"])
    plan = Plan(
        "subscription_update",
        charges=charges,
        auto_advance=not automatic,
        settings={"period_start": since},
    )
    invoice = draft_invoice(world, customer, subscription, plan)
    if subscription["pause_collection"]:
        hold(world, subscription, invoice)
        return
    subscription["_busy"] = True
    finalize(world, invoice)
    result: Result = "paid"
    if invoice["status"] != "paid" and automatic:
        result = _collect(world, invoice, change)
    subscription["_busy"] = False
    waits = change.payment_behavior == "pending_if_incomplete"
    if result == "paid" or (result == "processing" and not waits):
        # a debit takes days: the change is made, a failure shows later (Stripe docs: bank debits)
        return
    if change.payment_behavior == "error_if_incomplete":
        raise payment_error(world, invoice, result, keep_effects=False, noun="subscription")
    if waits:
        hold_back(world, subscription, change.before, invoice, change.params)
    elif subscription["status"] in ("active", "trialing"):
        subscription["status"] = "past_due"


def _collect(world: World, invoice: Json, change: Change) -> Result:
    if change.payment_behavior == "default_incomplete":
        return "open"
    waits = (
        change.payment_behavior == "pending_if_incomplete"
        and world.switches.update_without_payment_method == "pending"
    )
    if chargeable(world, invoice) is None and not waits:
        raise no_method_error()
    off_session = bool(change.params.get("off_session"))
    return attempt(world, invoice, automatic=False, off_session=off_session)
