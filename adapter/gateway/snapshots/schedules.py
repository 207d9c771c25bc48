"""Subscription schedules and their phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fields import field, metadata_of, moment, object_id, plain

LIVE_SCHEDULE = frozenset({"not_started", "active"})


@dataclass(frozen=True)
class ScheduleSnapshot:
    """A schedule; ``phases`` are Stripe's own, as plain JSON values, for they are sent back whole
    (stripe-facts §3.7). ``phase_start`` is that of the current phase.
    """

    id: str
    customer: str
    subscription: str | None
    status: str
    end_behavior: str
    phases: tuple[Mapping[str, Any], ...]
    phase_start: datetime | None
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, schedule: Any) -> ScheduleSnapshot:
        current = field(schedule, "current_phase")
        return cls(
            id=schedule["id"],
            customer=str(object_id(schedule["customer"])),
            subscription=object_id(field(schedule, "subscription"))
            or object_id(field(schedule, "released_subscription")),
            status=schedule["status"],
            end_behavior=schedule["end_behavior"],
            phases=tuple(plain(phase) for phase in schedule["phases"]),
            phase_start=moment(current["start_date"]) if current else None,
            metadata=metadata_of(schedule),
        )
