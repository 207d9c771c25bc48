"""Phases read from a request: when each begins and ends, what each holds (stripe-facts §3.7)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..kernel import errors
from ..kernel.calendar import boundary
from ..kernel.errors import Json
from ..kernel.store import copy_json
from ..kernel.world import World
from .items import choose_price, pieces
from .phases import EMPTY_PHASE, phase_item
from .pricing import inline_price, interval_of
from .rates import find_rates

MOST_PHASES = 10
LENGTHS = ("end_date", "duration", "iterations")
# `iterations` went with 2025-09-30.clover (§2.2); without a version header it is still taken (§6.1)
LAST_ITERATIONS = "2025-09-30"
PLAIN = (
    "billing_cycle_anchor",
    "collection_method",
    "default_payment_method",
    "description",
    "invoice_settings",
)


@dataclass
class Reading:
    """What phases are read against: the moment `now` means, and prices that are in use already."""

    world: World
    now: int
    start: int
    known: set[str] = field(default_factory=set)


def check_iterations(world: World, entries: list[Json], name: str) -> None:
    """`iterations` is unknown to this version of the API and not to older ones (§3.7, §6.1)."""
    version = world.version
    if version is None or version[:10] < LAST_ITERATIONS:
        return
    for index, entry in enumerate(entries):
        if "iterations" in entry:
            raise errors.unknown_parameter(f"{name}[{index}][iterations]")


def read_phases(reading: Reading, entries: list[Json], name: str = "phases") -> list[Json]:
    """The phases one after the other: each starts where the one before it ends."""
    check_iterations(reading.world, entries, name)
    if len(entries) > MOST_PHASES:
        raise errors.invalid(
            f"A subscription schedule can have at most {MOST_PHASES} current or future phases.",
            name,
        )
    phases: list[Json] = []
    start = reading.start
    for index, entry in enumerate(entries):
        label = f"{name}[{index}]"
        wanted = reading.now if entry.get("start_date") == "now" else entry.get("start_date")
        if index and wanted not in (None, start):
            raise errors.invalid(
                "The `start_date` of a phase must be the `end_date` of the phase before it.",
                f"{label}[start_date]",
            )
        phase = _read_phase(reading, entry, start, label)
        phase["end_date"] = _end(reading, entry, phase, label, last=index == len(entries) - 1)
        _read_trial(reading, entry, phase, label)
        phases.append(phase)
        start = phase["end_date"]
    return phases


def _end(reading: Reading, entry: Json, phase: Json, label: str, *, last: bool) -> int:
    given = [name for name in LENGTHS if entry.get(name) is not None]
    if len(given) > 1:
        raise errors.invalid(
            f"You may only specify one of these parameters: {given[0]}, {given[1]}.",
            f"{label}[{given[1]}]",
        )
    start = int(phase["start_date"])
    price = reading.world.store.peek("price", phase["items"][0]["price"])
    assert price is not None, "checked when it was read"
    interval, count = interval_of(price)
    if not given:
        if not last:
            raise errors.missing_parameter(f"{label}[end_date]")
        # the last phase alone may leave its end open: one interval of its price (§3.7)
        end = boundary(start, interval, count, 1)
    elif given == ["duration"]:
        length = entry["duration"]
        end = boundary(start, length["interval"], length.get("interval_count") or 1, 1)
    elif given == ["iterations"]:
        end = boundary(start, interval, count, entry["iterations"])
    else:
        end = reading.now if entry["end_date"] == "now" else int(entry["end_date"])
    if end <= start:
        raise errors.invalid(
            "The `end_date` of a phase must be after its `start_date`.", f"{label}[end_date]"
        )
    return end


def _read_phase(reading: Reading, entry: Json, start: int, label: str) -> Json:
    """Everything not sent is unset: phases are replaced whole (§3.7)."""
    world = reading.world
    phase = {**copy_json(EMPTY_PHASE), "start_date": start}
    for name in PLAIN:
        phase[name] = entry.get(name)
    phase |= {
        "add_invoice_items": [
            _extra(world, item, f"{label}[add_invoice_items][{index}]")
            for index, item in enumerate(entry.get("add_invoice_items") or [])
        ],
        "default_tax_rates": find_rates(
            world, entry.get("default_tax_rates"), f"{label}[default_tax_rates]"
        ),
        "discounts": _discounts(world, entry.get("discounts"), f"{label}[discounts]"),
        "metadata": dict(entry.get("metadata") or {}),
        "proration_behavior": entry.get("proration_behavior") or "create_prorations",
    }
    if not entry.get("items"):
        raise errors.missing_parameter(f"{label}[items]")
    for index, item in enumerate(entry["items"]):
        phase["items"].append(_read_item(reading, item, f"{label}[items][{index}]"))
    named = [item["price"] for item in phase["items"]]
    if len(set(named)) < len(named):
        raise errors.invalid(
            "Cannot add multiple subscription items with the same plan.", f"{label}[items]"
        )
    first = world.store.peek("price", named[0])
    phase["currency"] = first["currency"] if first else None
    return phase


def _read_item(reading: Reading, item: Json, label: str) -> Json:
    world = reading.world
    named = item.get("price") or item.get("plan")
    resent = named in reading.known and world.switches.inactive_price_resent == "ok"
    if resent and not item.get("price_data"):
        price = world.store.peek("price", str(named))
    else:
        price = choose_price(world, item, label)
    if price is None:
        raise errors.missing_parameter(f"{label}[price]")
    return phase_item(
        price["id"],
        pieces(price, item.get("quantity"), label),
        discounts=_discounts(world, item.get("discounts"), f"{label}[discounts]"),
        metadata=dict(item.get("metadata") or {}),
        tax_rates=find_rates(world, item.get("tax_rates"), f"{label}[tax_rates]"),
    )


def _discounts(world: World, entries: list[Json] | None, label: str) -> list[Json]:
    shown = []
    families = (("coupon", "coupon"), ("promotion_code", "promotion_code"), ("discount",) * 2)
    for index, entry in enumerate(entries or []):
        for name, family in families:
            if entry.get(name):
                world.require(family, entry[name], f"{label}[{index}][{name}]")
        shown.append({name: entry.get(name) for name, _ in families})
    return shown


def _extra(world: World, entry: Json, label: str) -> Json:
    """As it is shown: by the id of a price, also where the price was given inline."""
    price = entry.get("price")
    if entry.get("price_data"):
        price = inline_price(world, entry["price_data"], f"{label}[price_data]")["id"]
    period = {"end": {"type": "min_item_period_end"}, "start": {"type": "max_item_period_start"}}
    return {
        "discountable": entry.get("discountable"),
        "discounts": entry.get("discounts") or [],
        "metadata": dict(entry.get("metadata") or {}),
        "period": period,
        "price": price,
        "quantity": entry.get("quantity"),
        "tax_rates": entry.get("tax_rates") or [],
    }


def _read_trial(reading: Reading, entry: Json, phase: Json, label: str) -> None:
    """`trial` is the whole phase, `trial_end` a moment not after its end (§3.7)."""
    end = entry.get("trial_end")
    if entry.get("trial") and end is not None:
        raise errors.invalid(
            "You may only specify one of these parameters: trial, trial_end.", f"{label}[trial]"
        )
    if entry.get("trial"):
        phase["trial_end"] = phase["end_date"]
    elif end is not None:
        phase["trial_end"] = reading.now if end == "now" else int(end)
    if phase["trial_end"] is None:
        return
    if phase["trial_end"] > phase["end_date"]:
        raise errors.invalid(
            "The `trial_end` of a phase must not be after its `end_date`.", f"{label}[trial_end]"
        )
    if phase["billing_cycle_anchor"] == "phase_start":
        raise errors.invalid(
            "`billing_cycle_anchor` cannot be `phase_start` if the phase has a trial.",
            f"{label}[billing_cycle_anchor]",
        )
