"""POST /v1/invoices/create_preview: what an invoice would hold, before anything happens."""

from __future__ import annotations

from ..billing.preview import preview_invoice
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, enum, integer, record, text
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .billing_fields import (
    BILLING_MODE,
    CANCEL_AT,
    DISCOUNTS,
    EXTRA,
    ITEM,
    LOOSE_AMOUNT,
    PREVIEW_ANCHOR,
    PRORATION,
    TAX_RATES,
    TIMESTAMP,
    TRIAL_END,
)
from .common import META
from .subscription_schedules import END_BEHAVIOR, PHASES

DETAILS: Fields = {
    **META,
    "billing_cycle_anchor": PREVIEW_ANCHOR,
    "billing_mode": BILLING_MODE,
    "cancel_at": CANCEL_AT,
    "cancel_at_period_end": boolean(),
    "cancel_now": boolean(),
    "default_tax_rates": TAX_RATES,
    "items": array(
        record({**ITEM, "id": text(), "deleted": boolean(), "clear_usage": boolean()}), most=20
    ),
    "proration_behavior": PRORATION,
    "proration_date": TIMESTAMP,
    "trial_end": TRIAL_END,
}
SCHEDULE_DETAILS: Fields = {
    "end_behavior": END_BEHAVIOR,
    "phases": PHASES,
    "proration_behavior": PRORATION,
}
PREVIEW: Fields = {
    "currency": text(),
    "customer": text(),
    "discounts": DISCOUNTS,
    "invoice_items": array(record({**EXTRA, **LOOSE_AMOUNT, "unit_amount": integer()}), most=250),
    "preview_mode": enum("next", "recurring"),
    "schedule": text(),
    "schedule_details": record(SCHEDULE_DETAILS),
    "subscription": text(),
    "subscription_details": record(DETAILS),
}


def create_preview(world: World, call: Call) -> Json:
    params = call.params
    if params.get("preview_mode") == "recurring":
        raise errors.invalid("This preview_mode is not available here.", "preview_mode")
    details = params.get("subscription_details") or {}
    if details.get("cancel_now") and details.get("items"):
        raise errors.invalid(
            "You cannot pass `items` together with `cancel_now`.",
            "subscription_details[cancel_now]",
        )
    return preview_invoice(world, params)


def shapes(known: Shapes) -> None:
    """A preview expands as an invoice does."""


ROUTES = [Route("POST", "/v1/invoices/create_preview", create_preview, PREVIEW)]
