"""What has moved along with an object, although no event need tell of it."""

from __future__ import annotations

from sqlalchemy import select

from adapter.checkouts.mirroring import FetchedCheckout
from adapter.database import Database
from adapter.gateway.snapshots import CheckoutSnapshot, CustomerSnapshot, InvoiceSnapshot
from adapter.holdings import LIVE
from adapter.mirror import Fetched
from adapter.tables import AccountRow, SubscriptionRow
from adapter.tombstones import Absent

from .refs import Ref


class Along:
    """Says what else is to be fetched with what was fetched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, got: object) -> tuple[Ref, ...]:
        """What came about at a page; the customer whose balance an invoice used, or was given back;
        the subscriptions that ended with their customer.
        """
        match got:
            case FetchedCheckout(CheckoutSnapshot(subscription=subscription, invoice=invoice)):
                made = [Ref("subscription", subscription)] if subscription else []
                return (*made, Ref("invoice", invoice)) if invoice else tuple(made)
            case Fetched(
                InvoiceSnapshot(customer=customer, ending_balance=int(after), starting_balance=was)
            ):
                return (Ref("customer", customer),) if after != was else ()
            case Fetched(CustomerSnapshot(id=customer, deleted=True)):
                return self._live_subscriptions(customer)
            case Absent(kind="customer", id=customer):
                return self._live_subscriptions(customer)
            case _:
                return ()

    def _live_subscriptions(self, customer: str) -> tuple[Ref, ...]:
        with self._database.read() as tx:
            found = tx.scalars(
                select(SubscriptionRow.id)
                .join(AccountRow, AccountRow.seq == SubscriptionRow.account_seq)
                .where(AccountRow.customer_id == customer, SubscriptionRow.status.in_(LIVE))
                .order_by(SubscriptionRow.id)
            )
            return tuple(Ref("subscription", each) for each in found)
