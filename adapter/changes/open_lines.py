"""The lines of an account's plan changes that are not over, whatever they wait for."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, lazyload

from ..tables import AccountRow, ChangeLineRow
from .states import OPEN

# Every movement asks this, so it is made once: making it costs more than running it. Most accounts
# have none, so their orders are not read along.
_OPEN_OF = (
    select(ChangeLineRow)
    .where(ChangeLineRow.account_seq == bindparam("account"))
    .where(ChangeLineRow.state.in_([state.value for state in OPEN]))
    .order_by(ChangeLineRow.seq)
    .options(lazyload(ChangeLineRow.change))
)


def open_lines(tx: Session, account: AccountRow) -> list[ChangeLineRow]:
    """Those that are open now, oldest first."""
    return list(tx.scalars(_OPEN_OF, {"account": account.seq}))
