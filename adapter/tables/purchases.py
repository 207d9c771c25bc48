"""One-off purchases, and the Checkout Sessions that customers are sent to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .accounts import AccountRow
from .base import Base, BigId, Id, Word

OPEN_CHECKOUT = text("state IN ('opening', 'open')")


class PurchaseRow(Base):
    """Extra allowance bought once: ``quantity`` packs, ``units`` in all.

    ``amount`` is what they cost together, in minor units of ``currency``, before tax. ``request``
    is unique to the request that bought them, so that repeating it never buys twice.
    ``payment_method`` NULL means that the customer pays at a Checkout Session.
    """

    __tablename__ = "purchases"
    __table_args__ = (UniqueConstraint("account_seq", "request"),)

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    request: Mapped[str] = mapped_column(Id)
    family: Mapped[str] = mapped_column(Word)
    pack: Mapped[str] = mapped_column(Word)
    description: Mapped[str] = mapped_column()
    quantity: Mapped[int] = mapped_column(BigInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Word)
    subscription_id: Mapped[str] = mapped_column(Id)
    payment_method: Mapped[str | None] = mapped_column(Id)
    return_url: Mapped[str | None] = mapped_column()
    state: Mapped[str] = mapped_column(Word)
    invoice_id: Mapped[str | None] = mapped_column(Id, index=True)
    payment_url: Mapped[str | None] = mapped_column()
    failure: Mapped[dict[str, Any] | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()
    granted_at: Mapped[datetime | None] = mapped_column()
    history: Mapped[list[Any]] = mapped_column()

    account: Mapped[AccountRow] = relationship(lazy="joined")


class CheckoutRow(Base):
    """A Checkout Session at Stripe, wanted before it is made.

    ``subject`` is what it is for: a purchase, a plan change, or the request to save a method.
    ``params`` are those of its creation. ``state`` is opening until Stripe has made it, then
    Stripe's own word (open, complete, expired), or refused. The partial unique index is the promise
    that the same request is never sent to two pages at once.
    """

    __tablename__ = "checkouts"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    purpose: Mapped[str] = mapped_column(Word)
    subject: Mapped[str] = mapped_column(Id)
    params: Mapped[dict[str, Any]] = mapped_column()
    state: Mapped[str] = mapped_column(Word)
    session_id: Mapped[str | None] = mapped_column(Id, unique=True)
    url: Mapped[str | None] = mapped_column()
    payment_status: Mapped[str | None] = mapped_column(Word)
    payment_method: Mapped[str | None] = mapped_column(Id)
    subscription_id: Mapped[str | None] = mapped_column(Id)
    expires_at: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()
    ticket: Mapped[int] = mapped_column(BigInteger, default=0)

    account: Mapped[AccountRow] = relationship(lazy="joined")


Index(
    "uq_open_checkout",
    CheckoutRow.__table__.c.account_seq,
    CheckoutRow.__table__.c.purpose,
    CheckoutRow.__table__.c.subject,
    unique=True,
    sqlite_where=OPEN_CHECKOUT,
    postgresql_where=OPEN_CHECKOUT,
)
