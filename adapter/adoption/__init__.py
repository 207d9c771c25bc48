"""Adopting what already exists at Stripe: customers with their subscriptions become accounts.

A company that switches Planshift on has customers already. ``Adoption.run`` walks Stripe's live
subscriptions, and makes an account of each of their customers, in one transaction each; what could
not be quoted or changed afterwards is reported with what to do. A dry run does the same and takes
it back. Nothing is told to anybody: what happened before happened without us. ``AdoptedPrices``
says which offer a price from before carries.
"""

from .adopting import Adoption
from .migrating import Migration
from .prices import AdoptedPrices
from .refs import RefSource
from .report import Report, report_document, report_lines

__all__ = [
    "AdoptedPrices",
    "Adoption",
    "Migration",
    "RefSource",
    "Report",
    "report_document",
    "report_lines",
]
