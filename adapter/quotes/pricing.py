"""What an order costs, choice by choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mappings import Catalogue

from ..billing import Billed, ByAgreement, Credit, EndUsage, Replace, Resubscribe
from ..database import Database
from ..gateway.read import Reader
from ..holdings import Holding
from ..tables import AccountRow
from .bills import bill_now, billed_by, proration_date
from .credits import Payback, payback_of
from .order import Ordered
from .previews import CLOCK_TRUST, Previews, first_period
from .targets import Target
from .timings import billed_anew, billed_apart, billed_nothing, billed_now, with_later
from .usage import usage_so_far


@dataclass(frozen=True)
class Priced:
    """The money of a choice, the billing time at which it was found, and what of unused allowance
    a change now would pay back.
    """

    timing: dict[str, Any]
    at: datetime
    payback: Payback | None = None
    credit: Credit | None = None


class Pricing:
    """Finds out, by previews of Stripe's, what an order costs."""

    def __init__(self, database: Database, reader: Reader, catalogue: Catalogue) -> None:
        self._database = database
        self._reader = reader
        self._catalogue = catalogue
        self._previews = Previews(reader)

    def of(
        self, account: AccountRow, order: Ordered, at: datetime
    ) -> tuple[dict[str, Any], Priced]:
        """Every choice that the rules leave, with its money; and what was found with the first."""
        first: Priced | None = None
        timings = {}
        for when in order.offered:
            priced = self._choice(account, order, when, at)
            timings[when], at = priced.timing, priced.at
            first = first or priced
        assert first is not None
        return timings, replace(first, at=at)

    def _choice(self, account: AccountRow, order: Ordered, when: str, at: datetime) -> Priced:
        now, later = order.now(when), order.later(when)
        if not now:
            return Priced(self._later(later), self._seen(account, at))
        priced = self._now(account, now, at)
        if not later:
            return priced
        return replace(priced, timing=self._with_later(priced.timing, now, later))

    def _now(self, account: AccountRow, now: Sequence[Target], moment: datetime) -> Priced:
        def billed(at: datetime, credit: Credit | None = None) -> Billed:
            bill = bill_now(account, now, proration_date(now, at), credit)
            assert not isinstance(bill, ByAgreement)
            return bill

        if billed_by(bill_now(account, now, proration_date(now, moment))) is None:
            return self._nothing_now(account, now, moment)
        if isinstance(billed(moment), EndUsage):
            assert now[0].held is not None
            currency = now[0].held.line.currency
            timing, at = usage_so_far(self._previews, account, currency, billed, moment)
            return Priced(timing, at)
        preview, at = self._previews.of(account, billed, moment)
        bill, price = billed(at), now[0].price.id if now[0].price else None
        if isinstance(bill, Resubscribe | Replace):
            ending = self._reader.preview(bill.ending.preview()) if bill.credit else None
            money = billed_anew if isinstance(bill, Resubscribe) else billed_apart
            return Priced(money(preview, ending, price, at), at)
        # Only now is it certain what time it is, and so what is unused.
        with self._database.read() as tx:
            payback = payback_of(tx, self._catalogue, account, now[0], at)
        credit = payback.capped(preview) if payback else None
        if credit is not None:
            preview = self._previews.with_credit(billed(at, credit))
        return Priced(billed_now(preview, price, at), at, payback, credit)

    def _nothing_now(self, account: AccountRow, now: Sequence[Target], at: datetime) -> Priced:
        """The money of what bills nothing now: an end without credit, a start of what is billed by
        usage, or a change in a trial, which is billed when the trial ends.
        """
        first = now[0]
        if first.at is None:
            offer = first.offer if first.price else first.agreed and first.agreed.offer
            named = (offer and offer.currency) or account.currency
            currency = named or self._catalogue.currencies[0]
            return Priced(billed_nothing(currency, at), at)
        if first.price is None or first.held is None:
            return Priced(billed_nothing(first.at.line.currency, at), at)
        later = self._later(now)
        # Its preview may be the first that is heard from Stripe's clock in a while.
        at = self._reader.billing_now(account.test_clock)
        return Priced({**later, "effective_at": at.isoformat(), "scheduled": []}, at)

    def _later(self, later: Sequence[Target]) -> dict[str, Any]:
        """The money of what all waits for the end of its period, earliest first."""
        line = _soonest(later)[0].line
        timing = billed_nothing(line.currency, line.period_end)
        return self._with_later(timing, (), later)

    def _with_later(
        self, timing: dict[str, Any], now: Sequence[Target], later: Sequence[Target]
    ) -> dict[str, Any]:
        first, together = _soonest(later)
        with self._database.read() as tx:
            asked = first_period(tx, self._catalogue, together, now)
        preview = self._reader.preview(asked) if asked is not None else None
        return with_later(timing, later, preview, first.line.period_end)

    def _seen(self, account: AccountRow, at: datetime) -> datetime:
        """The billing time, if a preview was the first that was heard from Stripe's clock in a
        while.
        """
        seen = self._reader.time.now()
        return seen if account.test_clock is None and abs(seen - at) > CLOCK_TRUST else at


def _soonest(later: Sequence[Target]) -> tuple[Holding, list[Target]]:
    """What comes about first: a line of it, and all that come about with it on a subscription."""
    held = [one.held for one in later if one.held is not None]
    assert held, "only something held can be changed at its period's end"
    first = min(held, key=lambda one: one.line.period_end)
    return first, [one for one in later if one.subscription == first.subscription.id]
