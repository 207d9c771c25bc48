"""What callers send. Every text is a ``Text``: see there for what it refuses."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from ..text import Email, Text, Whole

SHORT = validate.Length(min=1, max=200)
LONG = validate.Length(max=2000)
# The lookahead, because Python's $ also matches before a last line feed and other engines' not.
LOCALE = validate.Regexp(r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$(?!\n)")
WEB_ADDRESS = [validate.Length(max=2000), validate.Regexp(r"^https?://[!-~]+$(?!\n)")]
LOCALE_LENGTH = validate.Length(max=35)


def said(description: str) -> dict[str, Any]:
    """The description of a field, for whoever reads the documentation."""
    return {"description": description}


class PageQuery(Schema):
    """How much of a list, from where."""

    after = Text(load_default=None, metadata=said("the 'next' of the page before"))
    limit = fields.Integer(
        load_default=20, validate=validate.Range(1, 100), metadata=said("how many at most")
    )


class AccountListQuery(PageQuery):
    q = Text(
        load_default=None,
        validate=SHORT,
        metadata=said("a part of the ref, name or e-mail address"),
    )


class ContactBody(Schema):
    """The billing contact of an account."""

    email = Email(
        required=True,
        validate=validate.Length(max=512),
        metadata=said("where invoices and notices go"),
    )
    name = Text(load_default=None, validate=SHORT, metadata=said("as it stands on invoices"))
    locale = Text(
        load_default="en",
        validate=[LOCALE, LOCALE_LENGTH],
        metadata=said("the language of notices, such as en or de-AT"),
    )
    test_clock = Text(
        load_default=None,
        validate=SHORT,
        metadata=said("a Stripe test clock; test mode only, fixed at creation"),
    )


class WantedBody(Schema):
    """One change asked for; ``plan`` null asks for the end of the family's plan."""

    family = Text(required=True, validate=SHORT, metadata=said("a family of the catalogue"))
    plan = Text(
        required=True,
        allow_none=True,
        validate=SHORT,
        metadata=said("the plan wanted; null to end the plan held"),
    )
    tier = Text(load_default=None, validate=SHORT, metadata=said("the size of the plan"))
    interval = Text(load_default=None, validate=SHORT, metadata=said("how often it is paid"))
    currency = Text(
        load_default=None, validate=SHORT, metadata=said("the account's own if not given")
    )
    quantity = Whole(
        load_default=None,
        validate=validate.Range(1, 1_000_000),
        metadata=said("how many; null or left out: as many as are held, or one"),
    )
    subscription = Text(
        load_default=None,
        validate=SHORT,
        metadata=said("which one to change, where the account has several in the family"),
    )
    in_use = fields.Dict(
        keys=Text(),
        values=Whole(validate=validate.Range(0, 1_000_000_000)),
        load_default=dict,
        validate=validate.Length(max=50),
        metadata=said("how much of a limit is used, by its name, where that is less than allowed"),
    )

    by_sales = fields.Boolean(
        load_default=False,
        metadata=said("agreed with sales: what rules refuse with 'contact_sales' is done"),
    )
    invoice_days = Whole(
        load_default=None,
        validate=validate.Range(1, 365),
        metadata=said("with by_sales: billed by sent invoices, due in so many days"),
    )


class QuoteBody(Schema):
    """What to quote."""

    changes = fields.List(
        fields.Nested(WantedBody),
        required=True,
        validate=validate.Length(min=1, max=20),
        metadata=said("one change per family; several are one order"),
    )


TIMING = validate.OneOf(["now", "period_end"])


