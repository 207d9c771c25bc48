"""The outbox: one row per occasion, listed for the people who operate a deployment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from adapter.database import Database
from adapter.notices.listing import list_notices
from adapter.notices.outbox import Kind, queue
from adapter.notices.sending import NoticeState
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


def test_an_occasion_is_told_once(database: Database):
    account = open_account(database)
    assert put(database, account)
    assert not put(database, account)
    assert put(database, account, occasion="sub_1:recovered:in_2")
    assert len(list_notices(database)) == 2


def test_the_list_shows_the_newest_first_and_no_more_than_asked_for(database: Database):
    account = open_account(database)
    for number in range(4):
        put(database, account, occasion=f"o{number}", now=NOW + timedelta(minutes=number))
    listed = list_notices(database, limit=3)
    assert [notice.created_at.minute for notice in listed] == [3, 2, 1]
    assert {notice.account for notice in listed} == {"acme"}
    assert {notice.state for notice in listed} == {NoticeState.PENDING}


def test_the_list_can_be_narrowed_to_one_state(database: Database):
    account = open_account(database)
    put(database, account, occasion="o1")
    put(database, account, occasion="o2")
    with database.write() as tx:
        row = tx.scalars(select(NoticeRow).where(NoticeRow.occasion == "o2")).one()
        row.state, row.error = "dead", "no such user"
    [dead] = list_notices(database, NoticeState.DEAD)
    assert (dead.error, dead.kind, dead.sent_at) == ("no such user", Kind.RECOVERED, None)
    assert list_notices(database, NoticeState.SENT) == []
