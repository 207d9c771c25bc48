"""What goes through people: requests to sales, and plans that were agreed with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, BigId, Id, Word

OPEN = text("ended_at IS NULL")


class SalesRequestRow(Base):
    """Somebody wants to be called: the caller's form fields, as they came."""

    __tablename__ = "sales_requests"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    family: Mapped[str | None] = mapped_column(Word)
    plan: Mapped[str | None] = mapped_column(Word)
    fields: Mapped[dict[str, Any]] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()


class AgreementRow(Base):
    """An account is on a plan that has no price here: nothing of it is at Stripe.

    At most one per account and family is open. The moments are billing time.
    """

    __tablename__ = "agreements"
    __table_args__ = (
        Index(
            "uq_agreements_open",
            "account_seq",
            "family",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    family: Mapped[str] = mapped_column(Word)
    plan: Mapped[str] = mapped_column(Word)
    tier: Mapped[str] = mapped_column(Word)
    interval: Mapped[str] = mapped_column(Word)
    currency: Mapped[str] = mapped_column(Word)
    started_at: Mapped[datetime] = mapped_column()
    ended_at: Mapped[datetime | None] = mapped_column()
