"""The database, both kinds of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import event as sql
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

from adapter.database import Database, open_database
from adapter.errors import Misconfigured
from adapter.locks import is_locked, lock, locked_account
from adapter.migrations import is_current, migrate
from adapter.rows import insert_once
from adapter.tables import AccountRow, ApiKeyRow

PROCESS = text("SELECT pg_backend_pid()")
END = text("SELECT pg_terminate_backend(:process, 5000)")
KEY = {"id": "k1", "name": "billing", "digest": "d", "scopes": [], "created_at": datetime.now(UTC)}
ACCOUNT = {
    "id": "acct_1",
    "ref": "acme",
    "email": "billing@acme.example",
    "locale": "en",
    "created_at": datetime.now(UTC),
    "customer_id": "cus_1",
}


def test_a_fresh_database_is_current_and_migrating_again_changes_nothing(database: Database):
    assert is_current(database)
    migrate(database)
    assert is_current(database)


def test_tickets_rise_and_are_never_given_twice(database: Database):
    with ThreadPoolExecutor(4) as pool:
        tickets = list(pool.map(lambda _: database.next_ticket(), range(40)))
    assert len(set(tickets)) == 40
    assert database.next_ticket() > max(tickets)


def test_a_block_that_raises_leaves_nothing_behind(database: Database):
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(database)
    with database.read() as tx:
        assert tx.scalars(select(ApiKeyRow)).all() == []


def _write_and_fail(database: Database) -> None:
    with database.write() as tx:
        tx.add(ApiKeyRow(**KEY))
        tx.flush()
        _ = 1 / 0


def test_insert_once_tells_the_first_from_the_second(database: Database):
    with database.write() as tx:
        assert insert_once(tx, ApiKeyRow, KEY) is True
        assert insert_once(tx, ApiKeyRow, KEY) is False


def test_moments_come_back_in_utc_and_naive_ones_are_refused(database: Database):
    abroad = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    with database.write() as tx:
        tx.add(ApiKeyRow(**{**KEY, "created_at": abroad}))
    with database.read() as tx:
        read = tx.scalars(select(ApiKeyRow)).one().created_at
    assert read == abroad
    assert read.tzinfo is UTC
    with pytest.raises(StatementError, match="needs its zone"), database.write() as tx:
        tx.add(ApiKeyRow(**{**KEY, "id": "k2", "created_at": datetime(2026, 3, 1)}))  # noqa: DTZ001


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connections_that_the_server_ended_in_the_pool_are_replaced_unnoticed(database: Database):
    with database.write() as one, database.read() as other:
        lying = {one.scalar(PROCESS), other.scalar(PROCESS)}
    outside = open_database(database.engine.url.render_as_string(hide_password=False))
    with outside.read() as tx:
        for process in lying:
            tx.execute(END, {"process": process})
    outside.dispose()
    assert database.next_ticket() > 0
    with database.read() as one, database.write() as other:
        assert not lying & {one.scalar(PROCESS), other.scalar(PROCESS)}


def test_what_a_transaction_has_read_it_does_not_read_again(database: Database):
    with database.write() as tx:
        tx.add(ApiKeyRow(**KEY))
    asked: list[str] = []
    sql.listen(database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with database.write() as tx:
        for _each in range(3):
            tx.get_one(ApiKeyRow, "k1")
    assert sum("FROM api_keys" in statement for statement in asked) == 1


def test_an_account_is_locked_once_for_as_long_as_its_transaction_lasts(database: Database):
    asked: list[str] = []
    with database.write() as tx:
        tx.add(AccountRow(**ACCOUNT))
    sql.listen(database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with database.write() as tx:
        account = locked_account(tx, "cus_1")
        assert account is not None
        assert locked_account(tx, "cus_1") is account
        lock(tx, account.seq)
        assert is_locked(tx, account.seq)
    assert sum("FROM accounts" in statement for statement in asked) == 1
    with database.write() as tx:
        assert not is_locked(tx, account.seq)


def test_another_kind_of_database_is_refused_with_the_two_that_work():
    with pytest.raises(Misconfigured, match=r"sqlite:///.* or postgresql://"):
        open_database("mysql://localhost/db")
