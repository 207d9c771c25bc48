"""What a plan change does to allowances: the hooks that its owner calls.

Each is called in the transaction that moves the change, after the mirror shows the new state. The
account's row is locked, so two of them never interleave for one account.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..changes.open_lines import open_lines
from ..holdings import Holding
from ..tables import AccountRow, ChangeLineRow
from .accrual import Accrual
from .ledger import Kind, Ledger, Move
from .settlement import Settlement


def accrue(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    changes: Sequence[ChangeLineRow],
    at: datetime,
) -> None:
    """Book every grant that is due up to ``at``, and what has lapsed; again changes nothing.

    ``changes`` are the account's open change lines.
    """
    if not any(family.size_is == "allowance" for family in catalogue.families.values()):
        return
    ledger = Ledger.load(tx, account, at, lock=True)
    Accrual(tx, catalogue, account, ledger, changes, at).run()
    ledger.save(tx)


def activating(
    tx: Session, catalogue: Catalogue, account: AccountRow, line: ChangeLineRow, at: datetime
) -> None:
    """A scheduled change has begun and waits for its payment: bridge with the smaller allowance.

    Accrual sees from the state of ``line`` that a bridge is due, so this is accrual by another
    name; it is here so that the story of a change reads whole.
    """
    assert line.account_seq == account.seq
    accrue(tx, catalogue, account, open_lines(tx, account), at)


def given_up(
    tx: Session, catalogue: Catalogue, account: AccountRow, line: ChangeLineRow, at: datetime
) -> None:
    """The payment of a scheduled change was given up: its bridge expires."""
    if not _is_used_up(catalogue, line.family):
        return
    ledger = Ledger.load(tx, account, at, lock=True)
    for lot in ledger.of(line.family, line.subscription_id or ""):
        if lot.row.kind == Kind.BRIDGE and lot.open_at(at):
            ledger.close(lot, Move.EXPIRE, at)
    Accrual(tx, catalogue, account, ledger, open_lines(tx, account), at).run()
    ledger.save(tx)


def ended(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    family: str,
    subscription_id: str,
    at: datetime,
) -> None:
    """A paid line ended at ``at``: its units lapse, packs too, and the free plan's begin."""
    if not _is_used_up(catalogue, family):
        return
    ledger = Ledger.load(tx, account, at, lock=True)
    for lot in ledger.of(family, subscription_id):
        if not lot.closed_at:
            ledger.close(lot, Move.EXPIRE, at)
    accrual = Accrual(tx, catalogue, account, ledger, open_lines(tx, account), at)
    accrual.holdings = [held for held in accrual.holdings if not _is(held, family, subscription_id)]
    accrual.run()
    ledger.save(tx)


def applied(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    line: ChangeLineRow,
    effect: str,
    credited_units: int | None,
    at: datetime,
) -> None:
    """``line`` is applied and the mirror shows its new offer: see to the old units, grant the new.

    ``effect`` says what becomes of what is left of the old plan. reset: it lapses. carry_over: it
    goes into a lot that lasts as long as the new plan's first grant. credited: it became money
    when the change was quoted, at ``credited_units``; what was used since then is used of the new
    plan's grant. Packs and earlier carried units go the same way. A start has nothing old; the
    free plan's units lapse.
    """
    if not _is_used_up(catalogue, line.family):
        return
    ledger = Ledger.load(tx, account, at, lock=True)
    changes = open_lines(tx, account)
    accrual = Accrual(tx, catalogue, account, ledger, changes, at, settled=line)
    held = accrual.held(line.family, line.subscription_id or "")
    used = 0
    if held is not None and held.offer is not None and held.in_force:
        accrual.at = max(at, held.line.period_start)
        accrual.catch_up(held)
        settlement = Settlement(tx, catalogue, ledger, line, held, accrual.at)
        used = settlement.settle(effect, credited_units)
        settlement.top_up()
    accrual.run()
    lots = ledger.of(line.family, line.subscription_id or "")
    ledger.consume(lots, used, accrual.at, f"change:{line.seq}")
    ledger.save(tx)


def _is_used_up(catalogue: Catalogue, family: str) -> bool:
    """Whether the sizes of a family are allowances; one that is not sold any more is none."""
    known = catalogue.families.get(family)
    return known is not None and known.size_is == "allowance"


def _is(held: Holding, family: str, subscription_id: str) -> bool:
    return held.subscription.id == subscription_id and held.line.family == family
