"""What a plan change comes to when the page its customer was sent to is completed or left.

A change whose customer has nothing saved to charge waits at a Checkout Session. A *subscription*
page sells by itself: the subscription it makes carries the change's id. First plans are adopted
when the mirror sees it; what it sells in the place of other lines goes on, for those have to be
taken off. A *setup* page only saves a method; then the change goes on as any other.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..clock import Moment
from ..due import Work, is_pending
from ..gateway.snapshots import CheckoutSnapshot
from ..tables import AccountRow, ChangeLineRow
from .going_on import go_on
from .settling import finish
from .states import State
from .verdicts import replaces


class Page(StrEnum):
    """Which page a change's customer is sent to first; Stripe's word for its mode."""

    SUBSCRIPTION = "subscription"
    SETUP = "setup"


def is_paid(state: str, payment_status: str | None) -> bool:
    """Whether a page is completed and paid, or had nothing to be paid (Stripe's words)."""
    return state == "complete" and payment_status in ("paid", "no_payment_required")


def page_seen(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    change_id: str,
    session: CheckoutSnapshot,
    at: Moment,
) -> None:
    """Move the lines that wait at this page, if it is not open any more."""
    waiting = tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.change.has(id=change_id))
        .where(ChangeLineRow.state == State.AWAITING_PAYMENT.value)
        .where(ChangeLineRow.invoice_id.is_(None))
        .order_by(ChangeLineRow.seq)
    ).all()
    if session.status == "expired":
        asked = is_pending(tx, Work.UNDO, change_id)
        state = State.CANCELLED if asked else State.EXPIRED
        cause = "cancelled by the caller" if asked else "the page was left without paying"
        for line in waiting:
            # Those that were ordered along may have gone with one before.
            if State(line.state) is State.AWAITING_PAYMENT:
                finish(tx, catalogue, account, line, state, cause, at)
    elif session.status == "complete" and session.mode == Page.SETUP:
        go_on(tx, account, waiting, "the customer saved a payment method", at)
    elif is_paid(session.status, session.payment_status):
        replacing = [line for line in waiting if replaces(line)]
        go_on(tx, account, replacing, "the customer paid at the page", at)
