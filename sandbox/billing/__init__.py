"""Billing: how time, prices and cards become invoices, payments and statuses.

Layers, each knowing only those before it: `pricing`, `cards`, `balance`, `methods`; `items`,
`pending_items`, `proration`, `lines`, `invoicing` (drafts); `documents` (an invoice's life),
`pending_updates`, `standing` (what that means to its subscription), `collection` (charging);
`starting`, `ending`, `changing` (what callers ask for); `renewal`, `dunning` (what time asks for);
`preview` (any of these, rehearsed).
"""

from ..kernel.world import Dated
from .dunning import Invoices
from .renewal import Subscriptions
from .settling import PaymentIntents

DATED: dict[str, Dated] = {
    "subscription": Subscriptions(),
    "invoice": Invoices(),
    "payment_intent": PaymentIntents(),
}

__all__ = ["DATED"]
