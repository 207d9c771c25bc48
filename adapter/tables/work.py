"""Queues that are rows: the inbox of events, the outbox of notices, due work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, BigId, Claimable, Id, Word

PENDING = text("state = 'pending'")
FOREIGN = text("state = 'foreign'")


class EventRow(Claimable, Base):
    """An event received from Stripe: which object moved, never its payload.

    Payloads are not applied (objects are fetched), so they are not kept either: they hold
    personal data and nothing here reads them. End states: processed, ignored, foreign, dead.
    """

    __tablename__ = "events"
    __table_args__ = (
        # For the choice of a customer, and for reading one's events.
        Index(
            "ix_events_due",
            "next_at",
            "seq",
            "owner",
            sqlite_where=PENDING,
            postgresql_where=PENDING,
        ),
        Index("ix_events_pending", "owner", "seq", sqlite_where=PENDING, postgresql_where=PENDING),
        Index("ix_events_foreign", "customer_id", sqlite_where=FOREIGN, postgresql_where=FOREIGN),
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    type: Mapped[str] = mapped_column(Id)
    api_version: Mapped[str | None] = mapped_column(Word)
    occurred_at: Mapped[datetime] = mapped_column()
    received_at: Mapped[datetime] = mapped_column()
    processed_at: Mapped[datetime | None] = mapped_column()
    object_type: Mapped[str | None] = mapped_column(Word)
    object_id: Mapped[str | None] = mapped_column(Id)
    subscription_id: Mapped[str | None] = mapped_column(Id)
    customer_id: Mapped[str | None] = mapped_column(Id)
    # What the worker claims by: the customer if the event names one, else the object.
    owner: Mapped[str] = mapped_column(Id)
    traceback: Mapped[str | None] = mapped_column()


class NoticeRow(Claimable, Base):
    """One e-mail to one person about one occasion. End states: sent, skipped, dead."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("occasion"),
        Index("ix_notices_pending", "next_at", sqlite_where=PENDING, postgresql_where=PENDING),
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    occasion: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Word)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    message_id: Mapped[str] = mapped_column(Id)
    facts: Mapped[dict[str, Any]] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()
    sent_at: Mapped[datetime | None] = mapped_column()


class DueWorkRow(Claimable, Base):
    """Something to do at a time: one row per (kind, subject). End states: done, dead.

    ``clock`` is the one ``next_at`` is read on: "wall", "billing" (Stripe's present moment), or
    the id of a test clock. ``generation`` counts how often it was asked for, so that the writes of
    one time are never taken for those of another.
    """

    __tablename__ = "due_work"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_due_work_pending", "next_at", sqlite_where=PENDING, postgresql_where=PENDING),
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(Word)
    subject: Mapped[str] = mapped_column(Id)
    owner: Mapped[str] = mapped_column(Id)
    clock: Mapped[str] = mapped_column(Id, default="wall")
    generation: Mapped[int] = mapped_column(default=1)


class SweepRow(Base):
    """A walk over a long list at Stripe, a page at a time: where it stands, and how the last ended.

    ``cursor`` is NULL while none is under way. ``reached`` is the moment at Stripe up to which the
    last finished one has seen everything; ``ended_at`` (wall time) and ``found`` are of that one.
    """

    __tablename__ = "sweeps"

    name: Mapped[str] = mapped_column(Word, primary_key=True)
    cursor: Mapped[dict[str, Any] | None] = mapped_column()
    reached: Mapped[datetime | None] = mapped_column()
    ended_at: Mapped[datetime | None] = mapped_column()
    found: Mapped[dict[str, Any] | None] = mapped_column()


class CheckRow(Base):
    """A note of reconcile's: when it last saw an object at Stripe, and when last as it is here.

    ``doubtful``: it read differently in a list, and is to be looked at again.
    """

    __tablename__ = "checks"
    __table_args__ = (
        Index(
            "ix_checks_doubtful",
            "kind",
            "id",
            sqlite_where=text("doubtful"),
            postgresql_where=text("doubtful"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Word)
    seen_at: Mapped[datetime] = mapped_column(index=True)
    same_at: Mapped[datetime | None] = mapped_column()
    doubtful: Mapped[bool] = mapped_column(default=False)


class CounterRow(Base):
    """SQLite's stand-in for a sequence."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(Word, primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class PaceRow(Base):
    """A line in which calls to Stripe stand (see ``gateway.pacing``). Microseconds, of the
    database's clock since 1970: when the next call may be made, how far apart calls are at
    present, and when Stripe last turned one away.
    """

    __tablename__ = "paces"

    name: Mapped[str] = mapped_column(Word, primary_key=True)
    next_us: Mapped[int] = mapped_column(BigInteger, default=0)
    gap_us: Mapped[int] = mapped_column(BigInteger)
    slowed_us: Mapped[int] = mapped_column(BigInteger, default=0)
