"""the ledger of allowances"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "allowance_lots",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("subscription_id", sa.String(length=255), nullable=False),
        sa.Column("item_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=True),
        sa.Column("tier", sa.String(length=64), nullable=True),
        sa.Column("interval", sa.String(length=64), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("stretch_start", MOMENT, nullable=False),
        sa.Column("stretch_end", MOMENT, nullable=True),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_allowance_lots_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_allowance_lots")),
        sa.UniqueConstraint(
            "account_seq", "source", name=op.f("uq_allowance_lots_account_seq_source")
        ),
    )
    op.create_table(
        "allowance_entries",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("lot_seq", BIG_ID, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["lot_seq"], ["allowance_lots.seq"], name=op.f("fk_allowance_entries_lot_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_allowance_entries")),
        sa.UniqueConstraint("lot_seq", "source", name=op.f("uq_allowance_entries_lot_seq_source")),
    )
    op.create_table(
        "allowance_usage",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("record_id", sa.String(length=255), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("asked_subscription", sa.String(length=255), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_allowance_usage_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_allowance_usage")),
        sa.UniqueConstraint(
            "account_seq", "record_id", name=op.f("uq_allowance_usage_account_seq_record_id")
        ),
    )
    op.create_index(
        "ix_allowance_usage_family",
        "allowance_usage",
        ["account_seq", "family", "at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("allowance_usage")
    op.drop_table("allowance_entries")
    op.drop_table("allowance_lots")
