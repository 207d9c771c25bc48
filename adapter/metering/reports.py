"""Usage that Stripe took and then did not count: it says so some seconds later, in an event.

By then the meter event is settled here as sent. It becomes refused, as if Stripe had refused it at
once: its units stay in the ledger, are shown, and wait for a person.
"""

from __future__ import annotations

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..gateway.snapshots import MeterReport
from ..tables import MeterEventRow

log = structlog.get_logger(__name__)


def identifier(event: MeterEventRow) -> str:
    """The name under which a meter event is sent: another one each time it is sent anew."""
    return f"{event.id}-{event.round}"


def take_in(tx: Session, report: MeterReport) -> None:
    """Mark what was sent from here and not counted, but for rounds that were given up since. A
    report gives samples; what it only counts is logged, and is to be looked for at Stripe.
    """
    named = {given.rpartition("-")[0]: given for given in report.why}
    rows = tx.scalars(
        select(MeterEventRow)
        .where(MeterEventRow.id.in_(named))
        .order_by(MeterEventRow.seq)
        .with_for_update()
    )
    for row in rows:
        if identifier(row) == named[row.id] and row.state != "refused":
            row.state, row.error = "refused", report.why[named[row.id]]
            log.error("usage_refused", meter_event=row.id, units=row.units, why=row.error)
    if report.count > len(report.why):
        log.error("usage_refused_unnamed", events=report.count - len(report.why))
