"""Who may call: API keys (hashed) and the memory of POSTs already answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id, Word


class ApiKeyRow(Base):
    """A bearer key: only the SHA-256 of its 256 random bits is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Word, primary_key=True)
    name: Mapped[str] = mapped_column(Id)
    digest: Mapped[str] = mapped_column(Word)
    scopes: Mapped[list[Any]] = mapped_column()
    created_at: Mapped[datetime] = mapped_column()
    revoked_at: Mapped[datetime | None] = mapped_column()


class AnsweredRequestRow(Base):
    """A POST with an Idempotency-Key: its fingerprint, and its answer once there is one."""

    __tablename__ = "answered_requests"
    __table_args__ = (UniqueConstraint("api_key_id", "key"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    api_key_id: Mapped[str] = mapped_column(Word, ForeignKey("api_keys.id"))
    key: Mapped[str] = mapped_column(Id)
    fingerprint: Mapped[str] = mapped_column(Word)
    started_at: Mapped[datetime] = mapped_column()
    status: Mapped[int | None] = mapped_column()
    body: Mapped[dict[str, Any] | None] = mapped_column()
