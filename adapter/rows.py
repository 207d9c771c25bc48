"""Small helpers for rows that both databases need in the same form."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_once(tx: Session, table: type[Any], values: dict[str, Any]) -> bool:
    """Insert unless a unique constraint already holds such a row. True if it was inserted.

    RETURNING tells, not ``rowcount``: that is -1 on PostgreSQL in SQLAlchemy 2.1.
    """
    first_key = next(iter(table.__table__.primary_key))
    statement = _insert_once(table.__table__, first_key, tx.get_bind().dialect.name)
    return tx.execute(statement, values).first() is not None


def insert_all_once(tx: Session, table: type[Any], rows: list[dict[str, Any]]) -> set[str]:
    """``insert_once`` for many rows with an ``id``; gives the ids of those that were inserted."""
    statement = _insert_once(table.__table__, table.__table__.c.id, tx.get_bind().dialect.name)
    return set(tx.scalars(statement, rows))


@cache
def _insert_once(table: Table, telling: Column[Any], dialect: str) -> Executable:
    """The statement, made once: making it anew costs several times what running it does."""
    flavour = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return flavour(table).on_conflict_do_nothing().returning(telling)
