"""Parameters that subscriptions, their items, invoices and previews have in common."""

from __future__ import annotations

from ..kernel.fields import (
    METADATA,
    Fields,
    any_of,
    array,
    boolean,
    decimal,
    enum,
    integer,
    moment,
    record,
    text,
)
from .common import META, QUANTITY
from .prices import AMOUNT, RECURRING

PRORATION = enum("always_invoice", "create_prorations", "none")
PAYMENT_BEHAVIOR = enum(
    "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
)
TIMESTAMP = moment(words=())
RECURRING_DATA = record(
    {**AMOUNT, "product": text(required=True), "recurring": RECURRING["recurring"]}
)
ONE_OFF_DATA = record({**AMOUNT, "product": text(required=True)})
DISCOUNTS = array(record({name: text() for name in ("coupon", "discount", "promotion_code")}))
TAX_RATES = array(text())
ITEM: Fields = {
    **META,
    "discounts": DISCOUNTS,
    "plan": text(),
    "price": text(),
    "price_data": RECURRING_DATA,
    "quantity": QUANTITY,
    "tax_rates": TAX_RATES,
}
EXTRA: Fields = {
    "discountable": boolean(),
    "discounts": DISCOUNTS,
    "metadata": METADATA,
    "price": text(),
    "price_data": ONE_OFF_DATA,
    "quantity": integer(least=0),
    "tax_rates": TAX_RATES,
}
PERIOD = record({"end": moment(words=(), required=True), "start": moment(words=(), required=True)})
LOOSE_AMOUNT: Fields = {
    "amount": integer(),
    "currency": text(),
    "description": text(),
    "period": PERIOD,
    "unit_amount_decimal": decimal(),
}
# An object since endive (API changelog 2026-09-30.endive, §2.2); the bare string is read too, and
# refused where it is used, by named switch (§7).
ANCHOR = any_of(enum("now", "unchanged"), record({"type": enum("now", "unchanged", required=True)}))
PREVIEW_ANCHOR = record(
    {"type": enum("now", "unchanged", "timestamp", required=True), "timestamp": TIMESTAMP}
)
CANCEL_AT = moment(words=("min_period_end", "max_period_end", "max_billed_until"))
TRIAL_END = moment(words=("now",))
BILLING_MODE = record(
    {
        "type": enum("classic", "flexible", required=True),
        "flexible": record({"proration_discounts": enum("included")}),
    }
)
TRIAL_SETTINGS = record(
    {
        "end_behavior": record(
            {
                "billing_cycle_anchor": enum("now", "unchanged"),
                "missing_payment_method": enum("cancel", "create_invoice", "pause"),
            },
            required=True,
        )
    }
)
PAUSE_COLLECTION = record(
    {
        "behavior": enum("keep_as_draft", "mark_uncollectible", "void", required=True),
        "resumes_at": TIMESTAMP,
    }
)
PAYMENT_SETTINGS = record({"save_default_payment_method": enum("off", "on_subscription")})
FEEDBACK = enum(
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
CANCELLATION_DETAILS = record({"comment": text(), "feedback": FEEDBACK})
COLLECTION = enum("charge_automatically", "send_invoice")
EXTRAS = array(record(EXTRA), most=20)
