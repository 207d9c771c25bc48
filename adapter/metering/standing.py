"""What metered lines have come to: units from the ledger, money as Stripe calculated it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..database import Database
from ..holdings import Holding
from ..quotes.documents import money
from ..tables import ChargesRow, LineRow, MeterEventRow
from .planning import calculated_at, charges_of


def upcoming(tx: Session, catalogue: Catalogue, holdings: list[Holding]) -> list[dict[str, Any]]:
    """The running period of every metered line: the units so far, and what they had come to."""
    return [
        _document(tx, catalogue, held)
        for held in holdings
        if held.line.meter_id is not None and held.in_force
    ]


def units_since(tx: Session, item: str, since: datetime) -> int:
    """Units of a line that are billed with the period that began ``since``, sent or not yet."""
    billed = func.coalesce(MeterEventRow.timestamp, MeterEventRow.at) >= since
    return _sum(tx, item, billed, MeterEventRow.state != "refused")


def units_sent(tx: Session, item: str, since: datetime) -> int:
    """Units of a line that Stripe was told were used in the period that began ``since``."""
    return _sum(tx, item, MeterEventRow.timestamp >= since, MeterEventRow.state == "sent")


def refused_usage(database: Database) -> int:
    """Units of all accounts that were reported for billing, and that Stripe did not take."""
    units = select(func.coalesce(func.sum(MeterEventRow.units), 0))
    with database.read() as tx:
        return int(tx.execute(units.where(MeterEventRow.state == "refused")).scalar_one())


def _document(tx: Session, catalogue: Catalogue, held: Holding) -> dict[str, Any]:
    line, charges = held.line, charges_of(tx, held.line)
    due = calculated_at(catalogue, line)
    return {
        "family": line.family,
        "subscription": held.subscription.id,
        "period": {"start": line.period_start.isoformat(), "end": line.period_end.isoformat()},
        "usage": _usage(tx, line),
        "calculated_on": due.isoformat() if due else None,
        "charges": _charges(charges) if charges else None,
    }


def _usage(tx: Session, line: LineRow) -> dict[str, int]:
    """Units of the period; those still on their way to Stripe, and those it refused, of any."""
    return {
        "units": units_since(tx, line.id, line.period_start),
        "unsent": _sum(tx, line.id, MeterEventRow.state == "pending"),
        "refused": _sum(tx, line.id, MeterEventRow.state == "refused"),
    }


def _charges(row: ChargesRow) -> dict[str, Any]:
    return {
        "calculated_at": row.calculated_at.isoformat(),
        "units": row.units,
        "total": money(row.total, row.currency),
        "amount_due": money(row.amount_due, row.currency),
        "lines": row.lines,
    }


def _sum(tx: Session, item: str, *conditions: Any) -> int:
    units = select(func.coalesce(func.sum(MeterEventRow.units), 0))
    found = tx.execute(units.where(MeterEventRow.item_id == item, *conditions))
    return int(found.scalar_one())
