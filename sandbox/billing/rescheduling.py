"""Updating a schedule: phases replaced whole, and what that means now (stripe-facts §3.7)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.store import copy_json
from ..kernel.world import World
from .changing import change_subscription
from .entering import lay_out, settings_of
from .phase_params import Reading, read_phases
from .phases import LIVE, current_of, snapshot
from .schedules import begin, mark_end, merge_schedule_metadata, set_defaults, to_phase

ANCHORLESS = (
    "The subscription schedule update is missing at least one phase with a `start_date` to anchor "
    "end dates to."
)


def update_schedule(world: World, schedule: Json, params: Json) -> None:
    """What is sent replaces what was; phases only all together."""
    if schedule["status"] not in LIVE:
        raise errors.invalid(
            "You cannot update a subscription schedule that is currently in the "
            f"`{schedule['status']}` status."
        )
    with world.changing(schedule, "subscription_schedule.updated"):
        merge_schedule_metadata(schedule, params)
        set_defaults(world, schedule, params.get("default_settings"))
        if params.get("end_behavior"):
            schedule["end_behavior"] = params["end_behavior"]
        old = _current(schedule)
        if params.get("phases"):
            _replace_phases(world, schedule, params["phases"])
        if schedule["status"] == "active":
            current = schedule["phases"][current_of(schedule)]
            schedule["current_phase"]["end_date"] = current["end_date"]
            schedule["_noticed"] = False
    if schedule["status"] == "active":
        _carry_out(world, schedule, old, params)


def _current(schedule: Json) -> Json | None:
    if schedule["status"] != "active":
        return None
    return dict(copy_json(schedule["phases"][current_of(schedule)]))


def _replace_phases(world: World, schedule: Json, entries: list[Json]) -> None:
    now = world.now(schedule)
    first = entries[0].get("start_date")
    if first is None:
        raise errors.invalid(ANCHORLESS, "phases")
    start = now if first == "now" else int(first)
    known = {item["price"] for phase in schedule["phases"] for item in phase["items"]}
    if schedule["status"] == "not_started":
        if start < now:
            raise errors.invalid("The first phase cannot start in the past.", "phases")
        schedule["phases"] = read_phases(Reading(world, now, start, known), entries)
        return
    past = [
        phase
        for phase in schedule["phases"]
        if phase["end_date"] <= schedule["current_phase"]["start_date"]
    ]
    entries = _without_past(entries, schedule, past)
    start = int(schedule["current_phase"]["start_date"])
    phases = read_phases(Reading(world, now, start, known), entries)
    if phases[0]["end_date"] < now:
        raise errors.invalid("The current phase cannot end in the past.", "phases[0][end_date]")
    schedule["phases"] = past + phases


def _without_past(entries: list[Json], schedule: Json, past: list[Json]) -> list[Json]:
    """Past phases may be omitted or resent; the current one must come with its start (§3.7)."""
    gone = {phase["start_date"] for phase in past}
    left = list(entries)
    while left and left[0].get("start_date") in gone:
        left.pop(0)
    current = schedule["current_phase"]["start_date"]
    if not left:
        raise errors.invalid("The current phase must be sent again.", "phases")
    # after a past phase the start of the next one is known
    if left[0].get("start_date", current if len(left) < len(entries) else None) != current:
        raise errors.invalid(
            "You can not modify the start date of the current phase.", "phases[0][start_date]"
        )
    return left


def _carry_out(world: World, schedule: Json, old: Json | None, params: Json) -> None:
    """A changed current phase changes the subscription now, prorated as the request says; one
    that was ended by `now` gives way to the next at once."""
    subscription = world.store.get("subscription", schedule["subscription"])
    position = current_of(schedule)
    current = schedule["phases"][position]
    if (old is not None and _terms(current) != _terms(old)) or "default_settings" in params:
        _change_current(world, schedule, subscription, current, params)
    if current["end_date"] <= world.now(schedule) and position + 1 < len(schedule["phases"]):
        to_phase(world, schedule, subscription, position + 1)
    else:
        mark_end(world, schedule, subscription)


def _terms(phase: Json) -> Json:
    """What of a phase its subscription feels. Metadata counts only on entry, by named switch."""
    return {name: phase[name] for name in phase if name not in ("end_date", "proration_behavior")}


def _change_current(
    world: World, schedule: Json, subscription: Json, phase: Json, params: Json
) -> None:
    merges = world.switches.resent_phase_merges_metadata
    change = settings_of(schedule, phase, entering=merges)
    held = snapshot(subscription)
    if held["discounts"] == phase["discounts"]:
        del change["discounts"]
    items = _item_changes(world, subscription, phase)
    if _moves(subscription, items) and world.switches.current_phase_items == "400":
        raise errors.invalid("The items of the current phase cannot be changed.", "phases[0]")
    change["items"] = items
    change["proration_behavior"] = params.get("proration_behavior") or "create_prorations"
    ahead = phase["trial_end"] if (phase["trial_end"] or 0) > world.now(schedule) else None
    if ahead != held["trial_end"]:
        change["trial_end"] = ahead or "now"
    change_subscription(world, subscription, change, managed=True)


def _moves(subscription: Json, entries: list[Json]) -> bool:
    now = {item["id"]: item["quantity"] for item in subscription["items"]}
    return any(now.get(entry.get("id", "")) != entry.get("quantity") for entry in entries)


def _item_changes(world: World, subscription: Json, phase: Json) -> list[Json]:
    """The update of items that turns the subscription's into the phase's."""
    entries: list[Json] = []
    kept = set()
    names = ("quantity", "discounts", "metadata", "tax_rates")
    for was, wanted in lay_out(world, subscription, phase):
        entry = {name: wanted[name] for name in names}
        if was is None:
            entries.append({**entry, "price": wanted["price"], "_known": True})
            continue
        kept.add(was["id"])
        entry["id"] = was["id"]
        if wanted["price"] != was["price"]:
            entry |= {"price": wanted["price"], "_known": True}
        entries.append(entry)
    gone = [item for item in subscription["items"] if item["id"] not in kept]
    return entries + [{"id": item["id"], "deleted": True} for item in gone]


def create_schedule(world: World, schedule: Json, entries: list[Json], start: int) -> None:
    """Phases of a schedule from scratch; one that starts now begins at once."""
    now = world.now(schedule)
    schedule["phases"] = read_phases(Reading(world, now, start), entries)
    world.emit("subscription_schedule.created", schedule)
    if start <= now:
        begin(world, schedule)
