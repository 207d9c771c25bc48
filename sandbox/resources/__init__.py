"""The API, one module per resource family: what each endpoint accepts and does.

Every module has `ROUTES`, its part of the table of endpoints, and `shapes`, which says what of its
objects can be expanded. To add a family, write such a module and name it here.
"""

from __future__ import annotations

from ..kernel.rendering import Shapes
from ..kernel.routing import Table
from . import (
    cash_balances,
    checkout_pages,
    checkout_sessions,
    cli_sessions,
    coupons,
    credit_notes,
    customers,
    disputes,
    events,
    invoice_items,
    invoices,
    meter_events,
    meter_streams,
    meters,
    payment_intents,
    payment_links,
    payment_methods,
    payments,
    portal,
    previews,
    prices,
    products,
    refunds,
    setup_intents,
    sources,
    subscription_items,
    subscription_life,
    subscription_schedules,
    subscriptions,
    tax_rates,
    test_clocks,
    thin_events,
    webhook_endpoints,
)

FAMILIES = (
    customers,
    payment_methods,
    products,
    prices,
    coupons,
    tax_rates,
    subscriptions,
    subscription_life,
    subscription_schedules,
    subscription_items,
    invoices,
    credit_notes,
    previews,
    invoice_items,
    payments,
    payment_intents,
    setup_intents,
    refunds,
    disputes,
    sources,
    cash_balances,
    checkout_sessions,
    checkout_pages,
    payment_links,
    portal,
    meters,
    meter_events,
    meter_streams,
    test_clocks,
    events,
    thin_events,
    cli_sessions,
    webhook_endpoints,
)
TABLE = Table([route for family in FAMILIES for route in family.ROUTES])


def register_shapes(known: Shapes) -> None:
    for family in FAMILIES:
        family.shapes(known)


__all__ = ["TABLE", "register_shapes"]
