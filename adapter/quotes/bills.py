"""From a resolved order to what Stripe is asked to do: the source of preview and execution."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..billing import (
    Bill,
    Billed,
    ByAgreement,
    Cancel,
    Credit,
    EndUsage,
    Entry,
    Later,
    Purchase,
    RemoveNow,
    Replace,
    Resubscribe,
    UpdateNow,
)
from ..clock import to_unix
from ..tables import AccountRow
from .targets import Target

# Stripe refuses a proration date in its future; five seconds absorb clock differences.
PRORATION_MARGIN = timedelta(seconds=5)


def bill_of(
    account: AccountRow,
    now: Sequence[Target],
    proration_date: int,
    credit: Credit | None = None,
) -> Bill:
    """What is to be done at once for all of ``now``; ``credit`` is one for allowance."""
    assert account.customer_id is not None, f"account {account.ref} has no customer yet"
    if not now:
        return Later(account.customer_id)
    return bill_now(account, now, proration_date, credit)


def bill_now(
    account: AccountRow, now: Sequence[Target], proration_date: int, credit: Credit | None = None
) -> Billed | ByAgreement:
    """What is to be done at once for all of ``now``, of which there is at least one."""
    assert account.customer_id is not None, f"account {account.ref} has no customer yet"
    customer, first = account.customer_id, now[0]
    if any(one.at_a_page for one in now):
        return _replace(customer, now)
    if first.held is None and first.price is None:
        return ByAgreement(customer)
    if first.price is None:
        return _end(customer, now)
    if first.subscription is None:
        return Purchase(customer, _entries(now), first.wanted.invoice_days)
    if first.decision.route == "cancel_and_resubscribe":
        paid_back = first.decision.credit != "none" and first.paid
        return Resubscribe(customer, first.subscription, paid_back, _entries(now, anew=True))
    return UpdateNow(
        customer=customer,
        subscription=first.subscription,
        entries=_entries(now),
        # What joins is billed for the rest of the period, whatever its rule says.
        prorate=all(one.kind == "start" or one.decision.credit == "time" for one in now),
        restart=any(one.kind == "change" and one.restarts for one in now),
        proration_date=proration_date,
        credit=credit,
        trial=first.trialing,
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


def proration_date(now: Sequence[Target], at: datetime) -> int:
    """The second from which unused time counts, never before the current period began."""
    moment = at - PRORATION_MARGIN
    begun = [one.at.line.period_start for one in now if one.at is not None]
    return to_unix(max([moment, *begun]))


def _entries(now: Sequence[Target], *, anew: bool = False) -> tuple[Entry, ...]:
    """What the lines are to be; ``anew``: on a subscription of their own."""
    entries = []
    for one in now:
        assert one.price is not None
        item = one.held.line.id if one.held is not None and not anew else None
        quantity = None if one.price.metered else one.quantity
        entries.append(Entry(one.price.id, quantity, item))
    return tuple(entries)


def _replace(customer: str, now: Sequence[Target]) -> Replace:
    leaving = [one for one in now if one.held is not None]
    (subscription,) = {one.subscription for one in leaving}
    assert subscription is not None
    return Replace(
        customer=customer,
        subscription=subscription,
        entries=_entries(now, anew=True),
        items=_items(leaving),
        whole=_is_whole(leaving),
        credit=all(one.paid for one in leaving),
    )


def _end(customer: str, ending: Sequence[Target]) -> Billed:
    subscription, held = ending[0].subscription, ending[0].held
    assert subscription is not None
    assert held is not None
    if held.line.meter_id is not None:
        return EndUsage(customer, subscription, held.line.meter_id)
    credits = all(one.decision.credit != "none" for one in ending)
    if _is_whole(ending):
        return Cancel(customer, subscription, credits and ending[0].paid)
    # The renewal of the lines that go on is not given up with this one: still a draft, it is paid
    # first and this line's part credited, whatever the rule says, for nothing of it was served.
    credit = ending[0].pays_first and (credits or ending[0].draft)
    return RemoveNow(customer, subscription, _items(ending), credit)


def _items(targets: Sequence[Target]) -> tuple[str, ...]:
    return tuple(one.held.line.id for one in targets if one.held is not None)


def _is_whole(leaving: Sequence[Target]) -> bool:
    """Whether nothing of their subscription goes on without them."""
    lines = {one.held.line.id for one in leaving if one.held is not None}
    return all(other.line.id in lines for one in leaving for other in one.others)
