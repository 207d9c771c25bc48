"""What goes to Stripe's meters, and what it has come to so far. Units are whole numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, BigId, Id, Word


class MeterEventRow(Base):
    """Units that go to a meter as one event: usage of one line at one second.

    ``at`` is when they were used and ``timestamp`` what Stripe was told, once it was; both are
    billing time, and some seconds before they were reported. ``state`` is pending, sent or
    refused. ``round`` counts the identifiers under which it was tried; ``tried_at`` (wall time) is
    the first attempt under the present one.
    """

    __tablename__ = "meter_events"
    __table_args__ = (
        Index(
            "ix_meter_events_pending",
            "account_seq",
            "seq",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_meter_events_told", "account_seq", "meter_id", "timestamp"),
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    family: Mapped[str] = mapped_column(Word)
    subscription_id: Mapped[str] = mapped_column(Id, index=True)
    item_id: Mapped[str] = mapped_column(Id)
    meter_id: Mapped[str] = mapped_column(Id)
    units: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column()
    state: Mapped[str] = mapped_column(Word, default="pending")
    round: Mapped[int] = mapped_column(default=1)
    timestamp: Mapped[datetime | None] = mapped_column()
    tried_at: Mapped[datetime | None] = mapped_column()
    sent_at: Mapped[datetime | None] = mapped_column()
    error: Mapped[str | None] = mapped_column()


class ChargesRow(Base):
    """What a metered line's running period had come to when it was calculated, by Stripe.

    ``units`` are those that Stripe had been told by then; money is minor units of ``currency``; the
    moments are billing time. One row per line and period, written once.
    """

    __tablename__ = "usage_charges"
    __table_args__ = (UniqueConstraint("item_id", "period_start"),)

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    subscription_id: Mapped[str] = mapped_column(Id)
    item_id: Mapped[str] = mapped_column(Id)
    period_start: Mapped[datetime] = mapped_column()
    period_end: Mapped[datetime] = mapped_column()
    units: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Word)
    total: Mapped[int] = mapped_column(BigInteger)
    amount_due: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[list[Any]] = mapped_column()
    calculated_at: Mapped[datetime] = mapped_column()
