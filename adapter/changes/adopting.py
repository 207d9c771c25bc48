"""What a page of Stripe's has sold for a change of ours, and what it was to be sold in place of."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from ..clock import Moment
from ..due import Work, arm
from ..holdings import ENDED, IN_FORCE
from ..tables import AccountRow, ChangeLineRow, SubscriptionRow
from .going_on import go_on
from .states import State
from .verdicts import replaces


def adopt(
    tx: Session,
    account: AccountRow,
    sub: SubscriptionRow,
    lines: Sequence[ChangeLineRow],
    at: Moment,
) -> None:
    """A subscription that a page of Stripe's made for a change of ours, known by its metadata.

    ``lines`` are the account's open ones.
    """
    waiting = [
        line
        for line in lines
        if _awaits_payment(line) and line.invoice_id is None and line.change.id == sub.change_id
    ]
    if not waiting:
        return
    replacing = [line for line in waiting if replaces(line)]
    if sub.status in IN_FORCE and all(line.subscription_id != sub.id for line in replacing):
        go_on(tx, account, replacing, "the customer paid at the page", at)
    for line in waiting:
        if line.subscription_id is not None or replaces(line):
            continue
        held = [item for item in sub.lines if item.price_id == line.price_id and not item.removed]
        line.subscription_id = sub.id
        line.item_id = held[0].id if held else None
        line.invoice_id = sub.latest_invoice
    tx.flush()


def close_pages(
    tx: Session,
    account: AccountRow,
    sub: SubscriptionRow,
    lines: Sequence[ChangeLineRow],
    at: Moment,
) -> None:
    """What was to be replaced has ended by itself: the page that sells it anew is closed."""
    if sub.status not in ENDED:
        return
    for line in lines:
        if line.subscription_id == sub.id and _awaits_payment(line) and replaces(line):
            owner = account.customer_id or account.id
            arm(tx, Work.CLOSE_PAGE, line.change.id, owner, at.wall)


def _awaits_payment(line: ChangeLineRow) -> bool:
    return State(line.state) is State.AWAITING_PAYMENT
