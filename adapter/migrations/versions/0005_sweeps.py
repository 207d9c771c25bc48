"""sweeps: walks over long lists at Stripe that go on where they were"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
WORD = sa.String(length=64)
JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("name", WORD, nullable=False),
        sa.Column("cursor", JSON, nullable=True),
        sa.Column("reached", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("found", JSON, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_sweeps"),
    )


def downgrade() -> None:
    op.drop_table("sweeps")
