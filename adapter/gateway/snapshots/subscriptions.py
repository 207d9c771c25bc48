"""Subscriptions and their items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .catalogue import PriceSnapshot
from .fields import field, metadata_of, moment, object_id, required_moment, type_of
from .invoices import InvoiceSnapshot

# Metadata that names the plan change of ours that last moved an object.
CHANGE_KEY = "planshift_change"
# Metadata that names the invoice because of which we moved a balance.
INVOICE_KEY = "planshift_invoice"
# Metadata that says which deployment an object belongs to.
TENANT_KEY = "planshift_tenant"


@dataclass(frozen=True)
class ItemSnapshot:
    id: str
    price: PriceSnapshot
    quantity: int
    period_start: datetime
    period_end: datetime
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, item: Any) -> ItemSnapshot:
        return cls(
            id=item["id"],
            price=PriceSnapshot.of(item["price"]),
            quantity=int(field(item, "quantity") or 1),
            period_start=required_moment(item["current_period_start"]),
            period_end=required_moment(item["current_period_end"]),
            metadata=metadata_of(item),
        )


@dataclass(frozen=True)
class SubscriptionSnapshot:
    """``default_method_type`` is known only where the method was expanded."""

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
    default_method_type: str | None
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
    def of(
        cls,
        sub: Any,
        items: Iterable[Any] | None = None,
        invoice_lines: Iterable[Any] | None = None,
    ) -> SubscriptionSnapshot:
        pending = field(sub, "pending_update")
        invoice = field(sub, "latest_invoice")
        details = field(sub, "cancellation_details")
        return cls(
            id=sub["id"],
            customer=str(object_id(sub["customer"])),
            status=sub["status"],
            currency=sub["currency"],
            collection_method=sub["collection_method"],
            billing_mode=sub["billing_mode"]["type"],
            started_at=required_moment(sub["start_date"]),
            items=tuple(ItemSnapshot.of(item) for item in (items or sub["items"]["data"])),
            cancel_at=moment(field(sub, "cancel_at")),
            cancel_at_period_end=bool(field(sub, "cancel_at_period_end")),
            canceled_at=moment(field(sub, "canceled_at")),
            ended_at=moment(field(sub, "ended_at")),
            cancellation_reason=field(details, "reason") if details else None,
            trial_end=moment(field(sub, "trial_end")),
            default_payment_method=object_id(field(sub, "default_payment_method")),
            default_method_type=type_of(field(sub, "default_payment_method")),
            schedule=object_id(field(sub, "schedule")),
            pending_update_expires_at=moment(pending["expires_at"]) if pending else None,
            paused_collection=field(sub, "pause_collection") is not None,
            latest_invoice=object_id(invoice),
            invoice=None
            if invoice is None or isinstance(invoice, str)
            else InvoiceSnapshot.of(invoice, invoice_lines),
            metadata=metadata_of(sub),
        )
