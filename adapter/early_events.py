"""Events that came before the account they belong to.

Stripe may tell of a customer before our own commit says whose it is, or long before an account is
made for it. Nothing of that is lost: the moment a customer becomes an account, its events are run.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from .tables import EventRow
from .tables.work import FOREIGN, PENDING


def wake(tx: Session, customer_id: str, now: datetime) -> None:
    """Run every event of ``customer_id`` that waits for its account, or was set aside; at once."""
    waiting = EventRow.owner == customer_id, PENDING
    set_aside = EventRow.customer_id == customer_id, FOREIGN
    for found in (waiting, set_aside):
        tx.execute(
            update(EventRow)
            .where(*found)
            .values(state="pending", attempts=0, next_at=now, processed_at=None, error=None)
        )
