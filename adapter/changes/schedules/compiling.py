"""From the scheduled lines of a subscription to the phases of its schedule. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...gateway.snapshots import CHANGE_KEY, TENANT_KEY

# What of a phase is sent back as it is, where it says anything. A parameter that is not sent again
# is unset on the phase (stripe-facts §3.7).
KEPT = (
    "application_fee_percent",
    "collection_method",
    "default_payment_method",
    "description",
    "on_behalf_of",
    "transfer_data",
)


@dataclass(frozen=True)
class Item:
    """A line as it runs now. ``quantity`` None is metered; ``tags`` is the item's metadata."""

    price: str
    quantity: int | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Wish:
    """What one scheduled line wants of the item on ``item_price`` when the period ends.

    ``price`` None: the item ends. ``interval`` is the new price's; ``reanchors``: it differs from
    the present one, so the new phase begins a cycle of its own.
    """

    item_price: str
    price: str | None
    quantity: int
    interval: str | None
    reanchors: bool
    change: str


@dataclass(frozen=True)
class Goal:
    """What the subscription is to do when its period ends.

    ``items`` is what runs now; ``next_items``, only for "changes": pairs of what runs now and what
    is to run in its place.
    """

    kind: Literal["nothing", "ends", "changes"]
    items: tuple[Item, ...] = ()
    next_items: tuple[tuple[Item, Item], ...] = ()
    interval: str | None = None
    reanchors: bool = False
    changes: tuple[str, ...] = ()


def compile_goal(items: Sequence[Item], wishes: Sequence[Wish], interval: str | None) -> Goal:
    """What all ``wishes`` come to together; ``interval`` is the subscription's now."""
    if not wishes:
        return Goal("nothing", tuple(items))
    wanted = {wish.item_price: wish for wish in wishes}
    after = []
    for item in items:
        wish = wanted.get(item.price)
        if wish is None:
            after.append((item, item))
        elif wish.price is not None:
            quantity = None if item.quantity is None else wish.quantity
            after.append((item, Item(wish.price, quantity, item.tags)))
    changes = tuple(sorted({wish.change for wish in wishes}))
    if not after:
        return Goal("ends", tuple(items), changes=changes)
    return Goal(
        "changes",
        tuple(items),
        next_items=tuple(after),
        interval=next((wish.interval for wish in wishes if wish.interval), interval),
        reanchors=any(wish.reanchors for wish in wishes),
        changes=changes,
    )


def schedule_params(
    goal: Goal, phases: Sequence[Mapping[str, Any]], current_start: int, tenant: str
) -> dict[str, Any]:
    """For ``subscription_schedules.update``: the current phase sent again whole, then the next.

    ``phases`` are Stripe's; past ones are left out, later ones replaced.
    """
    current = current_phase(phases, current_start)
    sent = [_resent(current, {item.price: item.tags for item in goal.items})]
    if goal.kind == "changes":
        sent.append(_next(goal, current))
    return {
        "end_behavior": "cancel" if goal.kind == "ends" else "release",
        "proration_behavior": "none",
        "metadata": {TENANT_KEY: tenant},
        "phases": sent,
    }


def current_phase(phases: Sequence[Mapping[str, Any]], start: int) -> Mapping[str, Any]:
    """The phase that began at ``start`` (unix seconds)."""
    return next(phase for phase in phases if phase["start_date"] == start)


def says(
    goal: Goal, end_behavior: str, phases: Sequence[Mapping[str, Any]], current_start: int
) -> bool:
    """Whether a schedule says already what ``goal`` wants, so that nothing need be written."""
    later = [phase for phase in phases if phase["start_date"] > current_start]
    if goal.kind == "ends":
        return not later and end_behavior == "cancel"
    if goal.kind == "nothing" or len(later) != 1 or end_behavior != "release":
        return False
    planned = sorted((entry["price"], entry.get("quantity")) for entry in later[0]["items"])
    return planned == sorted((item.price, item.quantity) for _, item in goal.next_items)


def _resent(phase: Mapping[str, Any], tags: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The current phase with its exact dates and everything it holds, and with the items' own
    metadata, by price: a schedule made from a subscription has none of it.

    Its add_invoice_items were billed when it began and are not sent again.
    """
    sent = {
        **_settings(phase),
        "start_date": phase["start_date"],
        "end_date": phase["end_date"],
        "items": [_entry(entry, tags) for entry in phase["items"]],
        "metadata": dict(phase.get("metadata") or {}),
    }
    if phase.get("trial_end"):
        sent["trial_end"] = phase["trial_end"]
    if phase.get("proration_behavior"):
        sent["proration_behavior"] = phase["proration_behavior"]
    return sent


def _next(goal: Goal, current: Mapping[str, Any]) -> dict[str, Any]:
    assert goal.interval is not None, "a phase needs the interval of its prices"
    known = {entry["price"]: entry for entry in current["items"]}
    items = []
    for now, then in goal.next_items:
        entry = {"price": then.price, **_item_settings(known.get(now.price, {}))}
        if then.quantity is not None:
            entry["quantity"] = then.quantity
        if now.tags:
            entry["metadata"] = dict(now.tags)
        items.append(entry)
    phase: dict[str, Any] = {
        **_settings(current),
        "items": items,
        "duration": {"interval": goal.interval, "interval_count": 1},
        # The default prorates; at the very end of a period nothing is left to prorate.
        "proration_behavior": "none",
        "metadata": {**(current.get("metadata") or {}), CHANGE_KEY: goal.changes[0]},
    }
    if goal.reanchors:
        # Without it another interval would be entered without being charged (stripe-facts §3.2).
        phase["billing_cycle_anchor"] = "phase_start"
    return phase


def _settings(phase: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: _plain_id(phase[name]) for name in KEPT if phase.get(name)}
    if phase.get("discounts"):
        kept["discounts"] = [_discount(entry) for entry in phase["discounts"]]
    if phase.get("default_tax_rates"):
        kept["default_tax_rates"] = [_plain_id(rate) for rate in phase["default_tax_rates"]]
    days = (phase.get("invoice_settings") or {}).get("days_until_due")
    if days:
        kept["invoice_settings"] = {"days_until_due": days}
    if (phase.get("automatic_tax") or {}).get("enabled"):
        kept["automatic_tax"] = {"enabled": True}
    return kept


def _entry(entry: Mapping[str, Any], tags: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    sent = {"price": _plain_id(entry["price"]), **_item_settings(entry)}
    if entry.get("quantity") is not None:
        sent["quantity"] = entry["quantity"]
    if metadata := {**(entry.get("metadata") or {}), **tags.get(sent["price"], {})}:
        sent["metadata"] = metadata
    return sent


def _item_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if entry.get("discounts"):
        kept["discounts"] = [_discount(one) for one in entry["discounts"]]
    if entry.get("tax_rates"):
        kept["tax_rates"] = [_plain_id(rate) for rate in entry["tax_rates"]]
    return kept


def _discount(entry: Mapping[str, Any]) -> dict[str, str]:
    """By the discount's own id: a coupon named again would begin anew (stripe-facts §3.7)."""
    for name in ("discount", "promotion_code", "coupon"):
        if entry.get(name):
            return {name: _plain_id(entry[name])}
    raise ValueError(f"a discount without an id: {entry}")


def _plain_id(value: Any) -> Any:
    """The id of what may be an expanded object; anything else as it is."""
    return value["id"] if isinstance(value, Mapping) and "id" in value else value
