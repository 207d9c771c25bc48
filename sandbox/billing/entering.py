"""Entering a phase: the subscription takes on what the phase says (stripe-facts §3.7).

The phase's own proration_behavior governs the money; at an exact period boundary nothing is left
to credit. What this bills is a draft for about an hour, as a renewal's invoice is (§3.6).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..kernel.errors import Json
from ..kernel.rendering import changes
from ..kernel.store import copy_json
from ..kernel.world import World
from .course import set_course
from .discounts import end_discounts
from .invoicing import Plan, draft_invoice
from .item_changes import reanchors, same_item
from .items import check_items, cut_period, new_item, price_of
from .lines import line_for_period
from .metering import bills_ahead, close_usage
from .pending_items import new_pending, read_extra
from .pricing import interval_of
from .proration import credit_unused, debit_remaining
from .settings import apply_item_settings, apply_settings

UPDATED = "customer.subscription.updated"


@dataclass
class Entry:
    """One entry under way: from when it counts, what it has moved, what it will charge."""

    phase: Json
    now: int
    old: list[Json]
    restart: bool = False
    trial: bool = False
    moved: bool = False
    charged: list[Json] = field(default_factory=list)

    @property
    def prorates(self) -> bool:
        return bool(self.phase["proration_behavior"] != "none")


def settings_of(schedule: Json, phase: Json, *, entering: bool) -> Json:
    """The subscription's settings under a phase: its own, else the schedule's defaults. Metadata
    is merged when the phase is entered, and not when it is resent (SDK docstring)."""
    default = schedule["default_settings"]
    terms = phase["invoice_settings"] or default["invoice_settings"]
    wanted: Json = {
        "collection_method": phase["collection_method"] or default["collection_method"],
        "default_payment_method": phase["default_payment_method"]
        or default["default_payment_method"],
        "default_tax_rates": phase["default_tax_rates"],
        "description": phase["description"] or default["description"],
        "discounts": phase["discounts"],
    }
    if terms.get("days_until_due") is not None:
        wanted["days_until_due"] = terms["days_until_due"]
    if entering:
        wanted["metadata"] = phase["metadata"]
    return wanted


def enter_phase(world: World, schedule: Json, subscription: Json, phase: Json) -> None:
    """Carries out the change of phase and drafts what it charges."""
    before = world.render(subscription)

    def announce() -> None:
        previous = changes(before, world.render(subscription))
        if previous:
            world.emit(UPDATED, subscription, previous)

    with world.led_by(announce):
        was = copy_json(subscription)
        now = world.now(subscription)
        end_discounts(world, subscription)
        apply_settings(world, subscription, settings_of(schedule, phase, entering=True))
        entry = Entry(phase, now, was["items"])
        cut_short = _leave_trial(subscription, phase, now)
        _lay_items(world, subscription, phase)
        entry.restart = cut_short or _restarts(world, schedule, subscription, entry)
        _credit_old(world, subscription, entry)
        _charge_new(world, subscription, entry)
        _add_extras(world, subscription, entry)
        _bill(world, subscription, entry)


def _leave_trial(subscription: Json, phase: Json, now: int) -> bool:
    """A phase without a trial ends the one that runs; whether that cut it short."""
    if subscription["status"] != "trialing" or (phase["trial_end"] or 0) > now:
        return False
    early = bool(subscription["trial_end"] > now)
    subscription["status"] = "active"
    subscription["trial_end"] = min(subscription["trial_end"], now)
    return early


def _restarts(world: World, schedule: Json, subscription: Json, entry: Entry) -> bool:
    """`phase_start` moves the anchor; `automatic` does what the billing mode does (§3.2, §3.7)."""
    wanted = entry.phase["billing_cycle_anchor"]
    wanted = wanted or schedule["default_settings"]["billing_cycle_anchor"]
    return wanted == "phase_start" or reanchors(world, subscription, entry.old)


def lay_out(world: World, subscription: Json, phase: Json) -> list[tuple[Json | None, Json]]:
    """Each item of the phase with the subscription's item that it goes on from.

    The same price is the same item. Another price is another item with another id, the old one is
    gone (dj-stripe#2025, confirmed there by Stripe's support); a named switch keeps the id.
    """
    left = list(subscription["items"])
    pairs: list[tuple[Json | None, Json]] = []
    for wanted in phase["items"]:
        same = next((item for item in left if item["price"] == wanted["price"]), None)
        if same is not None:
            left.remove(same)
        pairs.append((same, wanted))
    if world.switches.phase_keeps_item_ids:
        pairs = [(item or (left.pop(0) if left else None), wanted) for item, wanted in pairs]
    return pairs


def _lay_items(world: World, subscription: Json, phase: Json) -> None:
    items = []
    for index, (was, wanted) in enumerate(lay_out(world, subscription, phase)):
        if was is None:
            price = world.store.get("price", wanted["price"])
            item = new_item(world, subscription, price, wanted["quantity"])
        else:
            item = copy_json(was)
            item |= {"price": wanted["price"], "quantity": wanted["quantity"]}
            item["metadata"] = {}
        shown = {name: wanted[name] for name in ("discounts", "metadata", "tax_rates")}
        apply_item_settings(world, subscription, item, shown, f"phases[items][{index}]")
        items.append(item)
    subscription["items"] = items
    check_items(world, subscription)


def _credit_old(world: World, subscription: Json, entry: Entry) -> None:
    kept = {item["id"]: item for item in subscription["items"]}
    for was in entry.old:
        item = kept.get(was["id"])
        stays = item is not None and same_item(was, item) and not entry.restart
        if was["current_period_end"] <= entry.now or (entry.prorates and not stays):
            # usage of a period that is over is billed whatever follows
            entry.moved |= close_usage(world, subscription, was, entry.now)
            if item is not None:
                item["_since"] = entry.now
        if stays:
            continue
        if entry.prorates:
            entry.moved |= bool(credit_unused(world, subscription, was, entry.now))
        if item is not None:
            item["_debits"] = []


def _charge_new(world: World, subscription: Json, entry: Entry) -> None:
    """Full periods that begin now are charged, what remains of running ones is debited."""
    trial_end = entry.phase["trial_end"]
    if trial_end is not None and trial_end > entry.now:
        _start_trial(subscription, entry, int(trial_end))
        return
    if entry.restart:
        subscription["billing_cycle_anchor"] = entry.now
    old = {was["id"]: was for was in entry.old}
    for item in subscription["items"]:
        was = old.get(item["id"]) or _predecessor(world, entry, item)
        same = was is not None and was["id"] == item["id"] and same_item(was, item)
        running = was is not None and was["current_period_end"] > entry.now
        if same and running and not entry.restart:
            continue
        if not entry.restart and running and was is not None and _same_length(world, was, item):
            # same interval: dates unchanged (§3.2)
            item["current_period_start"] = was["current_period_start"]
            item["current_period_end"] = was["current_period_end"]
        else:
            cut_period(world, subscription, item, entry.now)
        item["_debits"] = [debit for debit in item["_debits"] if debit["end"] > entry.now]
        if item["current_period_start"] == entry.now:
            entry.charged.append(item)
        elif entry.prorates:
            debited = debit_remaining(world, subscription, item, entry.now)
            entry.moved |= debited is not None


def _predecessor(world: World, entry: Entry, item: Json) -> Json | None:
    """The item that a new one of the same length replaces: its dates go on."""
    left = [was for was in entry.old if _same_length(world, was, item)]
    return left[0] if left else None


def _same_length(world: World, was: Json, item: Json) -> bool:
    return interval_of(price_of(world, was)) == interval_of(price_of(world, item))


def _start_trial(subscription: Json, entry: Entry, end: int) -> None:
    for item in subscription["items"]:
        item["current_period_start"], item["current_period_end"] = entry.now, end
    entry.charged = list(subscription["items"])
    entry.trial = True
    subscription |= {
        "trial_start": subscription["trial_start"] or entry.now,
        "trial_end": end,
        "billing_cycle_anchor": end,
        "status": "trialing",
    }


def _add_extras(world: World, subscription: Json, entry: Entry) -> None:
    """One-off items of the phase: once, with its first invoice (§3.7)."""
    customer = world.store.get("customer", subscription["customer"])
    latest = max(item["current_period_start"] for item in subscription["items"])
    earliest = min(item["current_period_end"] for item in subscription["items"])
    for index, wanted in enumerate(entry.phase["add_invoice_items"]):
        asked = {**wanted, "period": None}
        if asked["discountable"] is None:
            del asked["discountable"]
        label = f"add_invoice_items[{index}]"
        extra = read_extra(world, asked, subscription["currency"], label)
        extra.period = (latest, earliest)
        new_pending(world, customer, extra, subscription=subscription)
        entry.moved = True


def _bill(world: World, subscription: Json, entry: Entry) -> None:
    at_once = entry.phase["proration_behavior"] == "always_invoice" and entry.moved
    if not entry.charged and not at_once:
        return
    charges = [
        lambda invoice, item=item: line_for_period(
            world, invoice, subscription, item, trial=entry.trial
        )
        for item in entry.charged
        if bills_ahead(world, subscription, item)
    ]
    customer = world.store.get("customer", subscription["customer"])
    settings = {"period_start": min(_starts(entry)), "period_end": entry.now}
    # not proven, and not to be branched on (§7)
    reason = world.switches.phase_billing_reason
    invoice = draft_invoice(world, customer, subscription, Plan(reason, charges, settings=settings))
    set_course(world, subscription, invoice)


def _starts(entry: Entry) -> list[int]:
    return [int(item["current_period_start"]) for item in entry.old] or [entry.now]
