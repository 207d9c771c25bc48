"""The outbox: one row per occasion, listed for the people who operate a deployment."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from adapter.database import Database
from adapter.notices.listing import list_notices
from adapter.notices.outbox import Kind
from adapter.notices.sending import NoticeState
from adapter.tables import NoticeRow
from tests.support.notices import NOW, open_account, put


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
