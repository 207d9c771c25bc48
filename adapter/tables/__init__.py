"""All tables of the one database, one module per group of nouns."""

from .access import AnsweredRequestRow, ApiKeyRow
from .accounts import AccountRow
from .allowances import AllowanceEntryRow, AllowanceLotRow, UsageRow
from .base import Base, Claimable
from .changes import ChangeLineRow, ChangeRow, IntentRow, QuoteRow
from .mirror import InvoiceRow, LineRow, PriceRow, ScheduleRow, SubscriptionRow
from .purchases import CheckoutRow, PurchaseRow
from .work import CounterRow, DueWorkRow, EventRow, NoticeRow, SweepRow

__all__ = [
    "AccountRow",
    "AllowanceEntryRow",
    "AllowanceLotRow",
    "AnsweredRequestRow",
    "ApiKeyRow",
    "Base",
    "ChangeLineRow",
    "ChangeRow",
    "CheckoutRow",
    "Claimable",
    "CounterRow",
    "DueWorkRow",
    "EventRow",
    "IntentRow",
    "InvoiceRow",
    "LineRow",
    "NoticeRow",
    "PriceRow",
    "PurchaseRow",
    "QuoteRow",
    "ScheduleRow",
    "SubscriptionRow",
    "SweepRow",
    "UsageRow",
]
