"""orders of several lines, and what tells who can be charged"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.String(length=255)
WORD = sa.String(length=64)


def upgrade() -> None:
    op.create_table(
        "subscription_holds",
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("change_seq", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["change_seq"], ["plan_changes.seq"], name=op.f("fk_subscription_holds_change_seq")
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_subscription_holds")),
    )
    op.create_index(op.f("ix_subscription_holds_change_seq"), "subscription_holds", ["change_seq"])
    op.execute(
        "INSERT INTO subscription_holds (subscription_id, change_seq) "
        "SELECT subscription_id, change_seq FROM plan_change_lines "
        "WHERE subscription_id IS NOT NULL AND state IN ('executing', 'awaiting_payment')"
    )
    op.drop_index("uq_busy_subscription", "plan_change_lines")
    op.add_column("plan_change_lines", sa.Column("moved_from", ID, nullable=True))
    timing = sa.Column("timing", WORD, nullable=False, server_default="now")
    op.add_column("plan_change_lines", timing)
    op.add_column("plan_change_lines", sa.Column("unit_amount", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE plan_change_lines SET timing = (SELECT timing FROM plan_changes "
        "WHERE plan_changes.seq = plan_change_lines.change_seq)"
    )
    for table in ("accounts", "subscriptions"):
        op.add_column(table, sa.Column("default_method_type", WORD, nullable=True))
    # Quotes hold a quarter of an hour; these are written otherwise from now on.
    op.execute("DELETE FROM quotes WHERE id NOT IN (SELECT quote_id FROM plan_changes)")
