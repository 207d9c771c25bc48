"""Accounts: the caller's customers, each one customer at Stripe."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, BigId, Id, Word


class AccountRow(Base):
    """One account: the billing contact, and what the mirror knows of the customer at Stripe.

    ``balance`` is Stripe's: integer minor units of ``currency``, negative means credit.
    """

    __tablename__ = "accounts"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    ref: Mapped[str] = mapped_column(Id, unique=True)
    email: Mapped[str] = mapped_column()
    name: Mapped[str | None] = mapped_column()
    locale: Mapped[str] = mapped_column(Word, default="en")
    created_at: Mapped[datetime] = mapped_column()

    customer_id: Mapped[str | None] = mapped_column(Id, unique=True)
    test_clock: Mapped[str | None] = mapped_column(Id)
    currency: Mapped[str | None] = mapped_column(Word)
    balance: Mapped[int] = mapped_column(BigInteger, default=0)
    default_payment_method: Mapped[str | None] = mapped_column(Id)
    # Its type at Stripe ("card"), NULL if it was not told along.
    default_method_type: Mapped[str | None] = mapped_column(Word)
    deleted: Mapped[bool] = mapped_column(default=False)
    ticket: Mapped[int] = mapped_column(BigInteger, default=0)
