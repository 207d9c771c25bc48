"""Run by Alembic, on the connection ``migrate`` hands in or on PLANSHIFT_DATABASE_URL."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection

from adapter.database import open_database
from adapter.tables import Base


def run(connection: Connection) -> None:
    """Run the migrations on ``connection`` in the transaction that is open on it."""
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with open_database(os.environ["PLANSHIFT_DATABASE_URL"]).engine.begin() as opened:
        run(opened)
