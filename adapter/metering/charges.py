"""Calculating what a period has come to, some days before it is billed: by Stripe, never by us."""

from __future__ import annotations

from ..database import Database
from ..due import Work, disarm, generation_of
from ..gateway.failures import Refused
from ..gateway.read import Reader
from ..gateway.snapshots import InvoiceSnapshot
from ..holdings import IN_FORCE
from ..rows import insert_once
from ..tables import AccountRow, ChargesRow, LineRow, SubscriptionRow
from .planning import is_calculated, metered_line
from .sending import Sending
from .standing import units_sent

# Stripe's word for a subscription that no invoice is coming for.
NOTHING_COMES = "invoice_upcoming_none"


class Charges:
    """Keeps, once per line and period, what it had come to."""

    def __init__(self, database: Database, reader: Reader, sending: Sending) -> None:
        self._database = database
        self._reader = reader
        self._sending = sending

    def calculate(self, subscription_id: str) -> None:
        """Calculate and keep the charges so far; called by the worker. A period that is over by
        now, or was calculated before, is left alone: the mirror asks for the next one.

        Raises: Unavailable, and the classes of ``gateway.failures``: Stripe did not answer.
        """
        with self._database.read() as tx:
            generation = generation_of(tx, Work.CHARGES, subscription_id)
            sub = tx.get_one(SubscriptionRow, subscription_id)
            account = tx.get_one(AccountRow, sub.account_seq)
            line = metered_line(sub)
            over = line is None or sub.status not in IN_FORCE or is_calculated(tx, line)
        if line is not None and not over:
            # What waits would be missing in what Stripe calculates.
            self._sending.all_of(account)
            self._keep(account, sub, line)
        with self._database.write() as tx:
            disarm(tx, Work.CHARGES, subscription_id, generation)

    def _keep(self, account: AccountRow, sub: SubscriptionRow, line: LineRow) -> None:
        now = self._reader.billing_now(account.test_clock)
        if now >= line.period_end:
            return
        with self._database.read() as tx:
            # What is reported from now on is not in what Stripe calculates: nothing of this
            # customer is sent meanwhile.
            units = units_sent(tx, line.id, line.period_start)
        preview = self._preview(sub)
        with self._database.write() as tx:
            values = {
                "account_seq": account.seq,
                "subscription_id": sub.id,
                "item_id": line.id,
                "period_start": line.period_start,
                "period_end": line.period_end,
                "units": units,
                "currency": sub.currency,
                "total": preview.total if preview else 0,
                "amount_due": preview.amount_due if preview else 0,
                "lines": [each.to_json() for each in preview.lines] if preview else [],
                "calculated_at": now,
            }
            insert_once(tx, ChargesRow, values)

    def _preview(self, sub: SubscriptionRow) -> InvoiceSnapshot | None:
        """The invoice that comes; None if Stripe expects none, since nothing was used."""
        try:
            return self._reader.preview({"subscription": sub.id})
        except Refused as refused:
            if refused.code != NOTHING_COMES:
                raise
            return None
