"""Counters for Prometheus, in a registry of their own (tests build many apps in one process)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

STATES = ("pending", "processed", "ignored", "foreign", "dead")


class InboxGauge:
    """How many events stand in each state, read from the database when asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "planshift_events", "Events in the inbox by state", ["state"], registry=registry
        )

    def set_from(self, counts: Mapping[str, int]) -> None:
        """Take over ``counts``; a state without events is 0."""
        for state in STATES:
            self._gauge.labels(state).set(counts.get(state, 0))


@dataclass(frozen=True)
class Metrics:
    """All metrics of one process."""

    registry: CollectorRegistry
    events: Counter
    inbox: InboxGauge

    @classmethod
    def new(cls) -> Metrics:
        """Fresh metrics at zero."""
        registry = CollectorRegistry()
        events = Counter(
            "planshift_events_received", "Events received", ["outcome"], registry=registry
        )
        return cls(registry, events, InboxGauge(registry))
