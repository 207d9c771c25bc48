"""Whether a price is still used, so that it has to stay active."""

from __future__ import annotations

from sqlalchemy import Text, cast, select

from ..changes.states import OPEN
from ..database import Database
from ..gateway.read import Reader
from ..gateway.snapshots import LIVE_SCHEDULE
from ..tables import ChangeLineRow, LineRow, ScheduleRow, SubscriptionRow


class Use:
    """Answers for prices that are not sold any more, at most one call to Stripe for each.

    What is known here is asked first: Stripe names neither the phases of a schedule nor, without
    their customer, subscriptions on a test clock
    (https://docs.stripe.com/api/subscriptions/list#list_subscriptions-test_clock).
    """

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database = database
        self._reader = reader

    def of(self, price: str) -> bool:
        """Whether a live subscription, an open plan change (a scheduled one too) or a phase of a
        live schedule needs it.
        """
        return self._known(price) or self._reader.has_subscription_on(price)

    def _known(self, price: str) -> bool:
        awaited = select(ChangeLineRow.seq).where(
            ChangeLineRow.price_id == price,
            ChangeLineRow.state.in_([state.value for state in OPEN]),
        )
        paid = (
            select(LineRow.id)
            .join(SubscriptionRow, SubscriptionRow.id == LineRow.subscription_id)
            .where(LineRow.price_id == price, LineRow.removed.is_(False))
            .where(SubscriptionRow.ended_at.is_(None))
        )
        # An id names one thing, so finding it in the text of the phases is finding it in one.
        planned = select(ScheduleRow.id).where(
            ScheduleRow.status.in_(LIVE_SCHEDULE),
            cast(ScheduleRow.phases, Text).contains(f'"{price}"', autoescape=True),
        )
        with self._database.read() as tx:
            return any(tx.execute(found.limit(1)).first() for found in (awaited, paid, planned))
