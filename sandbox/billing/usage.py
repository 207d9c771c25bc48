"""What was used: meter events counted as their meter says (Stripe docs: meters)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ..kernel.errors import Json
from ..kernel.world import World

WINDOWS = {"hour": 3_600, "day": 86_400}


def used(world: World, meter: Json, customer: str, start: int, end: int) -> Fraction:
    """The customer's usage with a time in [start, end), exact.

    Events count once they are processed: at once, or after the named switch's lag.
    """
    ready = world.now({"customer": customer}) - world.switches.meter_lag_seconds
    events = [
        event
        for event in world.store.where("billing.meter_event", "_customer", customer)
        if event["event_name"] == meter["event_name"]
        and start <= event["timestamp"] < end
        and event["created"] <= ready
        and not event["_canceled"]
    ]
    # of several with one timestamp the one that came last is the latest
    events.sort(key=lambda event: (event["timestamp"], event["_seq"]))
    return _aggregate(meter, _last_of_windows(meter, events))


def _last_of_windows(meter: Json, events: list[Json]) -> list[Json]:
    """Where events are sums already (`event_time_window`), the newest of each window replaces the
    others (Stripe docs: recording usage)."""
    width = WINDOWS.get(meter["event_time_window"] or "")
    if width is None:
        return events
    newest: dict[int, Json] = {}
    for event in sorted(events, key=lambda event: int(event["_seq"])):
        newest[event["timestamp"] // width] = event
    return [newest[window] for window in sorted(newest)]


def _aggregate(meter: Json, events: list[Json]) -> Fraction:
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return Fraction(len(events))
    values: Iterable[Fraction] = (Fraction(event["_value"]) for event in events)
    if formula == "last":
        return list(values)[-1] if events else Fraction(0)
    return sum(values, Fraction(0))


def plain_number(value: Fraction) -> int | float:
    """A JSON number: whole where it is whole."""
    return value.numerator if value.denominator == 1 else float(value)
