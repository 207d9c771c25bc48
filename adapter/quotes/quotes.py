"""Making quotes, keeping them, and telling whether one still holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue, Decision, decision_from_dict, decision_to_dict

from ..billing import Bill, Billed, ByAgreement, Credit, EndUsage, Resubscribe
from ..database import Database
from ..errors import Conflict, Invalid, NotFound
from ..gateway.failures import Refused
from ..gateway.read import Reader
from ..holdings import addressed, holdings_of, unknown_price
from ..ids import new_id
from ..prices import offer_to_dict
from ..tables import AccountRow, QuoteRow
from .bills import bill_now, bill_of, billed_by, proration_date
from .credits import Payback, payback_of
from .documents import billed_anew, billed_later, billed_nothing, billed_now, quote_document
from .previews import CLOCK_TRUST, LIFETIME, Previews, first_period, only_melted, same_money
from .refusals import refuse_if_scheduled_elsewhere
from .targets import Target, Wanted, resolve
from .usage import usage_so_far


@dataclass(frozen=True)
class Agreed:
    """A quote that still holds: what is carried out, and what Stripe says it will total.

    ``total`` is None where no invoice is made. ``credited_units``: allowance paid back by it.
    ``effective_at`` is billing time.
    """

    target: Target
    bill: Bill
    total: int | None
    credited_units: int | None
    effective_at: datetime


@dataclass(frozen=True)
class _Priced:
    """The money of every timing, the billing time at which it was found, and what of unused
    allowance a change now would pay back.
    """

    timings: dict[str, Any]
    at: datetime
    payback: Payback | None = None
    credit: Credit | None = None


class Quotes:
    """Quotes of one deployment."""

    def __init__(self, database: Database, reader: Reader, catalogue: Catalogue) -> None:
        self._database = database
        self._reader = reader
        self._catalogue = catalogue
        self._previews = Previews(reader)

    def make(self, account: AccountRow, wanted: Wanted) -> QuoteRow:
        """Work out and keep a quote.

        Raises:
            Invalid, Conflict: see ``targets.resolve``.
            gateway failures: Stripe did not answer the preview.
        """
        now = self._reader.billing_now(account.test_clock)
        with self._database.write() as tx:
            target = resolve(tx, self._catalogue, account, wanted)
        priced = self._priced(account, target, now)
        at, payback, credit = priced.at, priced.payback, priced.credit
        quote_id = new_id("qt")
        expires_at = at + LIFETIME
        document = {
            "id": quote_id,
            "account": account.ref,
            "created_at": at.isoformat(),
            "expires_at": expires_at.isoformat(),
            **quote_document(self._catalogue, target, priced.timings, payback),
        }
        row = QuoteRow(
            id=quote_id,
            account_seq=account.seq,
            kind=target.kind,
            created_at=at,
            expires_at=expires_at,
            request={
                "wanted": wanted.to_json(),
                "to": offer_to_dict(target.offer) if target.offer else None,
                "from": offer_to_dict(target.current) if target.current else None,
                "proration_date": proration_date(target.at, at),
                "credit": credit.__dict__ if credit else None,
                "credited_units": payback.units if payback else None,
            },
            decision=decision_to_dict(target.decision),
            basis=target.basis(),
            document=document,
        )
        with self._database.write() as tx:
            tx.add(row)
        return self.find(account, quote_id)

    def make_cancellation(
        self, account: AccountRow, family: str | None, subscription: str | None
    ) -> QuoteRow:
        """A quote for the end of a plan; the family may be left out where only one is held.

        Raises:
            Conflict: ``ambiguous_target``, ``nothing_to_cancel``, and as ``make``.
        """
        if family is None:
            with self._database.read() as tx:
                held = addressed(holdings_of(tx, account), None, subscription)
            if held is None:
                raise Conflict("nothing_to_cancel", "The account holds no paid plan.")
            if held.offer is None:
                raise unknown_price(held)
            family, subscription = held.offer.family, held.subscription.id
        return self.make(account, Wanted(family, None, subscription=subscription))

    def find(self, account: AccountRow, quote_id: str) -> QuoteRow:
        """A quote of this account. Raises NotFound."""
        with self._database.read() as tx:
            row = tx.get(QuoteRow, quote_id)
        if row is None or row.account_seq != account.seq:
            raise NotFound.quote(quote_id)
        return row

    def needs_sales(self, account: AccountRow, quote_id: str) -> bool:
        """Whether the quote takes somebody who speaks for sales. Raises NotFound."""
        return Wanted(**self.find(account, quote_id).request["wanted"]).needs_sales

    def still_holds(self, account: AccountRow, quote: QuoteRow, when: str) -> Agreed:
        """Look once more, just before executing, whether the quote says what will happen.

        Raises:
            Conflict: ``quote_expired``; ``quote_stale`` with a fresh quote, if the subscription or
                the amounts moved; and whatever refuses the change meanwhile.
        """
        now = self._refuse_expired(account, quote)
        wanted = Wanted(**quote.request["wanted"])
        with self._database.read() as tx:
            target = resolve(tx, self._catalogue, account, wanted)
            if when == "period_end" and target.held is not None:
                refuse_if_scheduled_elsewhere(tx, target.held, target.replaces)
                _refuse_ending_twice(target)
        if target.basis() != quote.basis:
            raise self.stale(account, quote)
        stored = quote.request["credit"] if when == "now" else None
        credit = Credit(**stored) if stored else None
        bill = bill_of(account, target, when, quote.request["proration_date"], credit)
        units = quote.request["credited_units"] if when == "now" else None
        held = target.held
        takes_effect = held.line.period_end if held and when == "period_end" else now
        billed = billed_by(bill)
        # What was used since the quote is billed too, so its total binds nobody.
        if billed is None or isinstance(billed, EndUsage):
            return Agreed(target, bill, None, units, takes_effect)
        try:
            preview = self._reader.preview(billed.preview())
        except Refused as refused:
            raise self._stale(account, wanted, refused.message) from refused
        # Once more: Stripe's answer may have shown that its clock is ahead of what we thought.
        self._refuse_expired(account, quote)
        quoted = quote.document["timings"][when]
        if isinstance(bill, Resubscribe):
            bill = replace(bill, due=quoted["due_now"]["amount"])
        if not same_money(target, quoted, preview) or not self._ends_alike(target, bill, quoted):
            raise self._stale(account, wanted, "The amounts moved since the quote.")
        return Agreed(target, bill, preview.total, units, takes_effect)

    def _ends_alike(self, target: Target, bill: Bill, quoted: dict[str, Any]) -> bool:
        """Whether the end that goes before a new start still brings the credit of the quote."""
        if not isinstance(bill, Resubscribe) or not bill.credit:
            return True
        ending = self._reader.preview(bill.ending.preview())
        return only_melted(target, -quoted["credited_to_balance"]["amount"], ending.total)

    def has_moved(self, tx: Session, account: AccountRow, quote: QuoteRow) -> bool:
        """Whether what the quote is about differs by now from what it was computed on.

        Raises: Conflict, as ``targets.resolve``.
        """
        wanted = Wanted(**quote.request["wanted"])
        return resolve(tx, self._catalogue, account, wanted).basis() != quote.basis

    def stale(self, account: AccountRow, quote: QuoteRow) -> Conflict:
        """The refusal of a quote whose subscription moved, with a fresh quote.

        Raises: as ``make``, where no other is possible.
        """
        wanted = Wanted(**quote.request["wanted"])
        return self._stale(account, wanted, "The subscription changed since the quote.")

    def decision(self, quote: QuoteRow) -> Decision:
        """The rule as it was resolved when the quote was made."""
        return decision_from_dict(quote.decision)

    def _refuse_expired(self, account: AccountRow, quote: QuoteRow) -> datetime:
        """Gives the billing time if the quote is still young enough."""
        now = self._reader.billing_now(account.test_clock)
        if now >= quote.expires_at:
            raise Conflict("quote_expired", "The quote has expired; ask for a new one.")
        return now

    def _stale(self, account: AccountRow, wanted: Wanted, why: str) -> Conflict:
        fresh = self.make(account, wanted)
        return Conflict(
            "quote_stale",
            f"{why} A fresh quote is attached; agree to that one.",
            quote=fresh.document,
        )

    def _priced(self, account: AccountRow, target: Target, now: datetime) -> _Priced:
        """Every timing that the rules allow, with its money."""
        offered = offered_timings(target.decision)
        priced = self._now(account, target, now) if "now" in offered else _Priced({}, now)
        timings, now = priced.timings, priced.at
        if "period_end" in offered:
            timings["period_end"] = self._timing_later(target)
            # Its preview may be the first that is heard from Stripe's clock in a while.
            seen = self._reader.time.now()
            if account.test_clock is None and abs(seen - now) > CLOCK_TRUST:
                now = seen
        return replace(priced, at=now)

    def _now(self, account: AccountRow, target: Target, now: datetime) -> _Priced:
        def at(moment: datetime, credit: Credit | None = None) -> Billed:
            bill = bill_now(account, target, proration_date(target.at, moment), credit)
            assert not isinstance(bill, ByAgreement)
            return bill

        if billed_by(bill_now(account, target, proration_date(target.at, now))) is None:
            return self._nothing_now(account, target, now)
        if isinstance(at(now), EndUsage):
            assert target.held is not None
            currency = target.held.line.currency
            money, now = usage_so_far(self._previews, account, currency, at, now)
            return _Priced({"now": money}, now)
        preview, now = self._previews.of(account, at, now)
        # Only now is it certain what time it is, and so what is unused.
        with self._database.read() as tx:
            payback = payback_of(tx, self._catalogue, account, target, now)
        credit = payback.capped(preview) if payback else None
        if credit is not None:
            preview = self._previews.with_credit(at(now, credit))
        price = target.price.id if target.price else None
        bill = at(now)
        if isinstance(bill, Resubscribe):
            ending = self._reader.preview(bill.ending.preview()) if bill.credit else None
            return _Priced({"now": billed_anew(preview, ending, price, now)}, now)
        return _Priced({"now": billed_now(preview, price, now)}, now, payback, credit)

    def _nothing_now(self, account: AccountRow, target: Target, now: datetime) -> _Priced:
        """The money of what bills nothing now: an end without credit, a start of what is billed by
        usage, or a change in a trial, which is billed when the trial ends.
        """
        if target.at is None:
            offer = target.offer if target.price else target.agreed and target.agreed.offer
            named = (offer and offer.currency) or account.currency
            currency = named or self._catalogue.currencies[0]
            return _Priced({"now": billed_nothing(currency, now)}, now)
        if target.price is None or target.held is None:
            return _Priced({"now": billed_nothing(target.at.line.currency, now)}, now)
        later = self._timing_later(target)
        # Its preview may be the first that is heard from Stripe's clock in a while.
        now = self._reader.billing_now(account.test_clock)
        return _Priced({"now": {**later, "effective_at": now.isoformat()}}, now)

    def _timing_later(self, target: Target) -> dict[str, Any]:
        assert target.held is not None, "only something held can be changed at its period's end"
        line = target.held.line
        with self._database.read() as tx:
            asked = first_period(tx, self._catalogue, target)
        preview = self._reader.preview(asked) if asked is not None else None
        return billed_later(preview, line.currency, line.period_end)


def offered_timings(decision: Decision) -> tuple[str, ...]:
    """The timings a decision leaves open to the caller."""
    return ("now", "period_end") if decision.timing == "caller" else (decision.timing,)


def chosen_timing(decision: Decision, when: str | None) -> str:
    """The timing to execute.

    Raises:
        Invalid: ``choose_timing`` if there is a choice and none was made, or another was asked for.
    """
    offered = offered_timings(decision)
    if when is None and len(offered) == 1:
        return offered[0]
    if when is None or when not in offered:
        raise Invalid(
            "choose_timing",
            f"Say when: {' or '.join(offered)}.",
            path="when",
            offered=list(offered),
        )
    return when


def _refuse_ending_twice(target: Target) -> None:
    """What is set to end already ends with that same period."""
    replaces = target.replaces
    if target.price is None and replaces is not None and replaces.price_id is None:
        raise Conflict(
            "cancellation_pending",
            f"The plan is set to end already, by plan change {replaces.change.id}.",
            plan_change=replaces.change.id,
        )
