"""What Stripe said, as frozen dataclasses; made once, at the edge, and used everywhere.

All amounts are integer minor units of the object's currency; all times are aware UTC. Fields that
API 2026-10-28.endive no longer has (``invoice.subscription``, ``current_period_end`` on the
subscription…) are read where they moved to.
"""

from .catalogue import ListedPrice, PriceSnapshot, ProductSnapshot
from .customers import BalanceMoveSnapshot, CustomerSnapshot, PaymentMethodSnapshot
from .endpoints import EndpointSnapshot
from .fields import field, metadata_of, object_id, required_moment
from .invoices import InvoiceLineSnapshot, InvoiceSnapshot, PaymentState
from .meters import METER_CUSTOMER, METER_VALUE, MeterReport, MeterSnapshot
from .pages import CheckoutSnapshot, MadeSnapshot, PortalSnapshot
from .reversals import NEEDS_RESPONSE, ReversalKind, ReversalSnapshot
from .schedules import LIVE_SCHEDULE, ScheduleSnapshot
from .subscriptions import CHANGE_KEY, INVOICE_KEY, TENANT_KEY, ItemSnapshot, SubscriptionSnapshot

__all__ = [
    "CHANGE_KEY",
    "INVOICE_KEY",
    "LIVE_SCHEDULE",
    "METER_CUSTOMER",
    "METER_VALUE",
    "NEEDS_RESPONSE",
    "TENANT_KEY",
    "BalanceMoveSnapshot",
    "CheckoutSnapshot",
    "CustomerSnapshot",
    "EndpointSnapshot",
    "InvoiceLineSnapshot",
    "InvoiceSnapshot",
    "ItemSnapshot",
    "ListedPrice",
    "MadeSnapshot",
    "MeterReport",
    "MeterSnapshot",
    "PaymentMethodSnapshot",
    "PaymentState",
    "PortalSnapshot",
    "PriceSnapshot",
    "ProductSnapshot",
    "ReversalKind",
    "ReversalSnapshot",
    "ScheduleSnapshot",
    "SubscriptionSnapshot",
    "field",
    "metadata_of",
    "object_id",
    "required_moment",
]
