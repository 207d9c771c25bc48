"""Invoices, and what went back or is claimed back of them, as callers read them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from .clock import iso
from .quotes.documents import money
from .tables import InvoiceRow, ReversalRow


def invoice_document(row: InvoiceRow) -> dict[str, Any]:
    """An invoice as callers read it; its lines are Stripe's."""
    return {
        "id": row.id,
        "number": row.number,
        "status": row.status,
        "subscription": row.subscription_id,
        "billing_reason": row.billing_reason,
        "created_at": iso(row.created_at),
        "subtotal": money(row.subtotal, row.currency),
        "total": money(row.total, row.currency),
        "amount_due": money(row.amount_due, row.currency),
        "amount_paid": money(row.amount_paid, row.currency),
        "amount_remaining": money(row.amount_remaining, row.currency),
        "balance_used": money(row.balance_used, row.currency),
        "attempt_count": row.attempt_count,
        "next_payment_attempt": iso(row.next_payment_attempt),
        "pay_url": row.hosted_invoice_url if row.status == "open" else None,
        "finalization_error": row.finalization_error,
        "gone_at_stripe": row.gone,
        "lines": row.lines,
    }


def reversals_document(tx: Session, which: ColumnElement[bool]) -> dict[str, Any]:
    """Refunds and disputes, newest first: what went back, and what is claimed back."""
    order = (ReversalRow.created_at.desc(), ReversalRow.id.desc())
    rows = tx.scalars(select(ReversalRow).where(which).order_by(*order)).all()
    return {
        "refunds": [_reversal(row) for row in rows if row.kind == "refund"],
        "disputes": [
            {**_reversal(row), "respond_by": iso(row.respond_by)}
            for row in rows
            if row.kind == "dispute"
        ],
    }


def _reversal(row: ReversalRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "invoice": row.invoice_id,
        "amount": money(row.amount, row.currency),
        "status": row.status,
        "reason": row.reason,
        "created_at": iso(row.created_at),
    }
