"""How the money of a plan stands: the invoice of its period, and the price of another."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue, Offer

from ..holdings import Holding
from ..prices import CurrentPrice, current_price
from ..tables import InvoiceRow


def invoice_status(tx: Session, held: Holding) -> str | None:
    """How the invoice of the current period stands, in Stripe's word.

    A change that was declined leaves its void invoice as the subscription's latest; what was paid
    for the period before that is still paid.
    """
    latest = tx.get(InvoiceRow, held.subscription.latest_invoice or "")
    if latest is None or latest.status != "void":
        return latest.status if latest is not None else None
    end = held.line.period_end.isoformat()
    earlier = tx.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.subscription_id == held.subscription.id, InvoiceRow.status != "void")
        .order_by(InvoiceRow.created_at.desc())
    )
    billing = (row for row in earlier if any(line["period"]["end"] == end for line in row.lines))
    return next((row.status for row in billing), "void")


def price_at_stripe(tx: Session, catalogue: Catalogue, offer: Offer | None) -> CurrentPrice | None:
    """The price at Stripe; None for an end, and for what is held by agreement."""
    if offer is None or offer.is_free or catalogue.is_agreed(offer):
        return None
    return current_price(tx, catalogue, offer)
