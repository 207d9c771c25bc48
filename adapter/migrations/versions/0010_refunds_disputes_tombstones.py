"""refunds and disputes, what is gone at Stripe, and what a payment was last tried with"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
FOREIGN = sa.text("state = 'foreign'")


def upgrade() -> None:
    op.create_table(
        "reversals",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column(
            "account_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("invoice_id", sa.String(length=255), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("respond_by", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_reversals_account_seq")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reversals")),
    )
    op.create_index(op.f("ix_reversals_account_seq"), "reversals", ["account_seq"])
    op.create_index(op.f("ix_reversals_invoice_id"), "reversals", ["invoice_id"])
    for table in ("subscriptions", "schedules", "invoices"):
        op.add_column(
            table, sa.Column("gone", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.add_column("invoices", sa.Column("tried_method", sa.String(length=255), nullable=True))
    op.add_column("invoices", sa.Column("finalization_error", sa.String(), nullable=True))
    op.add_column("prices", sa.Column("drift", sa.String(), nullable=True))
    op.create_index(
        "ix_events_foreign",
        "events",
        ["customer_id"],
        sqlite_where=FOREIGN,
        postgresql_where=FOREIGN,
    )
