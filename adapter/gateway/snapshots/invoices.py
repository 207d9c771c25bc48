"""Invoices, their lines, and how their payment stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .fields import field, metadata_of, moment, object_id, required_moment


@dataclass(frozen=True)
class InvoiceLineSnapshot:
    """A line as the customer reads it; ``period`` is the service period it pays for."""

    id: str
    description: str | None
    amount: int
    price: str | None
    proration: bool
    quantity: int | None
    period_start: datetime
    period_end: datetime

    @classmethod
    def of(cls, line: Any) -> InvoiceLineSnapshot:
        return cls(
            id=line["id"],
            description=field(line, "description"),
            amount=line["amount"],
            price=_line_price(line),
            proration=_line_proration(line),
            quantity=field(line, "quantity"),
            period_start=required_moment(line["period"]["start"]),
            period_end=required_moment(line["period"]["end"]),
        )

    def to_json(self) -> dict[str, Any]:
        """The line as JSON members: times as RFC 3339 text, amounts in minor units."""
        return {
            "description": self.description,
            "amount": self.amount,
            "quantity": self.quantity,
            "price": self.price,
            "proration": self.proration,
            "period": {
                "start": self.period_start.isoformat(),
                "end": self.period_end.isoformat(),
            },
        }


@dataclass(frozen=True)
class PaymentState:
    """How the last payment of an invoice stands (``requires_action``, ``succeeded``…) and why.

    ``method`` is what it was last tried with.
    """

    status: str
    code: str | None
    message: str | None
    method: str | None = None

    @classmethod
    def of(cls, intent: Any) -> PaymentState:
        error = field(intent, "last_payment_error")
        code = (field(error, "decline_code") or field(error, "code")) if error else None
        # A refused intent forgets its method; its error still knows.
        method = (field(error, "payment_method") if error else None) or field(
            intent, "payment_method"
        )
        said = field(error, "message") if error else None
        return cls(intent["status"], code, said, object_id(method))


@dataclass(frozen=True)
class InvoiceSnapshot:
    """An invoice; for a preview, ``id`` is what Stripe calls it and nothing is charged."""

    id: str
    customer: str
    subscription: str | None
    status: str | None
    billing_reason: str | None
    number: str | None
    currency: str
    subtotal: int
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    starting_balance: int
    ending_balance: int | None
    attempt_count: int
    attempted: bool
    next_payment_attempt: datetime | None
    hosted_invoice_url: str | None
    created_at: datetime
    lines: tuple[InvoiceLineSnapshot, ...]
    payment: PaymentState | None = None
    discount: int = 0
    finalization_error: str | None = None
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    finalizes_at: datetime | None = None

    @property
    def after_discounts(self) -> int:
        """What its lines come to after discounts, before tax that is added to them. A tax that the
        prices include is in it, as it is in the amount of a line.
        """
        return self.subtotal - self.discount

    @classmethod
    def of(cls, invoice: Any, lines: Iterable[Any] | None = None) -> InvoiceSnapshot:
        unfinished = field(invoice, "last_finalization_error")
        return cls(
            id=str(field(invoice, "id") or "preview"),
            customer=str(object_id(invoice["customer"])),
            subscription=_invoice_subscription(invoice),
            status=field(invoice, "status"),
            billing_reason=field(invoice, "billing_reason"),
            number=field(invoice, "number"),
            currency=invoice["currency"],
            subtotal=invoice["subtotal"],
            total=invoice["total"],
            amount_due=invoice["amount_due"],
            amount_paid=invoice["amount_paid"],
            amount_remaining=invoice["amount_remaining"],
            starting_balance=invoice["starting_balance"],
            ending_balance=field(invoice, "ending_balance"),
            attempt_count=invoice["attempt_count"],
            attempted=invoice["attempted"],
            next_payment_attempt=moment(field(invoice, "next_payment_attempt")),
            hosted_invoice_url=field(invoice, "hosted_invoice_url"),
            created_at=required_moment(invoice["created"]),
            lines=tuple(InvoiceLineSnapshot.of(x) for x in (lines or invoice["lines"]["data"])),
            payment=_payment(invoice),
            discount=sum(each["amount"] for each in field(invoice, "total_discount_amounts") or ()),
            finalization_error=field(unfinished, "message") if unfinished else None,
            metadata=metadata_of(invoice),
            finalizes_at=moment(field(invoice, "automatically_finalizes_at")),
        )


def _invoice_subscription(invoice: Any) -> str | None:
    """Basil moved it under ``parent``, whose type has to be looked at first."""
    parent = field(invoice, "parent")
    if parent is None or parent["type"] != "subscription_details":
        return None
    return object_id(field(parent["subscription_details"], "subscription"))


def _line_price(line: Any) -> str | None:
    pricing = field(line, "pricing")
    details = field(pricing, "price_details") if pricing else None
    return object_id(field(details, "price")) if details else None


def _line_proration(line: Any) -> bool:
    parent = field(line, "parent")
    details = field(parent, str(parent["type"])) if parent else None
    return bool(field(details, "proration")) if details else False


def _payment(invoice: Any) -> PaymentState | None:
    payments = field(invoice, "payments")
    if not payments or not payments["data"]:
        return None
    intent = field(payments["data"][-1]["payment"], "payment_intent")
    return None if intent is None or isinstance(intent, str) else PaymentState.of(intent)
