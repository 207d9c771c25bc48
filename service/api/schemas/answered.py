"""What callers get."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields


class Problem(Schema):
    """RFC 9457 problem document; some codes add members of their own."""

    class Meta:
        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata={"description": "stable; branch on this"})
    detail = fields.String(required=True, metadata={"description": "what happened and the way out"})
    errors = fields.List(fields.Dict(), metadata={"description": "path and message of each fault"})


class Status(Schema):
    """How the service is."""

    status = fields.String(required=True)


class Catalogue(Schema):
    """What can be bought. Amounts are in minor units; a limit of null means unlimited."""

    name = fields.String(required=True)
    tenant = fields.String(required=True)
    currencies = fields.List(fields.String(), required=True)
    families = fields.List(fields.Dict(), required=True)


class Money(Schema):
    """An amount in integer minor units of its currency; ``text`` is the same for people."""

    amount = fields.Integer(required=True)
    currency = fields.String(required=True)
    text = fields.String(required=True)


class Page(Schema):
    """Cursor pagination: hand ``next`` back as ``after``; null means that was all."""

    next = fields.String(allow_none=True)


class Quote(Schema):
    """What a change would cost and mean."""

    id = fields.String(required=True)
    account = fields.String(required=True)
    kind = fields.String(required=True)
    created_at = fields.String(required=True)
    expires_at = fields.String(required=True)
    changes = fields.List(fields.Dict(), required=True)
    timings = fields.Dict(
        required=True,
        metadata={"description": "by what the caller may choose; 'scheduled' is not due now"},
    )
    already_scheduled = fields.List(
        fields.Dict(),
        required=True,
        metadata={"description": "by earlier orders: shown, not charged, on dates of their own"},
    )
    requires = fields.Dict(required=True)


class PlanChange(Schema):
    """A plan change with the state of each of its lines."""

    id = fields.String(required=True)
    account = fields.String(required=True)
    quote = fields.String(required=True)
    kind = fields.String(required=True)
    when = fields.String(required=True)
    created_at = fields.String(required=True)
    selections = fields.Dict(required=True)
    lines = fields.List(fields.Dict(), required=True)


class PlanChangePage(Page):
    data = fields.List(fields.Nested(PlanChange), required=True)


class Purchase(Schema):
    """Extra allowance bought once; ``units`` are granted when it is paid."""

    id = fields.String(required=True)
    account = fields.String(required=True)
    family = fields.String(required=True)
    pack = fields.String(required=True)
    quantity = fields.Integer(required=True)
    units = fields.Integer(required=True)
    amount = fields.Nested(Money, required=True)
    state = fields.String(required=True)
    invoice = fields.String(allow_none=True)
    payment_url = fields.String(allow_none=True)
    failure = fields.Dict(allow_none=True)
    created_at = fields.String(required=True)
    granted_at = fields.String(allow_none=True)
    history = fields.List(fields.Dict(), required=True)


class PurchasePage(Page):
    data = fields.List(fields.Nested(Purchase), required=True)


class SalesRequest(Schema):
    """A request to be contacted, as it was stored."""

    id = fields.String(required=True)
    account = fields.String(required=True)
    family = fields.String(allow_none=True)
    plan = fields.String(allow_none=True)
    form = fields.Dict(required=True, data_key="fields", attribute="fields")
    created_at = fields.String(required=True)


class SalesRequestPage(Page):
    data = fields.List(fields.Nested(SalesRequest), required=True)


class Checkout(Schema):
    """A page of Stripe's; ``url`` is where to send the customer."""

    id = fields.String(required=True)
    mode = fields.String(required=True)
    url = fields.String(required=True)
    expires_at = fields.String(required=True)


class PortalSession(Schema):
    """A way into Stripe's customer portal; ``url`` is where to send the customer, soon."""

    id = fields.String(required=True)
    url = fields.String(required=True)


class Cancellation(Schema):
    """The end that is set for a plan, and what it means to take it back."""

    subscription = fields.String(required=True)
    plan_change = fields.String(
        allow_none=True, metadata={"description": "what set the end; null if it was set elsewhere"}
    )
    ends_at = fields.String(required=True)
    kept = fields.Dict(allow_none=True, metadata={"description": "the plan that would go on"})
    if_taken_back = fields.Dict(
        required=True, metadata={"description": "its money, like a timing of a quote"}
    )
    detail = fields.String(required=True)


class Uncancelled(Schema):
    """What un-cancelling brought back, and what it did not."""

    plan_change = fields.Nested(PlanChange, allow_none=True)
    detail = fields.String(required=True)


class Account(Schema):
    """The state of an account as one document."""

    ref = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(allow_none=True)
    locale = fields.String(required=True)
    customer = fields.String(allow_none=True)
    deleted_at_stripe = fields.Boolean(required=True)
    balance = fields.Nested(Money, required=True)
    balance_held = fields.Nested(
        Money,
        required=True,
        metadata={"description": "taken by open invoices; it comes back if they are voided"},
    )
    default_payment_method = fields.String(allow_none=True)
    plans = fields.List(fields.Dict(), required=True)
    subscriptions = fields.List(fields.Dict(), required=True)
    upcoming = fields.List(
        fields.Dict(),
        required=True,
        metadata={"description": "the running period of each plan that is billed by usage"},
    )
    open_changes = fields.List(fields.Nested(PlanChange), required=True)
    refunds = fields.List(fields.Dict(), required=True)
    disputes = fields.List(fields.Dict(), required=True)


class AccountLine(Schema):
    """An account in a list."""

    ref = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(allow_none=True)
    customer = fields.String(allow_none=True)


class AccountPage(Page):
    data = fields.List(fields.Nested(AccountLine), required=True)


class Entitlements(Schema):
    """Per family, the plan in effect with its limits and features."""

    account = fields.String(required=True)
    families = fields.List(fields.Dict(), required=True)


class InvoicePage(Page):
    data = fields.List(fields.Dict(), required=True)
    upcoming = fields.List(fields.Dict(), required=True)


class PaymentMethod(Schema):
    """A saved payment method."""

    id = fields.String(required=True)
    type = fields.String(required=True)
    brand = fields.String(allow_none=True)
    last4 = fields.String(allow_none=True)
    default = fields.Boolean(required=True)


class PaymentMethods(Schema):
    data = fields.List(fields.Nested(PaymentMethod), required=True)


class Event(Schema):
    """An event received from Stripe."""

    id = fields.String(required=True)
    type = fields.String(required=True)
    state = fields.String(required=True)
    occurred_at = fields.String(required=True)
    received_at = fields.String(required=True)
    processed_at = fields.String(allow_none=True)
    object = fields.Dict(required=True)
    customer = fields.String(allow_none=True)
    subscription = fields.String(allow_none=True)
    attempts = fields.Integer(required=True)
    error = fields.String(allow_none=True)
    api_version = fields.String(allow_none=True)


class EventInFull(Event):
    """An event, with where it failed."""

    traceback = fields.String(
        allow_none=True, metadata={"description": "of a dead one; paths and lines of the service"}
    )


class EventPage(Page):
    data = fields.List(fields.Nested(Event), required=True)


class Received(Schema):
    """The answer to Stripe."""

    event = fields.String(required=True)
    outcome = fields.String(required=True)
