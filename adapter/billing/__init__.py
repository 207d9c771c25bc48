"""The parameters of what is billed now. Preview and execution are built from the same object.

That is what makes "charged what the quote said" hold: there is no second place where an item, a
proration or an anchor could be said differently.
"""

from .changing import UpdateNow
from .ending import Cancel, EndUsage, RemoveNow
from .lines import LATEST_INVOICE, Credit, Entry
from .replacing import Replace, Resubscribe
from .starting import Purchase
from .stored import Bill, Billed, ByAgreement, Later, bill_from_json, bill_to_json

__all__ = [
    "LATEST_INVOICE",
    "Bill",
    "Billed",
    "ByAgreement",
    "Cancel",
    "Credit",
    "EndUsage",
    "Entry",
    "Later",
    "Purchase",
    "RemoveNow",
    "Replace",
    "Resubscribe",
    "UpdateNow",
    "bill_from_json",
    "bill_to_json",
]
