"""What goes over the wire: the shapes that requests must have and answers do have."""

from __future__ import annotations

import re

from marshmallow import EXCLUDE, Schema, fields, validate

REF = re.compile(r"[A-Za-z0-9._:@+-]{1,200}")
SHORT = validate.Length(min=1, max=200)
LONG = validate.Length(max=2000)


class Problem(Schema):
    """RFC 9457 problem document."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True, metadata={"description": "stable; branch on this"})
    detail = fields.String(required=True, metadata={"description": "what happened and the way out"})
    errors = fields.List(fields.Dict(), metadata={"description": "path and message of each fault"})


class Money(Schema):
    """An amount in integer minor units of its currency; ``text`` is the same for people."""

    amount = fields.Integer(required=True)
    currency = fields.String(required=True)
    text = fields.String(required=True)


class Page(Schema):
    """Cursor pagination: hand ``next`` back as ``after``; null means that was all."""

    next = fields.String(allow_none=True)


class PageQuery(Schema):
    """How much of a list, from where."""

    class Meta:
        unknown = EXCLUDE

    after = fields.String(load_default=None)
    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))


class AccountListQuery(PageQuery):
    q = fields.String(load_default=None, validate=SHORT)


class ContactBody(Schema):
    """The billing contact of an account."""

    email = fields.Email(required=True, validate=validate.Length(max=512))
    name = fields.String(load_default=None, validate=SHORT)
    locale = fields.String(
        load_default="en", validate=validate.Regexp(r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")
    )
    test_clock = fields.String(
        load_default=None,
        validate=SHORT,
        metadata={"description": "a Stripe test clock; test mode only, fixed at creation"},
    )


class WantedBody(Schema):
    """One change asked for; ``plan`` null asks for the end of the family's plan."""

    family = fields.String(required=True, validate=SHORT)
    plan = fields.String(required=True, allow_none=True, validate=SHORT)
    tier = fields.String(load_default=None, validate=SHORT)
    interval = fields.String(load_default=None, validate=SHORT)
    currency = fields.String(load_default=None, validate=SHORT)
    quantity = fields.Integer(load_default=1, strict=True, validate=validate.Range(1, 1_000_000))
    subscription = fields.String(load_default=None, validate=SHORT)


class QuoteBody(Schema):
    """What to quote."""

    changes = fields.List(
        fields.Nested(WantedBody), required=True, validate=validate.Length(min=1, max=20)
    )


class Quote(Schema):
    """What a change would cost and mean."""

    id = fields.String(required=True)
    account = fields.String(required=True)
    kind = fields.String(required=True)
    created_at = fields.String(required=True)
    expires_at = fields.String(required=True)
    changes = fields.List(fields.Dict(), required=True)
    timings = fields.Dict(required=True)
    requires = fields.Dict(required=True)


class PlanChangeBody(Schema):
    """The order to execute a quote."""

    quote = fields.String(required=True, validate=SHORT)
    when = fields.String(load_default=None, validate=validate.OneOf(["now", "period_end"]))
    payment_method = fields.String(load_default=None, validate=SHORT)
    acknowledgements = fields.List(fields.String(validate=SHORT), load_default=list)
    selections = fields.Dict(
        keys=fields.String(validate=SHORT), values=fields.String(validate=SHORT), load_default=dict
    )


class PlanChange(Schema):
    """A plan change with the state of each of its lines."""

    id = fields.String(required=True)
    account = fields.String(required=True)
    quote = fields.String(required=True)
    kind = fields.String(required=True)
    when = fields.String(required=True)
    created_at = fields.String(required=True)
    decision = fields.Dict(required=True)
    selections = fields.Dict(required=True)
    lines = fields.List(fields.Dict(), required=True)


class PlanChangeListQuery(PageQuery):
    state = fields.String(load_default=None, validate=SHORT)


class PlanChangePage(Page):
    data = fields.List(fields.Nested(PlanChange), required=True)


class CancellationBody(Schema):
    """The end of a plan: now, or when the paid period ends."""

    family = fields.String(load_default=None, validate=SHORT)
    subscription = fields.String(load_default=None, validate=SHORT)
    when = fields.String(load_default=None, validate=validate.OneOf(["now", "period_end"]))
    reason = fields.String(load_default=None, validate=LONG)
    comment = fields.String(load_default=None, validate=LONG)


class TargetQuery(Schema):
    """Which plan is meant, where an account has several."""

    class Meta:
        unknown = EXCLUDE

    family = fields.String(load_default=None, validate=SHORT)
    subscription = fields.String(load_default=None, validate=SHORT)


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
    default_payment_method = fields.String(allow_none=True)
    plans = fields.List(fields.Dict(), required=True)
    subscriptions = fields.List(fields.Dict(), required=True)
    open_changes = fields.List(fields.Nested(PlanChange), required=True)


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


class EventListQuery(PageQuery):
    state = fields.String(
        load_default=None,
        validate=validate.OneOf(["pending", "processed", "ignored", "foreign", "dead"]),
    )


class EventPage(Page):
    data = fields.List(fields.Nested(Event), required=True)


class Received(Schema):
    """The answer to Stripe."""

    event = fields.String(required=True)
    outcome = fields.String(required=True)
