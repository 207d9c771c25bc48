"""Customers and their payment methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fields import field, metadata_of, object_id, required_moment, type_of


@dataclass(frozen=True)
class CustomerSnapshot:
    """``default_method_type`` is known only where the method was expanded."""

    id: str
    deleted: bool
    email: str | None = None
    currency: str | None = None
    balance: int = 0
    default_payment_method: str | None = None
    default_method_type: str | None = None
    test_clock: str | None = None
    name: str | None = None
    locale: str | None = None
    metadata: Mapping[str, str] | None = None

    @classmethod
    def of(cls, customer: Any) -> CustomerSnapshot:
        if field(customer, "deleted"):
            return cls(id=customer["id"], deleted=True)
        settings = customer["invoice_settings"]
        locales = field(customer, "preferred_locales") or ()
        return cls(
            id=customer["id"],
            deleted=False,
            email=customer["email"],
            currency=field(customer, "currency"),
            balance=customer["balance"],
            default_payment_method=object_id(field(settings, "default_payment_method")),
            default_method_type=type_of(field(settings, "default_payment_method")),
            test_clock=object_id(field(customer, "test_clock")),
            name=field(customer, "name"),
            locale=next(iter(locales), None),
            metadata=metadata_of(customer),
        )


@dataclass(frozen=True)
class BalanceMoveSnapshot:
    """A movement of a customer's balance; ``invoice`` is what it was applied to or came from."""

    id: str
    type: str
    invoice: str | None
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, move: Any) -> BalanceMoveSnapshot:
        return cls(
            id=move["id"],
            type=move["type"],
            invoice=object_id(field(move, "invoice")),
            metadata=metadata_of(move),
        )


@dataclass(frozen=True)
class PaymentMethodSnapshot:
    id: str
    type: str
    customer: str | None
    created_at: datetime
    brand: str | None
    last4: str | None

    @classmethod
    def of(cls, method: Any) -> PaymentMethodSnapshot:
        card = field(method, "card")
        return cls(
            id=method["id"],
            type=method["type"],
            customer=object_id(field(method, "customer")),
            created_at=required_moment(method["created"]),
            brand=card["brand"] if card else None,
            last4=card["last4"] if card else None,
        )
