"""Allowances: units that plans grant, what is left of them, and reports of what was used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapter.allowances import Recorded, UsageRecord, record_usage, standings
from adapter.allowances.standing import LotStanding, Standing
from adapter.clock import iso
from adapter.errors import Invalid
from mappings import Catalogue

from ..wiring import Parts
from . import examples, schemas
from .access import scope
from .routes import Routes

# What can be said of an instant at all; beyond it the calendar itself ends.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def blueprint(parts: Parts) -> Routes:
    """The routes of allowances and usage."""
    routes = Routes("allowances", __name__, url_prefix="/v1/accounts", description=__doc__)

    @routes.get("/<ref>/allowances")
    @routes.arguments(schemas.AllowancesQuery, location="query")
    @routes.response(200, schemas.Allowances)
    @scope("accounts:read")
    def get_allowances(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """Per family: the units left, granted and used, lot by lot, now or at another instant."""
        account = parts.accounts.find(ref)
        now = parts.reader.billing_now(account.test_clock)
        at = query["at"] or now
        if not EARLIEST <= at < LATEST:
            raise Invalid("instant_out_of_range", "Ask for an instant of this century.", path="at")
        with parts.database.read() as tx:
            found = standings(tx, parts.catalogue, account, now, at)
        return {
            "account": account.ref,
            "at": iso(at),
            "families": [_family(parts.catalogue, standing) for standing in found],
        }

    @routes.post("/<ref>/usage")
    @routes.arguments(schemas.UsageBody, example=examples.USAGE)
    @routes.response(200, schemas.UsageRecorded)
    @scope("usage:write")
    def report_usage(body: dict[str, Any], ref: str) -> dict[str, Any]:
        """Report units used; each record is booked once, however often it is sent.

        All records of a request are booked, or none. What no allowance covers is booked as
        ``over``; what a metered plan is billed for goes to its meter at Stripe.
        """
        account = parts.accounts.find(ref)
        now, wall = parts.reader.billing_now(account.test_clock), parts.clock.now()
        records = [UsageRecord(**record) for record in body["records"]]
        booked = record_usage(parts.database, parts.catalogue, account, records, now, wall)
        return {"records": [_record(one) for one in booked]}

    return routes


def _record(one: Recorded) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": "repeated" if one.repeated else "recorded",
        "metered": one.metered,
        "at": iso(one.at),
        "units": one.units,
        "over": one.over,
        "balance": one.balance,
    }


def _family(catalogue: Catalogue, standing: Standing) -> dict[str, Any]:
    return {
        "family": standing.family,
        "unit": catalogue.family(standing.family).unit,
        "left": standing.left,
        "granted": standing.granted,
        "used": standing.used,
        "over": standing.over,
        "not_yet_granted": standing.not_yet_granted,
        "since": iso(standing.since),
        "next_expiry": iso(standing.next_expiry),
        "lots": [_lot(lot) for lot in standing.lots],
    }


def _lot(lot: LotStanding) -> dict[str, Any]:
    return {
        "kind": lot.row.kind,
        "subscription": lot.row.subscription_id or None,
        "granted": lot.granted,
        "used": lot.used,
        "left": lot.left,
        "suspended": lot.suspended,
        "starts_at": iso(lot.row.starts_at),
        "expires_at": iso(lot.row.expires_at),
    }
