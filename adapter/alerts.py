"""What at Stripe waits for a person: read from the mirror, so it ends by itself once it is settled.

``planshift doctor`` says each, ``/metrics`` counts them; the log has told of each when it came.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from .gateway.snapshots import NEEDS_RESPONSE
from .tables import InvoiceRow, PriceRow, ReversalRow


class Alert(StrEnum):
    """The kinds of alerts."""

    DISPUTES = "disputes"
    INVOICES = "invoices"
    PRICES = "prices"


def alerts(tx: Session) -> dict[Alert, list[str]]:
    """Every alert, each as one line; a kind without any is there with none."""
    disputes = tx.scalars(
        select(ReversalRow)
        .where(ReversalRow.kind == "dispute", ReversalRow.status.in_(NEEDS_RESPONSE))
        .order_by(ReversalRow.respond_by, ReversalRow.id)
    )
    invoices = tx.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.finalization_error.is_not(None), InvoiceRow.status == "draft")
        .order_by(InvoiceRow.created_at, InvoiceRow.id)
    )
    prices = tx.scalars(
        select(PriceRow.drift).where(PriceRow.drift.is_not(None), PriceRow.current).distinct()
    )
    return {
        Alert.DISPUTES: [_dispute(row) for row in disputes],
        Alert.INVOICES: [
            f"{row.id} cannot be finalized: {row.finalization_error}" for row in invoices
        ],
        Alert.PRICES: sorted(drift for drift in prices if drift),
    }


def _dispute(row: ReversalRow) -> str:
    until = f" by {row.respond_by:%Y-%m-%d}" if row.respond_by else ""
    return f"{row.id} ({row.reason}) on invoice {row.invoice_id} needs a response{until}"