class PlanChangeBody(Schema):
    """The order to execute a quote."""

    quote = Text(required=True, validate=SHORT, metadata=said("the id of the quote"))
    when = Text(
        load_default=None, validate=TIMING, metadata=said("required if the quote offers both")
    )
    payment_method = Text(
        load_default=None, validate=SHORT, metadata=said("the account's default if not given")
    )
    acknowledgements = fields.List(
        Text(validate=SHORT),
        load_default=list,
        metadata=said("all that the quote requires: the losses that are accepted"),
    )
    selections = fields.Dict(
        keys=Text(),
        values=Text(validate=SHORT),
        load_default=dict,
        metadata=said("all that the quote requires: what is kept where less fits"),
    )
    return_url = Text(
        load_default=None,
        validate=WEB_ADDRESS,
        metadata=said("where the customer goes from the page, if there is nothing saved to charge"),
    )


class PlanChangeListQuery(PageQuery):
    state = Text(load_default=None, validate=SHORT, metadata=said("of any line of the change"))


class CancelChangeBody(Schema):
    """Which part of a change to take back: the line of one family, or all of it."""

    family = Text(load_default=None, validate=SHORT, metadata=said("the whole change if not given"))


class CancellationBody(Schema):
    """The end of a plan: now, or when the paid period ends."""

    family = Text(load_default=None, validate=SHORT, metadata=said("which, if there are several"))
    subscription = Text(
        load_default=None, validate=SHORT, metadata=said("which, if there are several")
    )
    when = Text(load_default=None, validate=TIMING, metadata=said("required if there is a choice"))
    reason = Text(load_default=None, validate=LONG, metadata=said("the customer's, to be kept"))
    comment = Text(load_default=None, validate=LONG, metadata=said("the customer's own words"))


class PurchaseBody(Schema):
    """Packs of extra allowance, bought once."""

    family = Text(required=True, validate=SHORT, metadata=said("a family of the catalogue"))
    pack = Text(required=True, validate=SHORT, metadata=said("a pack of the family"))
    quantity = Whole(load_default=1, validate=validate.Range(1, 1_000), metadata=said("packs"))
    payment_method = Text(
        load_default=None,
        validate=SHORT,
        metadata=said("one that the account has saved; its default if not given"),
    )
    return_url = Text(
        load_default=None,
        validate=WEB_ADDRESS,
        metadata=said("where the customer goes from the page, if there is nothing saved to charge"),
    )


class CheckoutBody(Schema):
    """A page of Stripe's to send a customer to."""

    mode = Text(
        required=True,
        validate=validate.OneOf(["setup"]),
        metadata=said("setup: the customer saves a payment method"),
    )
    return_url = Text(
        required=True, validate=WEB_ADDRESS, metadata=said("where the customer goes from the page")
    )


class SalesRequestBody(Schema):
    """A form for sales, in the caller's own fields."""

    family = Text(load_default=None, validate=SHORT, metadata=said("what it is about, if anything"))
    plan = Text(load_default=None, validate=SHORT, metadata=said("a plan of the family"))
    form = fields.Dict(
        keys=Text(),
        values=Text(),
        required=True,
        data_key="fields",
        attribute="fields",
        metadata=said("up to 50 names and texts as the form has them; 20,000 letters in all"),
    )


class PortalBody(Schema):
    """Where to go from Stripe's customer portal, and what to do there."""

    return_url = Text(
        required=True, validate=WEB_ADDRESS, metadata=said("where the customer goes from the page")
    )
    flow = Text(
        load_default=None,
        validate=validate.OneOf(["payment_method_update"]),
        metadata=said("leads straight to one thing and back; the whole portal if not given"),
    )


class TargetQuery(Schema):
    """Which plan is meant, where an account has several."""

    family = Text(load_default=None, validate=SHORT, metadata=said("which, if there are several"))
    subscription = Text(
        load_default=None, validate=SHORT, metadata=said("which, if there are several")
    )


class EventListQuery(PageQuery):
    state = Text(
        load_default=None,
        validate=validate.OneOf(["pending", "processed", "ignored", "foreign", "dead"]),
        metadata=said("only those in this state"),
    )
    type = Text(load_default=None, validate=SHORT, metadata=said("Stripe's, as invoice.paid"))
    customer = Text(load_default=None, validate=SHORT, metadata=said("Stripe's id, cus_…"))
