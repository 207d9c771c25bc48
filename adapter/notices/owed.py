"""Telling of a payment that was not made, once per attempt, with the link to pay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from mappings import Money

from ..tables import AccountRow, InvoiceRow
from .outbox import Kind, queue


def tell_payment_failed(
    tx: Session, account: AccountRow, invoice: InvoiceRow, now: datetime
) -> None:
    """Queue the notice of the last attempt to pay ``invoice``. ``now`` is wall time."""
    again = invoice.next_payment_attempt
    facts = {
        "invoice": invoice.id,
        "number": invoice.number,
        "amount": str(Money(invoice.amount_remaining, invoice.currency)),
        "pay_url": invoice.hosted_invoice_url,
        "next_attempt": again.isoformat() if again else None,
        "attempt": invoice.attempt_count,
    }
    occasion = f"{invoice.id}:failed:{invoice.attempt_count}"
    queue(tx, account, Kind.PAYMENT_FAILED, occasion, facts, now)
