"""The mirror: Stripe's objects as last fetched. Written only by ``adapter.mirror``.

Money is integer minor units with its currency beside it; times are UTC; ``status`` is Stripe's
own word. ``ticket`` is the number taken before the call that brought the row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, BigId, Id, Word


class SubscriptionRow(Base):
    """A subscription at Stripe. Kept for ever: a cancelled one is an update, not a deletion.

    ``gone`` (here as on schedules and invoices): Stripe does not have it any more, and the status
    is ours.
    """

    __tablename__ = "subscriptions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    status: Mapped[str] = mapped_column(Word)
    currency: Mapped[str] = mapped_column(Word)
    collection_method: Mapped[str] = mapped_column(Word)
    billing_mode: Mapped[str] = mapped_column(Word)
    started_at: Mapped[datetime] = mapped_column()
    cancel_at: Mapped[datetime | None] = mapped_column()
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    canceled_at: Mapped[datetime | None] = mapped_column()
    ended_at: Mapped[datetime | None] = mapped_column()
    cancellation_reason: Mapped[str | None] = mapped_column(Word)
    trial_end: Mapped[datetime | None] = mapped_column()
    default_payment_method: Mapped[str | None] = mapped_column(Id)
    # Its type at Stripe ("card"), NULL if it was not told along.
    default_method_type: Mapped[str | None] = mapped_column(Word)
    schedule_id: Mapped[str | None] = mapped_column(Id)
    latest_invoice: Mapped[str | None] = mapped_column(Id)
    pending_update_expires_at: Mapped[datetime | None] = mapped_column()
    paused_collection: Mapped[bool] = mapped_column(default=False)
    change_id: Mapped[str | None] = mapped_column(Id)
    gone: Mapped[bool] = mapped_column(default=False)
    ticket: Mapped[int] = mapped_column(BigInteger)

    lines: Mapped[list[LineRow]] = relationship(order_by="LineRow.id", lazy="joined")


class LineRow(Base):
    """One item of a subscription, mapped back to its offer; a removed item stays, marked.

    ``family`` … ``interval`` are NULL together when the price is unknown to the catalogue, which
    is reported and never guessed. Of a metered one, ``meter_id`` counts what is used and
    ``unit_price`` is the price of one unit, in minor units, exact.
    """

    __tablename__ = "subscription_lines"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    subscription_id: Mapped[str] = mapped_column(Id, ForeignKey("subscriptions.id"), index=True)
    price_id: Mapped[str] = mapped_column(Id)
    unit_amount: Mapped[int | None] = mapped_column(BigInteger)
    unit_price: Mapped[str | None] = mapped_column(Word)
    meter_id: Mapped[str | None] = mapped_column(Id)
    quantity: Mapped[int] = mapped_column(BigInteger)
    period_start: Mapped[datetime] = mapped_column()
    period_end: Mapped[datetime] = mapped_column()
    family: Mapped[str | None] = mapped_column(Word)
    plan: Mapped[str | None] = mapped_column(Word)
    tier: Mapped[str | None] = mapped_column(Word)
    interval: Mapped[str | None] = mapped_column(Word)
    currency: Mapped[str] = mapped_column(Word)
    # The item's metadata, which a schedule made from the subscription would drop.
    tags: Mapped[dict[str, Any]] = mapped_column()
    unknown_price: Mapped[str | None] = mapped_column()
    removed: Mapped[bool] = mapped_column(default=False)


class ScheduleRow(Base):
    """A subscription schedule. ``phases`` are Stripe's own, because they are sent back whole.

    ``tagged``: it carries our tenant's tag. ``mapped``: every price in it is one of our offers, so
    it may be taken over; what is neither is somebody else's and never touched.
    """

    __tablename__ = "schedules"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    subscription_id: Mapped[str | None] = mapped_column(Id, index=True)
    status: Mapped[str] = mapped_column(Word)
    end_behavior: Mapped[str] = mapped_column(Word)
    phases: Mapped[list[Any]] = mapped_column()
    phase_start: Mapped[datetime | None] = mapped_column()
    tagged: Mapped[bool] = mapped_column()
    mapped: Mapped[bool] = mapped_column()
    gone: Mapped[bool] = mapped_column(default=False)
    ticket: Mapped[int] = mapped_column(BigInteger)


class InvoiceRow(Base):
    """An invoice at Stripe, with its lines as they read there.

    ``tried_method`` is the payment method of the last attempt to pay it, "" if there was none to
    try, NULL if that was not looked at. ``finalization_error`` is Stripe's message while it cannot
    be finalized, so that nobody is charged: a person has to look.
    """

    __tablename__ = "invoices"
    __table_args__ = (Index("ix_invoices_account", "account_seq", "created_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"))
    subscription_id: Mapped[str | None] = mapped_column(Id, index=True)
    status: Mapped[str] = mapped_column(Word)
    billing_reason: Mapped[str | None] = mapped_column(Word)
    number: Mapped[str | None] = mapped_column(Word)
    currency: Mapped[str] = mapped_column(Word)
    subtotal: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)
    amount_due: Mapped[int] = mapped_column(BigInteger)
    amount_paid: Mapped[int] = mapped_column(BigInteger)
    amount_remaining: Mapped[int] = mapped_column(BigInteger)
    starting_balance: Mapped[int] = mapped_column(BigInteger)
    ending_balance: Mapped[int | None] = mapped_column(BigInteger)
    attempt_count: Mapped[int] = mapped_column()
    next_payment_attempt: Mapped[datetime | None] = mapped_column()
    hosted_invoice_url: Mapped[str | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()
    lines: Mapped[list[Any]] = mapped_column()
    tried_method: Mapped[str | None] = mapped_column(Id)
    finalization_error: Mapped[str | None] = mapped_column()
    gone: Mapped[bool] = mapped_column(default=False)
    ticket: Mapped[int] = mapped_column(BigInteger)

    @property
    def balance_used(self) -> int:
        """Credit that it took from the customer's balance (negative there means credit)."""
        if self.ending_balance is None:
            return 0
        return max(self.ending_balance - self.starting_balance, 0)


