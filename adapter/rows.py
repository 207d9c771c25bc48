"""Small helpers for rows that both databases need in the same form."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_once(tx: Session, table: type[Any], values: dict[str, Any]) -> bool:
    """Insert unless a unique constraint already holds such a row. True if it was inserted.

    RETURNING tells, not ``rowcount``: that is -1 on PostgreSQL in SQLAlchemy 2.1.
    """
    statement = _insert_once(table.__table__, tx.get_bind().dialect.name)
    return tx.execute(statement, values).first() is not None


@cache
def _insert_once(table: Table, dialect: str) -> Executable:
    """The statement, made once: making it anew costs several times what running it does."""
    flavour = sqlite.insert if dialect == "sqlite" else postgresql.insert
    first_key = next(iter(table.primary_key))
    return flavour(table).on_conflict_do_nothing().returning(first_key)
