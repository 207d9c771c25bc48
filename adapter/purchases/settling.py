"""What a purchase comes to when its payment is heard of, from whoever hears of it first.

Called inside the transaction that learns it (of a webhook, of our own write's answer, of the
worker looking), so the state and the grant are committed together, exactly once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..clock import Moment
from ..due import BILLING, Work, arm, disarm
from ..gateway.snapshots import CheckoutSnapshot, InvoiceSnapshot
from ..tables import PurchaseRow
from .granting import book
from .states import UNFINISHED, State, move

# Over without money, as far as Stripe is concerned.
WRITTEN_OFF = frozenset({"void", "uncollectible"})
# A bank debit takes days; it is looked at now and then, should the event of its end be lost.
DEBIT_LOOK = timedelta(days=1)
PAID = frozenset({"paid", "no_payment_required"})


def invoice_seen(
    tx: Session, catalogue: Catalogue, invoice: InvoiceSnapshot, moment: Moment
) -> None:
    """Settle the purchase this invoice belongs to, if it belongs to one."""
    purchase = tx.scalars(select(PurchaseRow).where(PurchaseRow.invoice_id == invoice.id)).first()
    if purchase is None:
        return
    if invoice.status == "paid":
        grant(tx, catalogue, purchase, moment, "the invoice was paid")
    elif invoice.status in WRITTEN_OFF and State(purchase.state) in UNFINISHED:
        # Whoever gives it up notes the failure before voiding.
        state = State.FAILED if purchase.failure else State.EXPIRED
        ends(tx, purchase, state, f"the invoice is {invoice.status}", moment.wall)


def checkout_seen(
    tx: Session, catalogue: Catalogue, purchase_id: str, session: CheckoutSnapshot, moment: Moment
) -> None:
    """Settle the purchase that this Checkout Session was made for."""
    purchase = tx.scalars(select(PurchaseRow).where(PurchaseRow.id == purchase_id)).one()
    purchase.invoice_id = session.invoice or purchase.invoice_id
    if session.status == "expired":
        ends(tx, purchase, State.EXPIRED, "the page was left without paying", moment.wall)
    elif session.status == "complete" and session.payment_status in PAID:
        grant(tx, catalogue, purchase, moment, "it was paid at the page")
    elif session.status == "complete" and State(purchase.state) in UNFINISHED:
        _await_later(tx, purchase, session, moment)


def _await_later(
    tx: Session, purchase: PurchaseRow, session: CheckoutSnapshot, moment: Moment
) -> None:
    """The customer agreed to a payment that takes days; or it has come to nothing by now."""
    account = purchase.account
    owner = account.customer_id or account.id
    if refused_later(session):
        purchase.failure = {
            "code": None,
            "message": "The payment was begun at the page and refused days later.",
            "declined": True,
        }
        # What still asks for it is voided by the worker: nothing is written to Stripe from here.
        arm(tx, Work.BUY, purchase.id, owner, moment.wall)
        return
    move(tx, purchase, State.AWAITING_PAYMENT, "the payment takes some days", moment.wall)
    arm(
        tx, Work.BUY, purchase.id, owner, moment.billing + DEBIT_LOOK, account.test_clock or BILLING
    )


def refused_later(session: CheckoutSnapshot) -> bool:
    """Whether a payment that takes days was agreed to at the page and then came to nothing."""
    unpaid = session.status == "complete" and session.payment_status == "unpaid"
    return unpaid and session.payment in ("requires_payment_method", "canceled")


def grant(
    tx: Session, catalogue: Catalogue, purchase: PurchaseRow, moment: Moment, cause: str
) -> bool:
    """The purchase is paid: book its units. False if that was done before."""
    if not move(tx, purchase, State.GRANTED, cause, moment.wall):
        return False
    purchase.granted_at = moment.billing
    purchase.payment_url = None
    purchase.failure = None
    book(tx, catalogue, purchase, moment.billing)
    disarm(tx, Work.BUY, purchase.id)
    return True


def ends(tx: Session, purchase: PurchaseRow, state: State, cause: str, now: datetime) -> None:
    """The purchase is over without having been paid."""
    if move(tx, purchase, state, cause, now):
        purchase.payment_url = None
        disarm(tx, Work.BUY, purchase.id)
