"""The shape of a scenario: what may stand where, for marshmallow.

An action is a key of a step whose value says with what; ``ACTIONS`` is the table of them.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema

from sandbox.kernel.faults import KINDS

from ..api.schemas.asked import LOCALE

REF = validate.Regexp(r"[A-Za-z0-9._-]{1,100}\Z")
AMOUNT = re.compile(r"-?\d+(\.\d+)?\Z", re.ASCII)
SOME = validate.Length(min=1)
NONE = "none"


class Amount(fields.Field[Decimal]):
    """A decimal amount as a text, so that nobody rounds it on the way here."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        if not isinstance(value, str) or not AMOUNT.match(value):
            raise ValidationError('is an amount, written as a text such as "10.60"')
        return Decimal(value)


class When(fields.Field[Any]):
    """A TOML date or date-time."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, date):
            raise ValidationError("is a date such as 2026-01-10 or 2026-01-10T09:00:00Z")
        return value


class Word(fields.String):
    """A text that says something."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"validate": SOME, **how})


def count(least: int = 0) -> dict[str, Any]:
    return {"strict": True, "validate": validate.Range(least, 1_000_000_000)}


class Acting(Schema):
    """Somebody does something. The account may be left out where there is only one."""

    account = Word()
    family = Word()


class Wanted(Schema):
    """One family's part of an order."""

    family = Word()
    plan = Word(required=True)
    tier = Word()
    interval = Word()
    currency = Word()
    subscription = Word()
    quantity = fields.Integer(**count(1))
    in_use = fields.Dict(keys=Word(), values=fields.Integer(**count()))


class Change(Acting, Wanted):
    """An order; ``also`` holds its parts for other families."""

    also = fields.List(fields.Nested(Wanted), load_default=list)
    when = fields.String(validate=validate.OneOf(["now", "period_end"]))
    acknowledge = fields.Boolean(truthy={True}, falsy={False}, load_default=True)
    select = fields.Dict(keys=Word(), values=Word(), load_default=dict)


class Cancel(Acting):
    when = fields.String(validate=validate.OneOf(["now", "period_end"]))


class Pay(Acting):
    card = Word(load_default="visa")
    answer = fields.String(validate=validate.OneOf(["complete", "fail"]))


class Card(Acting):
    card = Word(required=True)


class Buy(Acting):
    pack = Word(required=True)
    quantity = fields.Integer(**count(1), load_default=1)


class Use(Acting):
    units = fields.Integer(**count(1), required=True)


class Fault(Schema):
    method = fields.String(
        validate=validate.OneOf(["*", "GET", "POST", "DELETE"]), load_default="*"
    )
    path = fields.String(load_default="")
    kind = fields.String(validate=validate.OneOf(KINDS), required=True)
    count = fields.Integer(**count(1), load_default=1)
    probability = fields.Float(validate=validate.Range(0, 1), load_default=1.0)


class Passing(Schema):
    """How much time; months are those of the calendar."""

    minutes = fields.Integer(**count(), load_default=0)
    hours = fields.Integer(**count(), load_default=0)
    days = fields.Integer(**count(), load_default=0)
    weeks = fields.Integer(**count(), load_default=0)
    months = fields.Integer(strict=True, validate=validate.Range(0, 120), load_default=0)


class AtStripe(Schema):
    """What somebody does at Stripe itself; {customer}, {charge} and so on stand for ids."""

    account = Word()
    method = fields.String(validate=validate.OneOf(["POST", "DELETE"]), load_default="POST")
    path = fields.String(validate=validate.Regexp(r"/v1/\S+\Z"), required=True)
    params = fields.Dict(keys=Word(), values=fields.String(), load_default=dict)


ANYTHING = fields.Dict(keys=Word(), values=fields.Raw())
YES = fields.Boolean(truthy={True}, falsy=set())
ACTIONS: dict[str, fields.Field[Any]] = {
    "change": fields.Nested(Change),
    "cancel": fields.Nested(Cancel),
    "keep": fields.Nested(Acting),
    "withdraw": fields.Nested(Acting),
    "pay": fields.Nested(Pay),
    "card": fields.Nested(Card),
    "buy": fields.Nested(Buy),
    "use": fields.Nested(Use),
    "pass": fields.Nested(Passing),
    "until": When(),
    "fault": fields.Nested(Fault),
    "habits": ANYTHING,
    "switch": ANYTHING,
    "calm": YES,
    "backfill": YES,
    "stripe": fields.Nested(AtStripe),
}


class InvoiceExpected(Schema):
    status = Word()
    total = Amount()
    due = Amount()
    paid = Amount()
    lines = fields.Integer(**count())


class QuoteExpected(Schema):
    due_now = Amount()
    total = Amount()
    credit = Amount()
    to_balance = Amount()


class ExpectSchema(Schema):
    """What must be so after a step; each key that is given is compared."""

    account = Word()
    family = Word()
    plan = Word()
    status = Word()
    change = Word()
    scheduled = fields.List(Word())
    ends = When(allow_none=True)
    invoice = fields.Nested(InvoiceExpected)
    quote = fields.Nested(QuoteExpected)
    charged = Amount()
    refunded = Amount()
    balance = Amount()
    left = fields.Integer(**count())
    mails = fields.List(Word())
    refused = Word()


COMPARED = frozenset(ExpectSchema().fields) - {"account", "family"}


class _Step(Schema):
    say = fields.String(load_default="")
    expect = fields.List(fields.Nested(ExpectSchema), load_default=list)

    @pre_load
    def one_or_many(self, data: Any, **_: Any) -> Any:
        """One expectation need not be a list."""
        if isinstance(data, dict) and isinstance(data.get("expect"), dict):
            return {**data, "expect": [data["expect"]]}
        return data

    @validates_schema
    def does_one_thing(self, data: Any, **_: Any) -> None:
        named = [name for name in data if name in ACTIONS]
        if len(named) > 1:
            raise ValidationError(f"does one thing, not {' and '.join(sorted(named))}")
        if not named and not data["expect"]:
            raise ValidationError(f"does one of {', '.join(ACTIONS)}, or expects something")


# from_dict, because "pass" is a word of Python's.
StepSchema = _Step.from_dict(dict(ACTIONS), name="StepSchema")


class AccountSchema(Schema):
    email = fields.Email(load_default=None)
    name = Word(load_default=None)
    locale = Word(load_default="en", validate=LOCALE)
    card = Word(load_default="visa")


class ScenarioSchema(Schema):
    name = Word(required=True)
    about = fields.String(load_default="")
    catalogue = Word(required=True)
    start = When(required=True)
    seed = fields.Integer(**count(), load_default=0)
    switches = fields.Dict(keys=Word(), values=fields.Raw(), load_default=dict)
    accounts = fields.Dict(
        keys=fields.String(validate=REF),
        values=fields.Nested(AccountSchema),
        required=True,
        validate=validate.Length(1, 100),
    )
    steps = fields.List(
        fields.Nested(StepSchema), required=True, validate=validate.Length(1, 10_000)
    )
