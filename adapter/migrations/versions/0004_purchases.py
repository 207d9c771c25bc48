"""purchases and Checkout Sessions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.String(length=255)
WORD = sa.String(length=64)
JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "purchases",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("request", ID, nullable=False),
        sa.Column("family", WORD, nullable=False),
        sa.Column("pack", WORD, nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("payment_method", ID, nullable=True),
        sa.Column("return_url", sa.String(), nullable=True),
        sa.Column("state", WORD, nullable=False),
        sa.Column("invoice_id", ID, nullable=True),
        sa.Column("payment_url", sa.String(), nullable=True),
        sa.Column("failure", JSON, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("granted_at", MOMENT, nullable=True),
        sa.Column("history", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_purchases_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_purchases")),
        sa.UniqueConstraint(
            "account_seq", "request", name=op.f("uq_purchases_account_seq_request")
        ),
        sa.UniqueConstraint("id", name=op.f("uq_purchases_id")),
    )
    op.create_index(op.f("ix_purchases_invoice_id"), "purchases", ["invoice_id"])
    op.create_table(
        "checkouts",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("subject", ID, nullable=False),
        sa.Column("params", JSON, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("session_id", ID, nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("payment_status", WORD, nullable=True),
        sa.Column("payment_method", ID, nullable=True),
        sa.Column("subscription_id", ID, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_checkouts_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_checkouts")),
        sa.UniqueConstraint("id", name=op.f("uq_checkouts_id")),
        sa.UniqueConstraint("session_id", name=op.f("uq_checkouts_session_id")),
    )
    op.add_column("plan_changes", sa.Column("page", WORD, nullable=True))
    op.add_column("plan_changes", sa.Column("return_url", sa.String(), nullable=True))
    still = sa.text("state IN ('opening', 'open')")
    op.create_index(
        "uq_open_checkout",
        "checkouts",
        ["account_seq", "purpose", "subject"],
        unique=True,
        sqlite_where=still,
        postgresql_where=still,
    )
