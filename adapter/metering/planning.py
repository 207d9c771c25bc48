"""When the charges so far of a metered line are calculated."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue, UnknownOffer

from ..due import BILLING, Work, arm
from ..holdings import IN_FORCE
from ..prices import offer_of_line
from ..tables import AccountRow, ChargesRow, LineRow, SubscriptionRow


def plan_charges(
    tx: Session, catalogue: Catalogue, account: AccountRow, row: SubscriptionRow
) -> None:
    """Have the charges of the running period calculated in time, unless they are already."""
    line = metered_line(row)
    at = calculated_at(catalogue, line) if line is not None else None
    if line is None or at is None or row.status not in IN_FORCE or is_calculated(tx, line):
        return
    owner = account.customer_id or account.id
    arm(tx, Work.CHARGES, row.id, owner, at, account.test_clock or BILLING)


def metered_line(row: SubscriptionRow) -> LineRow | None:
    """The line of a subscription that is billed by usage: it is alone there."""
    return next((line for line in row.lines if line.meter_id and not line.removed), None)


def calculated_at(catalogue: Catalogue, line: LineRow) -> datetime | None:
    """So many days before the period ends, as the catalogue says today; None where it says nothing
    of the plan any more.
    """
    offer = offer_of_line(line)
    try:
        usage = catalogue.usage_of(offer) if offer is not None else None
    except UnknownOffer:
        return None
    return line.period_end - timedelta(days=usage.calculated_days_before) if usage else None


def is_calculated(tx: Session, line: LineRow) -> bool:
    """Whether the charges of the line's running period are kept already."""
    return charges_of(tx, line) is not None


def charges_of(tx: Session, line: LineRow) -> ChargesRow | None:
    """What the line's running period had come to, once it was calculated."""
    return tx.scalars(
        select(ChargesRow).where(
            ChargesRow.item_id == line.id, ChargesRow.period_start == line.period_start
        )
    ).first()
