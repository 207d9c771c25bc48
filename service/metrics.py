"""Counters for Prometheus, in a registry of their own (tests build many apps in one process)."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from adapter.alerts import Alert
from adapter.sweeps import SweepStatus

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


class SweepGauges:
    """When backfill and reconcile last came to their end, and what they found."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Gauge(
            "planshift_sweep_last_success_timestamp_seconds",
            "Unix time at which the last one ended; 0 if none has",
            ["sweep"],
            registry=registry,
        )
        self._found = Gauge(
            "planshift_sweep_found",
            "Events that were missing, differences from Stripe, in the last one",
            ["sweep"],
            registry=registry,
        )

    def set_from(self, backfill: SweepStatus, reconcile: SweepStatus) -> None:
        """Take over how they stand."""
        for name, sweep, found in (
            ("backfill", backfill, "missing"),
            ("reconcile", reconcile, "differences"),
        ):
            self._ended.labels(name).set(sweep.ended_at.timestamp() if sweep.ended_at else 0)
            self._found.labels(name).set(sweep.found.get(found, 0))


class AlertsGauge:
    """How much at Stripe waits for a person, by kind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            "planshift_alerts", "What waits for a person", ["kind"], registry=registry
        )

    def set_from(self, found: Mapping[Alert, Sized]) -> None:
        """Take over the counts of ``found``."""
        for kind, those in found.items():
            self._gauge.labels(kind.value).set(len(those))


@dataclass(frozen=True)
class Metrics:
    """All metrics of one process."""

    registry: CollectorRegistry
    events: Counter
    inbox: InboxGauge
    sweeps: SweepGauges
    alerts: AlertsGauge

    @classmethod
    def new(cls) -> Metrics:
        """Fresh metrics at zero."""
        registry = CollectorRegistry()
        events = Counter(
            "planshift_events_received", "Events received", ["outcome"], registry=registry
        )
        return cls(
            registry, events, InboxGauge(registry), SweepGauges(registry), AlertsGauge(registry)
        )
