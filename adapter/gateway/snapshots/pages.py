"""Checkout Sessions, and objects of which only the id matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fields import field, metadata_of, object_id, required_moment


@dataclass(frozen=True)
class CheckoutSnapshot:
    """A Checkout Session.

    Known only where they were expanded: ``payment_method``, what a completed setup has saved, and
    ``payment``, how the payment of a session in payment mode stands (Stripe's word).
    """

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
    payment: str | None
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, session: Any) -> CheckoutSnapshot:
        setup = field(session, "setup_intent")
        method = _of_expanded(setup, "payment_method")
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
            payment_method=object_id(method),
            payment=_of_expanded(field(session, "payment_intent"), "status"),
            metadata=metadata_of(session),
        )


def _of_expanded(intent: Any, name: str) -> Any:
    """A field of an intent; None where Stripe gave only its id."""
    return None if intent is None or isinstance(intent, str) else field(intent, name)


@dataclass(frozen=True)
class PortalSnapshot:
    """A session of the customer portal, or a configuration of it, which has no ``url``."""

    id: str
    url: str | None
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, made: Any) -> PortalSnapshot:
        return cls(made["id"], field(made, "url"), metadata_of(made))


@dataclass(frozen=True)
class MadeSnapshot:
    """Something made at Stripe that is never looked into: an invoice item, a credit note."""

    id: str

    @classmethod
    def of(cls, made: Any) -> MadeSnapshot:
        return cls(made["id"])

    @classmethod
    def of_event(cls, made: Any) -> MadeSnapshot:
        """A meter event, which has no id but the identifier it was sent with."""
        return cls(made["identifier"])
