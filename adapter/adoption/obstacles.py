"""Why a line of an adopted account cannot be changed: what a quote would be refused with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy.orm import Session

from ..errors import Conflict
from ..holdings import Holding, addressed, holdings_of, unknown_price
from ..quotes.refusals import (
    refuse_busy_subscription,
    refuse_if_scheduled_elsewhere,
    refuse_invoiced,
    refuse_unchangeable,
    refuse_unpaid,
)
from ..tables import AccountRow
from .report import Finding


def obstacles(tx: Session, account: AccountRow) -> Iterator[Finding]:
    """One finding per live line that a quote would be refused for, whatever was wanted."""
    assert account.customer_id is not None
    held = holdings_of(tx, account)
    for one in held:
        refused = _refused(tx, held, one)
        if refused is not None:
            yield Finding(
                customer=account.customer_id,
                code=refused.code,
                detail=refused.detail,
                subscription=one.subscription.id,
                price=one.line.price_id if one.offer is None else None,
            )


def _refused(tx: Session, all_held: list[Holding], one: Holding) -> Conflict | None:
    checks: tuple[Callable[[], object], ...] = (
        lambda: _refuse_unmapped(all_held, one),
        lambda: refuse_busy_subscription(tx, one),
        lambda: refuse_unchangeable(one),
        lambda: refuse_invoiced(one),
        lambda: refuse_unpaid(tx, one),
        lambda: refuse_if_scheduled_elsewhere(tx, one, None),
    )
    for check in checks:
        try:
            check()
        except Conflict as refused:
            return refused
    return None


def _refuse_unmapped(all_held: list[Holding], one: Holding) -> None:
    if one.offer is None:
        raise unknown_price(one)
    addressed(all_held, one.offer.family, one.subscription.id)
