"""What Stripe said, as frozen dataclasses; made once, at the edge, and used everywhere.

All amounts are integer minor units of the object's currency; all times are aware UTC. Fields that
API 2026-10-28.endive no longer has (``invoice.subscription``, ``current_period_end`` on the
subscription…) are read where they moved to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

CHANGE_KEY = "planshift_change"


def object_id(value: Any) -> str | None:
    """The id of a field that is an id, an expanded object, or absent."""
    if value is None or isinstance(value, str):
        return value
    return str(value["id"])


def moment(seconds: int | None) -> datetime | None:
    """Stripe's unix seconds as an aware datetime."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def required_moment(seconds: int) -> datetime:
    """As ``moment``, for fields that are never null."""
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True)
class PriceSnapshot:
    id: str
    product: str
    active: bool
    currency: str
    unit_amount: int | None
    interval: str | None
    lookup_key: str | None
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, price: Any) -> PriceSnapshot:
        recurring = price["recurring"]
        return cls(
            id=price["id"],
            product=str(object_id(price["product"])),
            active=price["active"],
            currency=price["currency"],
            unit_amount=price["unit_amount"],
            interval=recurring["interval"] if recurring else None,
            lookup_key=price["lookup_key"],
            metadata=_metadata(price),
        )


@dataclass(frozen=True)
class ProductSnapshot:
    id: str
    name: str
    active: bool
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, product: Any) -> ProductSnapshot:
        return cls(product["id"], product["name"], product["active"], _metadata(product))


@dataclass(frozen=True)
class CustomerSnapshot:
    id: str
    deleted: bool
    email: str | None = None
    currency: str | None = None
    balance: int = 0
    default_payment_method: str | None = None
    test_clock: str | None = None
    metadata: Mapping[str, str] | None = None

    @classmethod
    def of(cls, customer: Any) -> CustomerSnapshot:
        if _field(customer, "deleted"):
            return cls(id=customer["id"], deleted=True)
        settings = customer["invoice_settings"]
        return cls(
            id=customer["id"],
            deleted=False,
            email=customer["email"],
            currency=_field(customer, "currency"),
            balance=customer["balance"],
            default_payment_method=object_id(_field(settings, "default_payment_method")),
            test_clock=object_id(_field(customer, "test_clock")),
            metadata=_metadata(customer),
        )


@dataclass(frozen=True)
class ItemSnapshot:
    id: str
    price: PriceSnapshot
    quantity: int
    period_start: datetime
    period_end: datetime

    @classmethod
    def of(cls, item: Any) -> ItemSnapshot:
        return cls(
            id=item["id"],
            price=PriceSnapshot.of(item["price"]),
            quantity=int(_field(item, "quantity") or 1),
            period_start=required_moment(item["current_period_start"]),
            period_end=required_moment(item["current_period_end"]),
        )


@dataclass(frozen=True)
class SubscriptionSnapshot:
    id: str
    customer: str
    status: str
    currency: str
    collection_method: str
    billing_mode: str
    started_at: datetime
    items: tuple[ItemSnapshot, ...]
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    cancellation_reason: str | None
    trial_end: datetime | None
    default_payment_method: str | None
    schedule: str | None
    pending_update_expires_at: datetime | None
    paused_collection: bool
    latest_invoice: str | None
    invoice: InvoiceSnapshot | None
    metadata: Mapping[str, str]

    @property
    def change_id(self) -> str | None:
        """The plan change of ours that last moved it, if any."""
        return self.metadata.get(CHANGE_KEY)

    @classmethod
    def of(cls, sub: Any, items: Iterable[Any] | None = None) -> SubscriptionSnapshot:
        pending = _field(sub, "pending_update")
        invoice = _field(sub, "latest_invoice")
        details = _field(sub, "cancellation_details")
        return cls(
            id=sub["id"],
            customer=str(object_id(sub["customer"])),
            status=sub["status"],
            currency=sub["currency"],
            collection_method=sub["collection_method"],
            billing_mode=sub["billing_mode"]["type"],
            started_at=required_moment(sub["start_date"]),
            items=tuple(ItemSnapshot.of(item) for item in (items or sub["items"]["data"])),
            cancel_at=moment(_field(sub, "cancel_at")),
            cancel_at_period_end=bool(_field(sub, "cancel_at_period_end")),
            canceled_at=moment(_field(sub, "canceled_at")),
            ended_at=moment(_field(sub, "ended_at")),
            cancellation_reason=_field(details, "reason") if details else None,
            trial_end=moment(_field(sub, "trial_end")),
            default_payment_method=object_id(_field(sub, "default_payment_method")),
            schedule=object_id(_field(sub, "schedule")),
            pending_update_expires_at=moment(pending["expires_at"]) if pending else None,
            paused_collection=_field(sub, "pause_collection") is not None,
            latest_invoice=object_id(invoice),
            invoice=None
            if invoice is None or isinstance(invoice, str)
            else InvoiceSnapshot.of(invoice),
            metadata=_metadata(sub),
        )


