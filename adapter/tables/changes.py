"""Quotes, plan changes with their lines, and the intents of every write to Stripe."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .accounts import AccountRow
from .base import Base, BigId, Id, Word

BUSY = text("state IN ('executing', 'awaiting_payment', 'activating')")
SCHEDULED = text("state = 'scheduled'")


class QuoteRow(Base):
    """What a change would cost, at one instant; executed at most once.

    ``document`` is what the caller reads; ``request`` what was asked; ``decision`` the rules as
    they were resolved then and ``basis`` the state they were computed on, both by family.
    ``expires_at`` is billing time.
    """

    __tablename__ = "quotes"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    kind: Mapped[str] = mapped_column(Word)
    created_at: Mapped[datetime] = mapped_column()
    expires_at: Mapped[datetime] = mapped_column()
    request: Mapped[dict[str, Any]] = mapped_column()
    decision: Mapped[dict[str, Any]] = mapped_column()
    basis: Mapped[dict[str, Any]] = mapped_column()
    document: Mapped[dict[str, Any]] = mapped_column()

    account: Mapped[AccountRow] = relationship(lazy="joined")


class ChangeRow(Base):
    """A plan change: the order. Its lines carry the states.

    ``timing`` is what the caller chose for the lines whose rule leaves it open; each line says when
    it comes about. ``bill`` and ``quoted_total`` are of all that is due now together.
    """

    __tablename__ = "plan_changes"
    __table_args__ = (UniqueConstraint("quote_id"),)

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    quote_id: Mapped[str] = mapped_column(Id, ForeignKey("quotes.id"))
    kind: Mapped[str] = mapped_column(Word)
    timing: Mapped[str] = mapped_column(Word)
    payment_method: Mapped[str | None] = mapped_column(Id)
    method_before: Mapped[str | None] = mapped_column(Id)
    # Where there is nothing saved to charge: the page its customer is sent to first.
    page: Mapped[str | None] = mapped_column(Word)
    return_url: Mapped[str | None] = mapped_column()
    # What the parameters of every write are built from: ``billing.to_json`` of what was quoted.
    bill: Mapped[dict[str, Any]] = mapped_column()
    quoted_total: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column()
    comment: Mapped[str | None] = mapped_column()
    acknowledgements: Mapped[list[Any]] = mapped_column()
    selections: Mapped[dict[str, Any]] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()

    account: Mapped[AccountRow] = relationship(lazy="joined")
    quote: Mapped[QuoteRow] = relationship()
    lines: Mapped[list[ChangeLineRow]] = relationship(
        order_by="ChangeLineRow.seq", lazy="selectin", back_populates="change"
    )


class ChangeLineRow(Base):
    """One family's part of a plan change, with its state and the history of how it got there.

    The two partial unique indexes are the promise that two clicks do not buy twice, and that a
    scheduled change stays until the upgrade over it is paid.
    """

    __tablename__ = "plan_change_lines"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    change_seq: Mapped[int] = mapped_column(BigId, ForeignKey("plan_changes.seq"), index=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    family: Mapped[str] = mapped_column(Word)
    subscription_id: Mapped[str | None] = mapped_column(Id, index=True)
    item_id: Mapped[str | None] = mapped_column(Id)
    # Once a page of Stripe's has sold the line anew: the subscription that it was on before.
    moved_from: Mapped[str | None] = mapped_column(Id)
    # "now" or "period_end".
    timing: Mapped[str] = mapped_column(Word)
    from_offer: Mapped[dict[str, Any] | None] = mapped_column()
    to_offer: Mapped[dict[str, Any] | None] = mapped_column()
    price_id: Mapped[str | None] = mapped_column(Id)
    # Of that price, in minor units of the offer's currency.
    unit_amount: Mapped[int | None] = mapped_column(BigInteger)
    quantity: Mapped[int] = mapped_column(BigInteger)
    # The rule as it was resolved when the change was asked for.
    decision: Mapped[dict[str, Any]] = mapped_column()
    # Units of allowance that a credit on the invoice pays back; NULL if there is no such credit.
    credited_units: Mapped[int | None] = mapped_column(BigInteger)
    # While it is activating: until when a failed payment may still be made up for.
    grace_until: Mapped[datetime | None] = mapped_column()
    state: Mapped[str] = mapped_column(Word)
    effective_at: Mapped[datetime | None] = mapped_column()
    invoice_id: Mapped[str | None] = mapped_column(Id, index=True)
    payment_url: Mapped[str | None] = mapped_column()
    failure: Mapped[dict[str, Any] | None] = mapped_column()
    drift: Mapped[dict[str, Any] | None] = mapped_column()
    history: Mapped[list[Any]] = mapped_column()

    change: Mapped[ChangeRow] = relationship(back_populates="lines", lazy="joined", innerjoin=True)


def _same_line() -> tuple[Any, ...]:
    line = ChangeLineRow.__table__.c
    return line.account_seq, line.family, func.coalesce(line.subscription_id, "")


Index("uq_busy_line", *_same_line(), unique=True, sqlite_where=BUSY, postgresql_where=BUSY)
Index(
    "uq_scheduled_line",
    *_same_line(),
    unique=True,
    sqlite_where=SCHEDULED,
    postgresql_where=SCHEDULED,
)


class SubscriptionHoldRow(Base):
    """A subscription that a plan change is at work on, for as long as a line of it is executing or
    awaits its payment. A second pending update would void the first one's invoice, so each is held
    by one change at a time.
    """

    __tablename__ = "subscription_holds"

    subscription_id: Mapped[str] = mapped_column(Id, primary_key=True)
    change_seq: Mapped[int] = mapped_column(BigId, ForeignKey("plan_changes.seq"), index=True)


class IntentRow(Base):
    """A write to Stripe, committed before it is sent.

    ``key`` is the idempotency key, ``subject:step:attempt``. ``outcome`` is open, done, refused
    (Stripe said no, for good), unsure (a 5xx, which the key would replay: look first) or lost (it
    was not done: a new attempt may follow).
    """

    __tablename__ = "intents"
    __table_args__ = (UniqueConstraint("subject", "step", "attempt"),)

    key: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[str] = mapped_column(Id)
    step: Mapped[str] = mapped_column(Word)
    attempt: Mapped[int] = mapped_column()
    operation: Mapped[str] = mapped_column(Word)
    target: Mapped[str | None] = mapped_column(Id)
    params: Mapped[dict[str, Any]] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()
    outcome: Mapped[str] = mapped_column(Word, default="open")
    answer: Mapped[dict[str, Any] | None] = mapped_column()
