"""What Stripe says of our Checkout Sessions, stored under the ticket rule, and what follows.

Nothing is written to Stripe from here, so webhook handlers may reach it: what has to be written is
armed as due work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..changes.pages import page_seen
from ..clock import Clock, Moment
from ..database import Database
from ..due import Work, arm, disarm
from ..gateway.failures import Gone
from ..gateway.read import Reader
from ..gateway.snapshots import CheckoutSnapshot
from ..locks import locked_account
from ..purchases.settling import checkout_seen
from ..tables import AccountRow, CheckoutRow
from ..tombstones import Absent

# Metadata that names our row; it is found again by this if the answer to its creation was lost.
CHECKOUT_KEY = "planshift_checkout"


class Purpose(StrEnum):
    """What a Checkout Session is for."""

    METHOD = "method"  # to save a payment method; subject: a digest of the request
    PURCHASE = "purchase"  # subject: purchase id
    CHANGE = "change"  # subject: plan change id


@dataclass(frozen=True)
class FetchedCheckout:
    """A Checkout Session as Stripe had it, with the ticket taken before asking."""

    snapshot: CheckoutSnapshot
    ticket: int

    @property
    def customer(self) -> str:
        """Whose it is; "" for a page that nobody known was sent to."""
        return self.snapshot.customer


class CheckoutMirror:
    """Fetches Checkout Sessions and stores those that are ours."""

    def __init__(
        self, database: Database, reader: Reader, catalogue: Catalogue, clock: Clock
    ) -> None:
        self._database = database
        self._reader = reader
        self._catalogue = catalogue
        self._clock = clock

    def fetch(self, session_id: str) -> FetchedCheckout:
        """Ask Stripe for a Checkout Session (outside any transaction)."""
        ticket = self._database.next_ticket()
        return FetchedCheckout(self._reader.checkout(session_id), ticket)

    def seek(self, session_id: str) -> FetchedCheckout | Absent:
        """Ask Stripe for a session that may be gone (outside any transaction)."""
        ticket = self._database.next_ticket()
        try:
            return FetchedCheckout(self._reader.checkout(session_id), ticket)
        except Gone:
            return Absent("checkout", session_id, ticket)

    def bury(self, tx: Session, absent: Absent, heard: Moment) -> bool:
        """A page that Stripe does not have any more is one that expired: nobody can pay there."""
        row = tx.scalars(select(CheckoutRow).where(CheckoutRow.session_id == absent.id)).first()
        if row is None or row.state != "open":
            return False
        return self.store(tx, FetchedCheckout(_expired(row, heard), absent.ticket), heard)

    def refresh(self, account: AccountRow, session_id: str) -> CheckoutSnapshot:
        """Fetch a session and store it; gives what Stripe said."""
        fetched = self.fetch(session_id)
        at = self._reader.billing_now(account.test_clock)
        with self._database.write() as tx:
            self.store(tx, fetched, Moment(self._clock.now(), at))
        return fetched.snapshot

    def store(self, tx: Session, fetched: FetchedCheckout, heard: Moment) -> bool:
        """Store what was fetched; False if a younger read was there already, or it is not ours.

        The account's row is locked first, as by the mirror, so that two stores for one account
        never interleave.
        """
        session, ticket = fetched.snapshot, fetched.ticket
        account = locked_account(tx, session.customer)
        row = tx.scalars(
            select(CheckoutRow).where(CheckoutRow.id == session.metadata.get(CHECKOUT_KEY, ""))
        ).first()
        if account is None or row is None or row.account_seq != account.seq:
            return False
        if row.ticket >= ticket:
            return False
        was = row.state
        _copy(row, session, ticket)
        tx.flush()
        if row.purpose == Purpose.PURCHASE:
            checkout_seen(tx, self._catalogue, row.subject, session, heard)
        if row.purpose == Purpose.CHANGE:
            page_seen(tx, self._catalogue, account, row.subject, session, heard)
        if row.state not in {was, "open"}:
            self._closed(tx, account, row, heard.wall)
        return True

    def _closed(self, tx: Session, account: AccountRow, row: CheckoutRow, now: datetime) -> None:
        """The worker makes what was saved the default; nothing is written to Stripe from here."""
        if row.state == "complete" and row.purpose == Purpose.METHOD:
            arm(tx, Work.CHECKOUT, row.id, account.customer_id or account.id, now)
        else:
            disarm(tx, Work.CHECKOUT, row.id)


def _expired(row: CheckoutRow, heard: Moment) -> CheckoutSnapshot:
    assert row.session_id is not None
    return CheckoutSnapshot(
        id=row.session_id,
        customer=row.account.customer_id or "",
        mode=row.params["mode"],
        status="expired",
        payment_status=row.payment_status or "unpaid",
        url=None,
        expires_at=row.expires_at or heard.billing,
        subscription=None,
        invoice=None,
        setup_intent=None,
        payment_method=None,
        payment=None,
        metadata={CHECKOUT_KEY: row.id},
    )


def _copy(row: CheckoutRow, session: CheckoutSnapshot, ticket: int) -> None:
    row.ticket = ticket
    row.session_id = session.id
    row.state = session.status
    row.url = session.url
    row.expires_at = session.expires_at
    row.payment_status = session.payment_status
    row.payment_method = session.payment_method or row.payment_method
    row.subscription_id = session.subscription
