"""Reconcile: prove that local state is true, and make it so.

``Reconciling`` walks everything live at Stripe, by hand or as due work. ``walking`` takes the pages
and compares them with the rows here (``comparing``); what is in doubt is looked at once more, alone
and under a ticket, and repaired by the mirror as if a webhook had told of it (``looking``).
``notes`` remembers in the database what was seen, so that memory stays flat. ``report`` says what
came of it.
"""

from .findings import Difference, Failure, Finding, Foreign, UnknownPrice
from .reconciling import Reconciling, left
from .walking import Walk

__all__ = [
    "Difference",
    "Failure",
    "Finding",
    "Foreign",
    "Reconciling",
    "UnknownPrice",
    "Walk",
    "left",
]
