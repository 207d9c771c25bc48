"""The ledger of allowances: lots of units, the entries that move them, and what was reported.

Append-only: no row here is ever changed or deleted. Units are whole numbers; every moment is
billing time.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, BigId, Id, Word


class AllowanceLotRow(Base):
    """Units that came together and may be used in [``starts_at``, ``expires_at``).

    ``units`` is what came in. ``kind`` is grant (a plan's allowance), bridge (what holds while a
    scheduled change waits for its payment), free, pack (bought once) or carried (from the plan
    before). ``subscription_id`` and ``item_id`` are empty for the free plan. The lot is number
    ``slot`` of the stretch [``stretch_start``, ``stretch_end``): the paid period, or for the free
    plan all the time since it began, which has no end.
    """

    __tablename__ = "allowance_lots"
    __table_args__ = (UniqueConstraint("account_seq", "source"),)

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    source: Mapped[str] = mapped_column()
    family: Mapped[str] = mapped_column(Word)
    subscription_id: Mapped[str] = mapped_column(Id)
    item_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Word)
    units: Mapped[int] = mapped_column(BigInteger)
    # What the units were granted for; NULL for packs and for what was carried over.
    plan: Mapped[str | None] = mapped_column(Word)
    tier: Mapped[str | None] = mapped_column(Word)
    interval: Mapped[str | None] = mapped_column(Word)
    quantity: Mapped[int] = mapped_column(BigInteger)
    stretch_start: Mapped[datetime] = mapped_column()
    stretch_end: Mapped[datetime | None] = mapped_column()
    slot: Mapped[int] = mapped_column()
    starts_at: Mapped[datetime] = mapped_column()
    expires_at: Mapped[datetime] = mapped_column()


class AllowanceEntryRow(Base):
    """One movement of a lot's units: grant and transfer in are positive, the rest negative.

    ``kind`` is grant, consume, expire, transfer or credit. ``source`` says what caused it, so that
    doing it again adds nothing; the entry with source ``close`` takes all that is left, and is a
    lot's last.
    """

    __tablename__ = "allowance_entries"
    __table_args__ = (UniqueConstraint("lot_seq", "source"),)

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    lot_seq: Mapped[int] = mapped_column(BigId, ForeignKey("allowance_lots.seq"))
    source: Mapped[str] = mapped_column()
    kind: Mapped[str] = mapped_column(Word)
    units: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column()

    lot: Mapped[AllowanceLotRow] = relationship()


class UsageRow(Base):
    """A usage record as a caller reported it, with what it was answered.

    ``asked_at`` and ``asked_subscription`` are NULL where the caller left them out. ``over`` is
    the part of ``units`` that no allowance covered; ``balance`` what was left after it. Of a
    metered plan's both are 0, and ``meter_event`` is what the units go to its meter with.
    """

    __tablename__ = "allowance_usage"
    __table_args__ = (
        UniqueConstraint("account_seq", "record_id"),
        Index("ix_allowance_usage_family", "account_seq", "family", "at"),
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    record_id: Mapped[str] = mapped_column(Id)
    family: Mapped[str] = mapped_column(Word)
    asked_subscription: Mapped[str | None] = mapped_column(Id)
    asked_at: Mapped[datetime | None] = mapped_column()
    at: Mapped[datetime] = mapped_column()
    units: Mapped[int] = mapped_column(BigInteger)
    over: Mapped[int] = mapped_column(BigInteger)
    balance: Mapped[int] = mapped_column(BigInteger)
    meter_event: Mapped[str | None] = mapped_column(Id)
