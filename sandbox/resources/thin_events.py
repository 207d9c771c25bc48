"""The thin form of events: what happened and where to look, without the object (§1.6, §6.4)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.calendar import rfc3339
from ..kernel.errors import Json
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import NOTIFICATION, World

# Where the objects of events are found; the others have no address of their own.
ADDRESSES = {
    "billing.meter": "/v1/billing/meters",
    "billing_portal.configuration": "/v1/billing_portal/configurations",
    "charge": "/v1/charges",
    "checkout.session": "/v1/checkout/sessions",
    "coupon": "/v1/coupons",
    "credit_note": "/v1/credit_notes",
    "customer": "/v1/customers",
    "invoice": "/v1/invoices",
    "invoice_payment": "/v1/invoice_payments",
    "invoiceitem": "/v1/invoiceitems",
    "payment_intent": "/v1/payment_intents",
    "payment_link": "/v1/payment_links",
    "payment_method": "/v1/payment_methods",
    "price": "/v1/prices",
    "product": "/v1/products",
    "promotion_code": "/v1/promotion_codes",
    "refund": "/v1/refunds",
    "setup_intent": "/v1/setup_intents",
    "subscription": "/v1/subscriptions",
    "subscription_schedule": "/v1/subscription_schedules",
    "tax_rate": "/v1/tax_rates",
    "test_helpers.test_clock": "/v1/test_helpers/test_clocks",
}
TWIN = "evt_test_thin_"
NULLS: Json = {"context": None, "reason": None, "related_object": None}
"""What a fetched event shows without a value, and a notification leaves out."""


def thin_form(event: Json) -> Json:
    """The notification for an event. For a snapshot event it has an id of its own, and `v1.` before
    its type; what is a notification already leaves its data out."""
    if event["object"] == NOTIFICATION:
        shown = {**event, "created": rfc3339(event["created"])}
        hidden = [name for name, value in shown.items() if name == "data" or value is None]
        return {name: value for name, value in shown.items() if name not in hidden}
    body = event["data"]["object"]
    request = event["request"]
    thin: Json = {
        "id": TWIN + event["id"].removeprefix("evt_"),
        "object": "v2.core.event",
        "created": rfc3339(event["created"]),
        "livemode": event["livemode"],
        "snapshot_event": event["id"],
        "type": f"v1.{event['type']}",
    }
    if request["id"]:
        key = request["idempotency_key"]
        thin["reason"] = {"type": "request", "request": {**request, "idempotency_key": key}}
    address = ADDRESSES.get(body["object"])
    if address and "id" in body:
        identifier, kind = body["id"], body["object"]
        url = f"{address}/{identifier}"
        thin["related_object"] = {"id": identifier, "type": kind, "url": url}
    return thin


def retrieve(world: World, call: Call) -> Json:
    """What a receiver of a thin event fetches, with its data if it has any; also under the id of
    the snapshot."""
    itself = world.store.peek(NOTIFICATION, call.id)
    if itself is not None:
        told = world.render(itself)
        return NULLS | thin_form(told) | {"data": told["data"]}
    snapshot = call.id.replace(TWIN, "evt_", 1)
    event = world.store.peek("event", snapshot)
    if event is None:
        raise errors.no_such("event", call.id)
    return NULLS | thin_form(world.render(event))


def shapes(known: Shapes) -> None:
    """Thin events hold nothing that could be expanded."""


ROUTES = [Route("GET", "/v2/core/events/<id>", retrieve, {})]
