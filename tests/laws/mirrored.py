"""The mirror beside Stripe, object by object and member by member."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapter.clock import to_unix
from adapter.tables import AccountRow, InvoiceRow, ScheduleRow, SubscriptionRow
from service.wiring import Parts

Body = dict[str, Any]
SAME = ("id", "status", "currency")
MONEY = ("subtotal", "total", "amount_due", "amount_paid", "amount_remaining")
BALANCE = ("starting_balance", "ending_balance", "attempt_count", "number", "billing_reason")


class Looked(Protocol):
    """What is looked at: a World, or whatever has its parts and its Stripe."""

    @property
    def parts(self) -> Parts: ...

    def stripe(self, method: str, path: str, **params: Any) -> Any: ...


def differences(w: Looked, ref: str) -> list[str]:
    """What the mirror of an account says otherwise than Stripe's API, or does not know at all."""
    with w.parts.database.read() as tx:
        account = tx.scalars(select(AccountRow).where(AccountRow.ref == ref)).one()
        customer = account.customer_id
        assert customer is not None
        here = {body["id"]: body for body in _here(tx, account)}
    there = {body["id"]: body for body in _there(w, customer)}
    # An invoice that nobody has finalized is told of by no event that has to be listened to.
    drafts = {name for name, body in there.items() if body["status"] == "draft"} - here.keys()
    return [
        f"{name}: {member} is {there.get(name, {}).get(member)!r} at Stripe, "
        f"{here.get(name, {}).get(member)!r} here"
        for name in sorted((here.keys() | there.keys()) - drafts)
        for member in sorted(here.get(name, {}).keys() | there.get(name, {}).keys())
        if here.get(name, {}).get(member) != there.get(name, {}).get(member)
    ]


def _here(tx: Session, account: AccountRow) -> Iterable[Body]:
    yield {
        "id": account.customer_id,
        "status": None,
        "balance": account.balance,
        "currency": account.currency,
        "default_payment_method": account.default_payment_method,
    }
    mine = account.seq
    for sub in tx.scalars(
        select(SubscriptionRow).where(SubscriptionRow.account_seq == mine)
    ).unique():
        yield {
            **{name: getattr(sub, name) for name in SAME},
            "cancel_at": _unix(sub.cancel_at),
            "cancel_at_period_end": sub.cancel_at_period_end,
            "canceled_at": _unix(sub.canceled_at),
            "ended_at": _unix(sub.ended_at),
            "why": sub.cancellation_reason,
            "default_payment_method": sub.default_payment_method,
            "schedule": sub.schedule_id,
            "latest_invoice": sub.latest_invoice,
            "pending_update": _unix(sub.pending_update_expires_at),
            "lines": sorted(
                (
                    line.id,
                    line.price_id,
                    line.quantity,
                    to_unix(line.period_start),
                    to_unix(line.period_end),
                )
                for line in sub.lines
                if not line.removed
            ),
        }
    for invoice in tx.scalars(select(InvoiceRow).where(InvoiceRow.account_seq == mine)):
        yield {
            **{name: getattr(invoice, name) for name in (*SAME, *MONEY, *BALANCE)},
            "subscription": invoice.subscription_id,
            "next_payment_attempt": _unix(invoice.next_payment_attempt),
            "lines": sorted((line["amount"], line["price"]) for line in invoice.lines),
        }
    for schedule in tx.scalars(select(ScheduleRow).where(ScheduleRow.account_seq == mine)):
        yield {
            "id": schedule.id,
            "status": schedule.status,
            "end_behavior": schedule.end_behavior,
            "subscription": schedule.subscription_id,
            "phases": _phases(schedule.phases),
            "phase_start": _unix(schedule.phase_start),
        }


def _there(w: Looked, customer: str) -> Iterable[Body]:
    found = w.stripe("GET", f"/v1/customers/{customer}")
    yield {
        "id": customer,
        "status": None,
        "balance": found["balance"],
        "currency": found["currency"],
        "default_payment_method": found["invoice_settings"]["default_payment_method"],
    }
    for sub in _all(w, "/v1/subscriptions", customer=customer, status="all"):
        pending = sub["pending_update"]
        names = ("cancel_at", "cancel_at_period_end", "canceled_at", "ended_at", "schedule")
        yield {
            **{name: sub[name] for name in (*SAME, *names)},
            "why": sub["cancellation_details"]["reason"],
            "default_payment_method": sub["default_payment_method"],
            "latest_invoice": sub["latest_invoice"],
            "pending_update": pending["expires_at"] if pending else None,
            "lines": sorted(
                (
                    item["id"],
                    item["price"]["id"],
                    item["quantity"],
                    item["current_period_start"],
                    item["current_period_end"],
                )
                for item in sub["items"]["data"]
            ),
        }
    for invoice in _all(w, "/v1/invoices", customer=customer):
        parent = invoice["parent"]
        yield {
            **{name: invoice[name] for name in (*SAME, *MONEY, *BALANCE)},
            "subscription": parent["subscription_details"]["subscription"] if parent else None,
            "next_payment_attempt": invoice["next_payment_attempt"],
            "lines": sorted((line["amount"], _price(line)) for line in invoice["lines"]["data"]),
        }
    for schedule in _all(w, "/v1/subscription_schedules", customer=customer):
        phase = schedule["current_phase"]
        yield {
            "id": schedule["id"],
            "status": schedule["status"],
            "end_behavior": schedule["end_behavior"],
            "subscription": schedule["subscription"] or schedule["released_subscription"],
            "phases": _phases(schedule["phases"]),
            "phase_start": phase["start_date"] if phase else None,
        }


def _all(w: Looked, path: str, **params: Any) -> list[Body]:
    listed = w.stripe("GET", path, limit=100, **params)
    assert not listed["has_more"], f"more than a page of {path}"
    found: list[Body] = listed["data"]
    return found


def _phases(phases: Iterable[Body]) -> list[Any]:
    return [
        (
            phase["start_date"],
            phase["end_date"],
            sorted((item["price"], item.get("quantity")) for item in phase["items"]),
        )
        for phase in phases
    ]


def _price(line: Body) -> str | None:
    details = (line["pricing"] or {}).get("price_details") or {}
    return details.get("price")


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else to_unix(moment)
