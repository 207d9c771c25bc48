"""Notices as the outbox keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from adapter.database import Database
from adapter.notices.outbox import Kind, queue
from adapter.tables import AccountRow, NoticeRow

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def open_account(database: Database, ref: str = "acme", **columns: Any) -> AccountRow:
    """An account with a billing contact; ``columns`` replace its defaults."""
    values = {"name": "Ada Lovelace", "email": f"{ref}@acme.example", "created_at": NOW}
    account = AccountRow(id=f"acct_{ref}", ref=ref, **{**values, **columns})
    with database.write() as tx:
        tx.add(account)
    return account


def put(
    database: Database,
    account: AccountRow,
    kind: Kind = Kind.RECOVERED,
    occasion: str = "sub_1:recovered:in_1",
    now: datetime = NOW,
    **facts: Any,
) -> bool:
    """Queue one notice in a transaction of its own."""
    with database.write() as tx:
        return queue(tx, account, kind, occasion, facts, now)


def only_notice(database: Database) -> NoticeRow:
    with database.read() as tx:
        return tx.scalars(select(NoticeRow)).one()
