"""From a resolved request to what Stripe is asked to do: the source of preview and execution."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..billing import (
    Bill,
    Billed,
    ByAgreement,
    Cancel,
    Credit,
    EndUsage,
    Later,
    Purchase,
    RemoveNow,
    Resubscribe,
    UpdateNow,
)
from ..clock import to_unix
from ..holdings import Holding
from ..tables import AccountRow
from .targets import Target

# Stripe refuses a proration date in its future; five seconds absorb clock differences.
PRORATION_MARGIN = timedelta(seconds=5)


def bill_of(
    account: AccountRow,
    target: Target,
    when: str,
    proration_date: int,
    credit: Credit | None = None,
) -> Bill:
    """What is to be done ``when`` ("now" or "period_end"); ``credit`` is one for allowance."""
    if when == "period_end":
        assert account.customer_id is not None
        assert target.held is not None
        return Later(account.customer_id, target.held.subscription.id)
    return bill_now(account, target, proration_date, credit)


def bill_now(
    account: AccountRow, target: Target, proration_date: int, credit: Credit | None = None
) -> Billed | ByAgreement:
    """What is to be done if it is to be done at once."""
    assert account.customer_id is not None, f"account {account.ref} has no customer yet"
    if target.held is None and target.price is None:
        return ByAgreement(account.customer_id)
    if target.held is None:
        return _start(account.customer_id, target, proration_date)
    if target.price is None:
        return _end(account.customer_id, target, target.held)
    if target.decision.route == "cancel_and_resubscribe":
        paid_back = target.decision.credit != "none" and target.paid
        sub = target.held.subscription.id
        return Resubscribe(account.customer_id, sub, paid_back, target.price.id, target.quantity)
    return UpdateNow(
        customer=account.customer_id,
        subscription=target.held.subscription.id,
        item=target.held.line.id,
        price=target.price.id,
        quantity=target.quantity,
        prorate=target.decision.credit == "time",
        restart=_restarts(target),
        proration_date=proration_date,
        credit=credit,
        trial=target.trialing,
    )


def billed_by(bill: Bill) -> Billed | None:
    """The bill if an invoice comes of it now."""
    if isinstance(bill, Later | ByAgreement) or (
        isinstance(bill, (Cancel, RemoveNow)) and not bill.credit
    ):
        return None
    if isinstance(bill, UpdateNow) and bill.trial:
        return None
    if isinstance(bill, Purchase) and bill.metered:
        return None
    return bill


def proration_date(held: Holding | None, now: datetime) -> int:
    """The second from which unused time counts, never before the current period began."""
    at = now - PRORATION_MARGIN
    return to_unix(max(at, held.line.period_start) if held else at)


def _start(customer: str, target: Target, proration: int) -> Billed:
    assert target.price is not None
    quantity = target.quantity
    if target.host is None:
        days = target.wanted.invoice_days
        return Purchase(customer, target.price.id, quantity, target.price.metered, days)
    return UpdateNow(
        customer=customer,
        subscription=target.host.subscription.id,
        item=None,
        price=target.price.id,
        quantity=quantity,
        prorate=True,
        restart=False,
        proration_date=proration,
        trial=target.trialing,
    )


def _end(customer: str, target: Target, held: Holding) -> Billed:
    credits = target.decision.credit != "none"
    if held.line.meter_id is not None:
        return EndUsage(customer, held.subscription.id, held.line.meter_id)
    if target.alone:
        return Cancel(customer, held.subscription.id, credits and target.paid)
    # The renewal of the lines that go on is not given up with this one: still a draft, it is paid
    # first and this line's part credited, whatever the rule says, for nothing of it was served.
    credit = target.pays_first and (credits or target.draft)
    return RemoveNow(customer, held.subscription.id, held.line.id, credit)


def _restarts(target: Target) -> bool:
    """A new interval always begins a cycle; during a trial none does, for the trial goes on."""
    return (target.decision.cycle == "restart" or target.reanchors) and not target.trialing
