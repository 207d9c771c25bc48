"""The money of one choice of a quote, from Stripe's own previews."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..gateway.snapshots import InvoiceSnapshot
from ..prices import CurrentPrice
from .documents import money
from .targets import Target


def billed_now(invoice: InvoiceSnapshot, price: str | None, at: datetime) -> dict[str, Any]:
    """The money of a change that takes effect now, from Stripe's own preview of its invoice."""
    currency = invoice.currency
    credit = -sum(line.amount for line in invoice.lines if line.amount < 0)
    available = max(-invoice.starting_balance, 0)
    renewals = [line.period_end for line in invoice.lines if line.price == price]
    return {
        "effective_at": at.isoformat(),
        "due_now": money(invoice.amount_due, currency),
        "subtotal": money(invoice.subtotal, currency),
        "total": money(invoice.total, currency),
        "credit": money(credit, currency),
        "balance_used": money(min(available, max(invoice.total, 0)), currency),
        "credited_to_balance": money(max(-invoice.total, 0), currency),
        "lines": [line.to_json() for line in invoice.lines],
        "scheduled": [],
        "next_invoice": None,
        "next_invoice_at": max(renewals).isoformat() if renewals else None,
    }


def billed_anew(
    invoice: InvoiceSnapshot, ending: InvoiceSnapshot | None, price: str | None, at: datetime
) -> dict[str, Any]:
    """The money of a new subscription in the place of one that ends now.

    ``invoice`` previews the new one with the balance of today, ``ending`` the credit that the end
    of the old one brings (None: none). Stripe previews the two one by one; together, that credit
    is on the balance when the new invoice is made.
    """
    currency = invoice.currency
    credit = max(-ending.total, 0) if ending else 0
    available = max(-invoice.starting_balance, 0) + credit
    return {
        **billed_now(invoice, price, at),
        "due_now": money(max(invoice.amount_due - credit, 0), currency),
        "credit": money(credit, currency),
        "balance_used": money(min(available, max(invoice.total, 0)), currency),
        "credited_to_balance": money(credit, currency),
        "ending_lines": [line.to_json() for line in ending.lines] if ending else [],
    }


def billed_apart(
    invoice: InvoiceSnapshot, ending: InvoiceSnapshot | None, price: str | None, at: datetime
) -> dict[str, Any]:
    """The money of what is bought at a page, with what is left of the old plans credited after it.

    ``invoice`` previews the new subscription, which is paid whole; ``ending`` the credit that the
    end of the old lines brings to the balance (None: none).
    """
    currency = invoice.currency
    credit = max(-ending.total, 0) if ending else 0
    return {
        **billed_now(invoice, price, at),
        "credited_to_balance": money(credit, currency),
        "ending_lines": [line.to_json() for line in ending.lines] if ending else [],
    }


def billed_later(preview: InvoiceSnapshot | None, currency: str, at: datetime) -> dict[str, Any]:
    """The money of a change at the period's end: nothing now; ``preview`` is of its first invoice.

    The first invoice is as Stripe sees it today: what is on the balance by then may differ.
    """
    return {**billed_nothing(currency, at), **_next_invoice(preview, at)}


def with_later(
    timing: dict[str, Any],
    later: Sequence[Target],
    preview: InvoiceSnapshot | None,
    at: datetime,
) -> dict[str, Any]:
    """The money of an order with what comes about on dates of its own: shown, and not due.

    ``preview`` is of the first invoice of those that come first, ``at``.
    """
    following = _next_invoice(preview, at)
    return {**timing, **following, "scheduled": [_scheduled(one) for one in later]}


def _scheduled(target: Target) -> dict[str, Any]:
    """A line of an order that is not due yet: inactive until its date, and charged only then."""
    held, price = target.held, target.price
    assert held is not None
    return {
        "family": target.family,
        "subscription": held.subscription.id,
        "effective_at": held.line.period_end.isoformat(),
        "price": _each_period(price, target.quantity) if price else None,
        "active": False,
    }


def _each_period(price: CurrentPrice, quantity: int) -> dict[str, Any] | None:
    """What it costs a period; None if that depends on what is used."""
    return (
        None if price.unit_amount is None else money(price.unit_amount * quantity, price.currency)
    )


def _next_invoice(preview: InvoiceSnapshot | None, at: datetime) -> dict[str, Any]:
    if preview is None:
        return {}
    return {
        "next_invoice": {
            "at": at.isoformat(),
            "total": money(preview.total, preview.currency),
            "amount_due": money(preview.amount_due, preview.currency),
            "lines": [line.to_json() for line in preview.lines],
        },
        "next_invoice_at": at.isoformat(),
    }


def billed_nothing(currency: str, at: datetime) -> dict[str, Any]:
    """The money of a change that moves none."""
    nothing = money(0, currency)
    return {
        "effective_at": at.isoformat(),
        "due_now": nothing,
        "subtotal": nothing,
        "total": nothing,
        "credit": nothing,
        "balance_used": nothing,
        "credited_to_balance": nothing,
        "lines": [],
        "scheduled": [],
        "next_invoice": None,
        "next_invoice_at": None,
    }
