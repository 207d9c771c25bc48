"""checks: what reconcile has seen, so that it needs no memory of its own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ID = sa.String(length=255)
WORD = sa.String(length=64)


def upgrade() -> None:
    op.create_table(
        "checks",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("same_at", MOMENT, nullable=True),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checks"),
    )
    op.create_index("ix_checks_seen_at", "checks", ["seen_at"])
    op.create_index(
        "ix_checks_doubtful",
        "checks",
        ["kind", "id"],
        sqlite_where=sa.text("doubtful"),
        postgresql_where=sa.text("doubtful"),
    )


def downgrade() -> None:
    op.drop_table("checks")
