"""At which moment an event is billed: when the units were used, or later, if that is closed.

A period's usage is billed with the invoice that its end brings, and that counts until it is
finalized, about an hour later (Stripe docs: invoice finalization grace period). What Stripe takes
for a period whose invoice is final is never billed. So an event is never sent there: it goes to
the running period, at the moment it is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ..gateway.snapshots import InvoiceSnapshot
from ..tables import LineRow, MeterEventRow, SubscriptionRow
from .booking import CLOCKS

# Stripe takes events of the past 35 days (API reference: meter events); a day is left for clocks.
OLDEST = timedelta(days=34)
# What is sent counts some time after; a draft that is final before that does not have it.
MARGIN = timedelta(minutes=10)


def billed_at(
    event: MeterEventRow,
    sub: SubscriptionRow,
    line: LineRow,
    now: datetime,
    fetch_invoice: Callable[[str], InvoiceSnapshot],
) -> datetime | None:
    """The moment to send the event with; None if nothing will ever bill it, since its subscription
    has ended and its last invoice is made. ``sub`` and ``line`` are as Stripe has them now.
    """
    over = sub.ended_at is not None or line.removed
    if not over and event.at >= line.period_start:
        return max(event.at, now - OLDEST)
    if sub.latest_invoice and _counts(fetch_invoice(sub.latest_invoice), event, line, now):
        return event.at
    return None if over else max(now - CLOCKS, line.period_start)


def _counts(invoice: InvoiceSnapshot, event: MeterEventRow, line: LineRow, now: datetime) -> bool:
    """Whether the invoice is a draft of the period that the units were used in."""
    if invoice.status != "draft":
        return False
    if invoice.finalizes_at is not None and invoice.finalizes_at - now < MARGIN:
        return False
    return any(
        billed.price == line.price_id and billed.period_start <= event.at < billed.period_end
        for billed in invoice.lines
    )
