"""metered plans: usage on its way to meters, charges so far, sales requests and agreements"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.String(length=255)
WORD = sa.String(length=64)
JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    _prices()
    _usage()
    _sales()


def _prices() -> None:
    op.add_column("subscription_lines", sa.Column("unit_price", WORD, nullable=True))
    op.add_column("subscription_lines", sa.Column("meter_id", ID, nullable=True))
    # SQLite makes the table anew for this, and its reflection loses what an index is limited to.
    current = sa.text("current")
    op.drop_index("uq_prices_current", "prices")
    with op.batch_alter_table("prices") as prices:
        prices.alter_column("unit_amount", existing_type=sa.BigInteger(), nullable=True)
        prices.add_column(sa.Column("unit_price", WORD, nullable=True))
        prices.add_column(sa.Column("meter_id", ID, nullable=True))
    op.create_index(
        "uq_prices_current",
        "prices",
        ["lookup_key"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )


def _usage() -> None:
    op.add_column("allowance_usage", sa.Column("meter_event", ID, nullable=True))
    op.create_table(
        "meter_events",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("family", WORD, nullable=False),
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("meter_id", ID, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("timestamp", MOMENT, nullable=True),
        sa.Column("tried_at", MOMENT, nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_meter_events_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_meter_events")),
        sa.UniqueConstraint("id", name=op.f("uq_meter_events_id")),
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_meter_events_pending",
        "meter_events",
        ["account_seq", "seq"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    told = ["account_seq", "meter_id", "timestamp"]
    op.create_index("ix_meter_events_told", "meter_events", told)
    op.create_index(op.f("ix_meter_events_subscription_id"), "meter_events", ["subscription_id"])
    op.create_table(
        "usage_charges",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("period_start", MOMENT, nullable=False),
        sa.Column("period_end", MOMENT, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("amount_due", sa.BigInteger(), nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("calculated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_usage_charges_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_usage_charges")),
        sa.UniqueConstraint(
            "item_id", "period_start", name=op.f("uq_usage_charges_item_id_period_start")
        ),
    )
    op.create_index(op.f("ix_usage_charges_account_seq"), "usage_charges", ["account_seq"])


def _sales() -> None:
    op.create_table(
        "sales_requests",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("family", WORD, nullable=True),
        sa.Column("plan", WORD, nullable=True),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_sales_requests_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sales_requests")),
        sa.UniqueConstraint("id", name=op.f("uq_sales_requests_id")),
    )
    op.create_index(op.f("ix_sales_requests_account_seq"), "sales_requests", ["account_seq"])
    op.create_table(
        "agreements",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("account_seq", BIG_ID, nullable=False),
        sa.Column("family", WORD, nullable=False),
        sa.Column("plan", WORD, nullable=False),
        sa.Column("tier", WORD, nullable=False),
        sa.Column("interval", WORD, nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_seq"], ["accounts.seq"], name=op.f("fk_agreements_account_seq")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_agreements")),
    )
    not_ended = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_agreements_open",
        "agreements",
        ["account_seq", "family"],
        unique=True,
        sqlite_where=not_ended,
        postgresql_where=not_ended,
    )
