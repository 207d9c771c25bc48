"""What callers send and get about allowances. Units are whole numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from ..text import Text, Whole
from .asked import SHORT, said

MOST_UNITS = 1_000_000_000
MOST_RECORDS = 1_000


class Moment(fields.AwareDateTime):
    """An instant as RFC 3339 has it, with its zone; there the letters may be small, too."""

    def _deserialize(self, value: Any, *where: Any, **more: Any) -> datetime:
        told = value.upper() if isinstance(value, str) else value
        found: datetime = super()._deserialize(told, *where, **more)
        return found


class AllowancesQuery(Schema):
    at = Moment(load_default=None, metadata=said("an instant, as 2026-03-01T12:00:00Z; now if not"))


class UsageRecordBody(Schema):
    """Units used, under an id of the caller's own that makes it count once."""

    id = Text(required=True, validate=SHORT, metadata=said("your own id, unique in the account"))
    family = Text(required=True, validate=SHORT, metadata=said("a family of the catalogue"))
    units = Whole(
        required=True, validate=validate.Range(1, MOST_UNITS), metadata=said("how many were used")
    )
    at = Moment(
        load_default=None,
        metadata=said("when, within the present period or since a metered plan began; now if not"),
    )
    subscription = Text(
        load_default=None,
        validate=SHORT,
        metadata=said("whose units are used; any of the family's, first to lapse, if not given"),
    )


class UsageBody(Schema):
    """What internal services used of an account's allowances."""

    records = fields.List(
        fields.Nested(UsageRecordBody),
        required=True,
        validate=validate.Length(min=1, max=MOST_RECORDS),
        metadata=said("booked in this order, all or none"),
    )


class UsageRecordAnswer(Schema):
    """What became of a record. ``metered``: it is billed; otherwise it was taken from an allowance,
    and ``over`` is the part that none covered."""

    id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["recorded", "repeated"]))
    metered = fields.Boolean(required=True)
    at = fields.String(required=True)
    units = fields.Integer(required=True)
    over = fields.Integer(required=True, allow_none=True)
    balance = fields.Integer(required=True, allow_none=True)


class UsageRecorded(Schema):
    records = fields.List(fields.Nested(UsageRecordAnswer), required=True)


class AllowanceLot(Schema):
    """Units that came together; ``suspended`` ones wait until their plan is in force again."""

    kind = fields.String(
        required=True, validate=validate.OneOf(["grant", "bridge", "free", "pack", "carried"])
    )
    subscription = fields.String(required=True, allow_none=True)
    granted = fields.Integer(required=True)
    used = fields.Integer(required=True)
    left = fields.Integer(required=True)
    suspended = fields.Boolean(required=True)
    starts_at = fields.String(required=True)
    expires_at = fields.String(required=True)


class FamilyAllowance(Schema):
    """One family: its units in the present stretch, and those of paid months still to come."""

    family = fields.String(required=True)
    unit = fields.String(required=True)
    left = fields.Integer(required=True)
    granted = fields.Integer(required=True)
    used = fields.Integer(required=True)
    over = fields.Integer(required=True)
    not_yet_granted = fields.Integer(required=True)
    since = fields.String(required=True, allow_none=True)
    next_expiry = fields.String(required=True, allow_none=True)
    lots = fields.List(fields.Nested(AllowanceLot), required=True)


class Allowances(Schema):
    """Every family with an allowance, at an instant."""

    account = fields.String(required=True)
    at = fields.String(required=True)
    families = fields.List(fields.Nested(FamilyAllowance), required=True)
