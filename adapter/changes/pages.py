"""What a plan change comes to when the page its customer was sent to is completed or left.

A change whose customer has nothing saved to charge waits at a Checkout Session. A *subscription*
page sells the first plan by itself: the subscription it makes carries the change's id, and is
adopted when the mirror sees it. A *setup* page only saves a method; then the change goes on as any
other.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..due import Work, arm, is_pending
from ..gateway.snapshots import CheckoutSnapshot
from ..tables import AccountRow, ChangeLineRow
from .settling import Moment, finish
from .states import State, move


class Page(StrEnum):
    """Which page a change's customer is sent to first; Stripe's word for its mode."""

    SUBSCRIPTION = "subscription"
    SETUP = "setup"


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
    )
    for line in waiting.all():
        if session.status == "expired":
            asked = is_pending(tx, Work.UNDO, change_id)
            state = State.CANCELLED if asked else State.EXPIRED
            cause = "cancelled by the caller" if asked else "the page was left without paying"
            finish(tx, catalogue, account, line, state, cause, at)
        elif session.status == "complete" and session.mode == Page.SETUP:
            move(tx, line, State.EXECUTING, "the customer saved a payment method", at.wall)
            line.payment_url = None
            owner = account.customer_id or account.id
            arm(tx, Work.CARRY_OUT, change_id, owner, at.wall)