class ReversalRow(Base):
    """Money that went back to a customer (``kind`` refund), or is claimed back (dispute).

    ``amount`` is positive. ``status`` and ``reason`` are Stripe's words. ``invoice_id`` is NULL for
    a payment without an invoice. ``respond_by``: until when evidence may be handed in.
    """

    __tablename__ = "reversals"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_seq: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.seq"), index=True)
    kind: Mapped[str] = mapped_column(Word)
    invoice_id: Mapped[str | None] = mapped_column(Id, index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Word)
    status: Mapped[str] = mapped_column(Word)
    reason: Mapped[str | None] = mapped_column(Word)
    respond_by: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()
    ticket: Mapped[int] = mapped_column(BigInteger)


class PriceRow(Base):
    """A price at Stripe that carries one of our offers. One offer has many old, one current.

    ``drift``: what somebody has changed at Stripe since the last sync, in words.
    """

    __tablename__ = "prices"
    __table_args__ = (
        Index(
            "uq_prices_current",
            "lookup_key",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    lookup_key: Mapped[str] = mapped_column(Id)
    product_id: Mapped[str] = mapped_column(Id)
    family: Mapped[str] = mapped_column(Word)
    plan: Mapped[str] = mapped_column(Word)
    tier: Mapped[str] = mapped_column(Word)
    interval: Mapped[str] = mapped_column(Word)
    currency: Mapped[str] = mapped_column(Word)
    # A metered price has no fixed amount but a price per unit, in minor units, and a meter.
    unit_amount: Mapped[int | None] = mapped_column(BigInteger)
    unit_price: Mapped[str | None] = mapped_column(Word)
    meter_id: Mapped[str | None] = mapped_column(Id)
    active: Mapped[bool] = mapped_column()
    current: Mapped[bool] = mapped_column()
    drift: Mapped[str | None] = mapped_column()
