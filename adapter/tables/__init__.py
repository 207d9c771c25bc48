"""All tables of the one database, one module per group of nouns."""

from .access import AnsweredRequestRow, ApiKeyRow
from .accounts import AccountRow
from .allowances import AllowanceEntryRow, AllowanceLotRow, UsageRow
from .base import Base, Claimable
from .changes import ChangeLineRow, ChangeRow, IntentRow, QuoteRow, SubscriptionHoldRow
from .metering import ChargesRow, MeterEventRow
from .mirror import InvoiceRow, LineRow, PriceRow, ReversalRow, ScheduleRow, SubscriptionRow
from .purchases import CheckoutRow, PurchaseRow
from .sales import AgreementRow, SalesRequestRow
from .work import (
    CheckRow,
    CounterRow,
    DueWorkRow,
    EventRow,
    NoticeRow,
    PaceRow,
    SweepRow,
)

__all__ = [
    "AccountRow",
    "AgreementRow",
    "AllowanceEntryRow",
    "AllowanceLotRow",
    "AnsweredRequestRow",
    "ApiKeyRow",
    "Base",
    "ChangeLineRow",
    "ChangeRow",
    "ChargesRow",
    "CheckRow",
    "CheckoutRow",
    "Claimable",
    "CounterRow",
    "DueWorkRow",
    "EventRow",
    "IntentRow",
    "InvoiceRow",
    "LineRow",
    "MeterEventRow",
    "NoticeRow",
    "PaceRow",
    "PriceRow",
    "PurchaseRow",
    "QuoteRow",
    "ReversalRow",
    "SalesRequestRow",
    "ScheduleRow",
    "SubscriptionHoldRow",
    "SubscriptionRow",
    "SweepRow",
    "UsageRow",
]
