"""Locks on accounts: whoever writes anything of an account's locks its row first.

Always in this order, so that two transactions never wait for each other, and what they write of one
account never interleaves. It lasts until the transaction ends; what it has locked once is not asked
for again.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from .tables import AccountRow

_LOCKED = "planshift_locked"
# Every store asks these, so they are made once: making one costs more than running it.
_OF_CUSTOMER = (
    select(AccountRow).where(AccountRow.customer_id == bindparam("customer")).with_for_update()
)
_LOCK = select(AccountRow.seq).where(AccountRow.seq == bindparam("account")).with_for_update()


def locked_account(tx: Session, customer: str) -> AccountRow | None:
    """The account of a customer, locked; None if it is nobody's."""
    locked = _locked(tx)
    for known in locked.values():
        if known is not None and known.customer_id == customer:
            return known
    account = tx.scalars(_OF_CUSTOMER, {"customer": customer}).first()
    if account is not None:
        locked[account.seq] = account
    return account


def lock(tx: Session, account_seq: int) -> None:
    """Lock the row of an account."""
    if not is_locked(tx, account_seq):
        tx.execute(_LOCK, {"account": account_seq})
        _locked(tx)[account_seq] = None


def is_locked(tx: Session, account_seq: int) -> bool:
    """Whether this transaction has locked the row of an account."""
    return account_seq in _locked(tx)


def _locked(tx: Session) -> dict[int, AccountRow | None]:
    """By ``seq``; with the row where it was read along. A session has one transaction."""
    known: dict[int, AccountRow | None] = tx.info.setdefault(_LOCKED, {})
    return known
