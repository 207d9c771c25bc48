"""What an account has paid for and not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..changes.open_lines import open_lines
from ..tables import AccountRow
from .accrual import Accrual
from .calendar import slots_of
from .ledger import Kind, Ledger, Lot


@dataclass(frozen=True)
class Unused:
    """Units that are ``granted`` and left, and those of months that are paid but to come."""

    granted: int
    not_yet_granted: int

    @property
    def units(self) -> int:
        return self.granted + self.not_yet_granted


def unused(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    family: str,
    subscription_id: str,
    at: datetime,
) -> Unused:
    """What is unused of one line at ``at``, packs and carried units included. Writes nothing.

    An empty ``subscription_id`` asks for the free plan.
    """
    ledger = Ledger.load(tx, account, at, lock=False)
    Accrual(tx, catalogue, account, ledger, open_lines(tx, account), at).run()
    lots = ledger.of(family, subscription_id)
    return Unused(sum(lot.left for lot in lots if lot.open_at(at)), not_yet_granted(lots, at))


def not_yet_granted(lots: Sequence[Lot], at: datetime) -> int:
    """Units of the months that are paid for and begin after ``at``.

    Known from the lots alone, so it holds for a plan that the mirror does not show any more.
    """
    current = [lot for lot in lots if lot.row.kind == Kind.GRANT and lot.open_at(at)]
    if not current:
        return 0
    row = current[-1].row
    if row.stretch_end is None or row.expires_at >= row.stretch_end:
        return 0
    slots = slots_of(row.stretch_start, row.stretch_end, monthly=True)
    return row.units * sum(slot.start > at for slot in slots)
