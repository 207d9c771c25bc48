"""schedules, and what a scheduled change needs to be carried out"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column(
            "account_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("subscription_id", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("end_behavior", sa.String(length=64), nullable=False),
        sa.Column("phases", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("phase_start", MOMENT, nullable=True),
        sa.Column("tagged", sa.Boolean(), nullable=False),
        sa.Column("mapped", sa.Boolean(), nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_schedules_account_seq")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_index(op.f("ix_schedules_account_seq"), "schedules", ["account_seq"])
    op.create_index(op.f("ix_schedules_subscription_id"), "schedules", ["subscription_id"])
    # Rows from before have no decision of their own; the quote they came from has it.
    decision = sa.Column(
        "decision", sa.JSON(none_as_null=True), nullable=False, server_default="{}"
    )
    op.add_column("plan_change_lines", decision)
    op.add_column("plan_change_lines", sa.Column("credited_units", sa.BigInteger(), nullable=True))
    op.add_column("plan_change_lines", sa.Column("grace_until", MOMENT, nullable=True))
    wall = sa.Column("clock", sa.String(length=255), nullable=False, server_default="wall")
    op.add_column("due_work", wall)
    once = sa.Column("generation", sa.Integer(), nullable=False, server_default="1")
    op.add_column("due_work", once)
    tags = sa.Column("tags", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
    op.add_column("subscription_lines", tags)