@dataclass(frozen=True)
class InvoiceLineSnapshot:
    """A line as the customer reads it; ``period`` is the service period it pays for."""

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
            description=_field(line, "description"),
            amount=line["amount"],
            price=_line_price(line),
            proration=_line_proration(line),
            quantity=_field(line, "quantity"),
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
    """How the last payment of an invoice stands (``requires_action``, ``succeeded``…) and why."""

    status: str
    code: str | None
    message: str | None

    @classmethod
    def of(cls, intent: Any) -> PaymentState:
        error = _field(intent, "last_payment_error")
        code = (_field(error, "decline_code") or _field(error, "code")) if error else None
        return cls(intent["status"], code, _field(error, "message") if error else None)


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

    @classmethod
    def of(cls, invoice: Any, lines: Iterable[Any] | None = None) -> InvoiceSnapshot:
        return cls(
            id=str(_field(invoice, "id") or "preview"),
            customer=str(object_id(invoice["customer"])),
            subscription=_invoice_subscription(invoice),
            status=_field(invoice, "status"),
            billing_reason=_field(invoice, "billing_reason"),
            number=_field(invoice, "number"),
            currency=invoice["currency"],
            subtotal=invoice["subtotal"],
            total=invoice["total"],
            amount_due=invoice["amount_due"],
            amount_paid=invoice["amount_paid"],
            amount_remaining=invoice["amount_remaining"],
            starting_balance=invoice["starting_balance"],
            ending_balance=_field(invoice, "ending_balance"),
            attempt_count=invoice["attempt_count"],
            attempted=invoice["attempted"],
            next_payment_attempt=moment(_field(invoice, "next_payment_attempt")),
            hosted_invoice_url=_field(invoice, "hosted_invoice_url"),
            created_at=required_moment(invoice["created"]),
            lines=tuple(InvoiceLineSnapshot.of(x) for x in (lines or invoice["lines"]["data"])),
            payment=_payment(invoice),
        )


@dataclass(frozen=True)
class PaymentMethodSnapshot:
    id: str
    type: str
    customer: str | None
    brand: str | None
    last4: str | None

    @classmethod
    def of(cls, method: Any) -> PaymentMethodSnapshot:
        card = _field(method, "card")
        return cls(
            id=method["id"],
            type=method["type"],
            customer=object_id(_field(method, "customer")),
            brand=card["brand"] if card else None,
            last4=card["last4"] if card else None,
        )


def _field(thing: Any, name: str) -> Any:
    """A field that may be absent altogether (the SDK's objects are not dicts)."""
    return thing[name] if name in thing else None  # noqa: SIM401  (no .get there)


def _metadata(thing: Any) -> dict[str, str]:
    metadata = _field(thing, "metadata")
    if metadata is None:
        return {}
    return dict(metadata if isinstance(metadata, dict) else metadata.to_dict())


def _invoice_subscription(invoice: Any) -> str | None:
    """Basil moved it under ``parent``, whose type has to be looked at first."""
    parent = _field(invoice, "parent")
    if parent is None or parent["type"] != "subscription_details":
        return None
    return object_id(_field(parent["subscription_details"], "subscription"))


def _line_price(line: Any) -> str | None:
    pricing = _field(line, "pricing")
    details = _field(pricing, "price_details") if pricing else None
    return object_id(_field(details, "price")) if details else None


def _line_proration(line: Any) -> bool:
    parent = _field(line, "parent")
    details = _field(parent, str(parent["type"])) if parent else None
    return bool(_field(details, "proration")) if details else False


def _payment(invoice: Any) -> PaymentState | None:
    payments = _field(invoice, "payments")
    if not payments or not payments["data"]:
        return None
    intent = _field(payments["data"][-1]["payment"], "payment_intent")
    return None if intent is None or isinstance(intent, str) else PaymentState.of(intent)
