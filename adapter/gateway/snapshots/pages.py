"""Checkout Sessions, and objects of which only the id matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fields import field, metadata_of, object_id, required_moment


@dataclass(frozen=True)
class CheckoutSnapshot:
    """A Checkout Session. ``payment_method`` is known for a completed setup, if it was expanded."""

    id: str
    customer: str
    mode: str
    status: str
    payment_status: str
    url: str | None
    expires_at: datetime
    subscription: str | None
    invoice: str | None
    setup_intent: str | None
    payment_method: str | None
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, session: Any) -> CheckoutSnapshot:
        setup = field(session, "setup_intent")
        expanded = setup is not None and not isinstance(setup, str)
        return cls(
            id=session["id"],
            customer=str(object_id(field(session, "customer")) or ""),
            mode=session["mode"],
            status=session["status"],
            payment_status=session["payment_status"],
            url=field(session, "url"),
            expires_at=required_moment(session["expires_at"]),
            subscription=object_id(field(session, "subscription")),
            invoice=object_id(field(session, "invoice")),
            setup_intent=object_id(setup),
            payment_method=object_id(field(setup, "payment_method")) if expanded else None,
            metadata=metadata_of(session),
        )


@dataclass(frozen=True)
class MadeSnapshot:
    """Something made at Stripe that is never looked into: an invoice item, a credit note."""

    id: str

    @classmethod
    def of(cls, made: Any) -> MadeSnapshot:
        return cls(made["id"])
