"""Events of meters: usage that was taken and then not counted."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def not_counted(event: EventRow) -> list[Ref]:
    """``billing.meter.error_report_triggered``, ``billing.meter.no_meter_found``."""
    return [Ref("meter_report", event.id)]
