"""Billing: how time, prices and cards become invoices, payments and statuses.

Layers, each knowing only those before it: `pricing`, `cards`, `balance`, `methods`, `rates`;
`coupons`, `items`, `discounts`, `taxes`, `totals`; `pending_items`, `proration`, `lines`, `usage`,
`meter_reports` and `metering` (what was used), `invoicing` (drafts); `documents` (an invoice's
life), `phases` (a schedule's record), `pending_updates`, `standing` (what that means to its
subscription), `collection` (charging), `crediting`, `reductions`, `course` (what becomes of a
draft); `settings`, `starting`, `ending`, `changing`, `pausing` (what callers ask for); `entering`,
`schedules`, `rescheduling` (phases); `renewal`, `dunning` (what time asks for); `lookahead`,
`preview` (any of these, rehearsed). Payments have a line of their own: `charging` (one intent, one
charge), `intents`, `setups`, `settling` (what comes later), `checkout`, `checkout_payment`,
`portal` (what customers do at Stripe's pages).
"""

from ..kernel.world import Dated
from .checkout import Sessions
from .dunning import Invoices
from .meter_reports import REPORT, MeterReports
from .renewal import Subscriptions
from .schedules import Schedules
from .settling import PaymentIntents

DATED: dict[str, Dated] = {
    "subscription": Subscriptions(),
    "subscription_schedule": Schedules(),
    "invoice": Invoices(),
    "payment_intent": PaymentIntents(),
    "checkout.session": Sessions(),
    REPORT: MeterReports(),
}

__all__ = ["DATED"]
