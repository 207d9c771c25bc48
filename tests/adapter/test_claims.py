"""Claims of a process, on one connection that may break."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapter.claims import Claims
from adapter.database import Database, is_away

LOCKS = text(
    """
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND datname = current_database()
    """
)


def _holders(database: Database) -> list[int]:
    """The server's processes that hold a lock, once for each."""
    with database.read() as tx:
        return list(tx.scalars(LOCKS))


def test_what_is_claimed_is_refused_until_it_is_released(database: Database):
    claims = Claims(database)
    assert claims.take("ada")
    assert not claims.take("ada")
    assert claims.take("bob")
    claims.release("ada")
    with claims.hold("ada") as mine:
        assert mine
    claims.release("bob")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_all_claims_are_on_one_connection_which_goes_back_to_the_pool(database: Database):
    claims = Claims(database)
    for owner in ("ada", "bob", "cid"):
        assert claims.take(owner)
    assert len(_holders(database)) == 3
    assert len(set(_holders(database))) == 1
    assert not Claims(database).take("bob"), "another process"
    for owner in ("ada", "bob", "cid"):
        claims.release(owner)
    assert _holders(database) == []
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_broken_connection_frees_the_claims_at_once_and_is_replaced(database: Database):
    claims, others = Claims(database), Claims(database)
    assert claims.take("ada")
    with database.write() as tx:
        tx.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": _holders(database)[0]})
    assert others.take("ada"), "its process is as good as dead"
    with pytest.raises(DBAPIError) as broken:
        claims.take("bob")
    assert is_away(broken.value)
    assert claims.take("bob")
    claims.release("ada")
    assert not claims.take("ada"), "what another has since is not released by us"
    claims.release("bob")
    others.release("ada")
    assert _holders(database) == []
