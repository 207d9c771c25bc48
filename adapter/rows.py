"""Small helpers for rows that both databases need in the same form."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_once(tx: Session, table: type[Any], values: dict[str, Any]) -> bool:
    """Insert unless a unique constraint already holds such a row. True if it was inserted.

    RETURNING tells, not ``rowcount``: that is -1 on PostgreSQL in SQLAlchemy 2.1.
    """
    flavour = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
    first_key = next(iter(table.__table__.primary_key.columns))
    statement = flavour(table).values(**values).on_conflict_do_nothing().returning(first_key)
    return tx.execute(statement).first() is not None
