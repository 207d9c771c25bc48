"""Making quotes, keeping them, and telling whether one still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue, decision_to_dict

from ..billing import Bill, Credit, EndUsage, Replace, Resubscribe
from ..charging import Charging, to_be_asked
from ..database import Database
from ..errors import Conflict, Invalid, NotFound
from ..gateway.failures import Gone, Refused
from ..gateway.read import Reader
from ..gateway.snapshots import PaymentMethodSnapshot
from ..holdings import addressed, holdings_of, unknown_price
from ..ids import new_id
from ..tables import AccountRow, QuoteRow
from .bills import bill_of, billed_by, proration_date
from .documents import (
    already_scheduled,
    quote_document,
)
from .order import Ordered, resolve_order
from .previews import LIFETIME, only_melted, same_money
from .pricing import Priced, Pricing
from .refusals import refuse_if_scheduled_elsewhere
from .targets import Target, Wanted


@dataclass(frozen=True)
class Agreed:
    """A quote that still holds: what is carried out, and what Stripe says it will total.

    ``total`` is None where no invoice is made. ``credited_units``: allowance paid back by it.
    ``at`` is billing time, when what is due now takes effect.
    """

    order: Ordered
    when: str
    bill: Bill
    total: int | None
    credited_units: int | None
    at: datetime
    charging: Charging

    @property
    def now(self) -> tuple[Target, ...]:
        return self.order.now(self.when)

    @property
    def later(self) -> tuple[Target, ...]:
        return self.order.later(self.when)


class Quotes:
    """Quotes of one deployment."""

    def __init__(self, database: Database, reader: Reader, catalogue: Catalogue) -> None:
        self._database = database
        self._reader = reader
        self._catalogue = catalogue
        self._pricing = Pricing(database, reader, catalogue)

    def make(self, account: AccountRow, *wanted: Wanted) -> QuoteRow:
        """Work out and keep a quote of one order.

        Raises:
            Invalid, Conflict: see ``order.resolve_order``.
            gateway failures: Stripe did not answer the preview.
        """
        now = self._reader.billing_now(account.test_clock)
        charging = self._charging(account, wanted)
        with self._database.write() as tx:
            order = resolve_order(tx, self._catalogue, account, wanted, charging)
            earlier = already_scheduled(tx, self._catalogue, account, order)
        timings, priced = self._pricing.of(account, order, now)
        at, quote_id = priced.at, new_id("qt")
        document = {
            "id": quote_id,
            "account": account.ref,
            "created_at": at.isoformat(),
            "expires_at": (at + LIFETIME).isoformat(),
            **quote_document(self._catalogue, order, timings, priced.payback, earlier),
        }
        row = QuoteRow(
            id=quote_id,
            account_seq=account.seq,
            kind=order.kind,
            created_at=at,
            expires_at=at + LIFETIME,
            request=_request(wanted, order, priced),
            decision={one.family: decision_to_dict(one.decision) for one in order.targets},
            basis=order.basis(),
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
        return any(one.needs_sales for one in _wanted(self.find(account, quote_id)))

    def still_holds(self, account: AccountRow, quote: QuoteRow, when: str) -> Agreed:
        """Look once more, just before executing, whether the quote says what will happen.

        Raises:
            Conflict: ``quote_expired``; ``quote_stale`` with a fresh quote, if the subscription or
                the amounts moved; and whatever refuses the change meanwhile.
        """
        at = self._refuse_expired(account, quote)
        wanted = _wanted(quote)
        charging = self._charging(account, wanted)
        with self._database.read() as tx:
            order = resolve_order(tx, self._catalogue, account, wanted, charging)
            _refuse_over_an_end(tx, order.later(when))
        if order.basis() != quote.basis or when not in order.offered:
            raise self.stale(account, quote)
        now, request = order.now(when), quote.request
        credit = Credit(**request["credit"]) if now and request["credit"] else None
        units = request["credited_units"] if now else None
        bill = bill_of(account, now, request["proration_dates"][when], credit)
        billed = billed_by(bill)
        # What was used since the quote is billed too, so its total binds nobody.
        if billed is None or isinstance(billed, EndUsage):
            return Agreed(order, when, bill, None, units, at, charging)
        try:
            preview = self._reader.preview(billed.preview())
        except Refused as refused:
            raise self._stale(account, wanted, refused.message) from refused
        # Once more: Stripe's answer may have shown that its clock is ahead of what we thought.
        self._refuse_expired(account, quote)
        quoted = quote.document["timings"][when]
        if isinstance(bill, Resubscribe):
            bill = replace(bill, due=quoted["due_now"]["amount"])
        alike = same_money(billed, now, quoted, preview) and self._ends_alike(now, bill, quoted)
        if not alike:
            raise self._stale(account, wanted, "The amounts moved since the quote.")
        return Agreed(order, when, bill, preview.total, units, at, charging)

    def _ends_alike(self, now: Sequence[Target], bill: Bill, quoted: dict[str, Any]) -> bool:
        """Whether the end that goes with a new start still brings the credit of the quote."""
        if not isinstance(bill, Resubscribe | Replace) or not bill.credit:
            return True
        ending = self._reader.preview(bill.ending.preview())
        return only_melted(now, -quoted["credited_to_balance"]["amount"], ending.total)

    def has_moved(
        self, tx: Session, account: AccountRow, quote: QuoteRow, charging: Charging
    ) -> bool:
        """Whether what the quote is about differs by now from what it was computed on.

        Raises: Conflict, as ``order.resolve_order``.
        """
        order = resolve_order(tx, self._catalogue, account, _wanted(quote), charging)
        return order.basis() != quote.basis

    def stale(self, account: AccountRow, quote: QuoteRow) -> Conflict:
        """The refusal of a quote whose subscription moved, with a fresh quote.

        Raises: as ``make``, where no other is possible.
        """
        return self._stale(account, _wanted(quote), "The subscription changed since the quote.")

    def _charging(self, account: AccountRow, wanted: Sequence[Wanted]) -> Charging:
        """What there is to know of who can be charged; Stripe is asked only where a rule minds and
        the mirror cannot tell.
        """
        families = [self._catalogue.families.get(one.family) for one in wanted]
        if not any(family is not None and family.minds_charging for family in families):
            return Charging()
        with self._database.read() as tx:
            subs = [None, *(held.subscription for held in holdings_of(tx, account))]
            asked = to_be_asked(tx, account, subs)
        return Charging({method: self._method(method) for method in asked})

    def _method(self, method: str) -> PaymentMethodSnapshot | None:
        try:
            return self._reader.payment_method(method)
        except Gone:
            return None

    def _refuse_expired(self, account: AccountRow, quote: QuoteRow) -> datetime:
        """Gives the billing time if the quote is still young enough."""
        now = self._reader.billing_now(account.test_clock)
        if now >= quote.expires_at:
            raise Conflict("quote_expired", "The quote has expired; ask for a new one.")
        return now

    def _stale(self, account: AccountRow, wanted: Sequence[Wanted], why: str) -> Conflict:
        fresh = self.make(account, *wanted)
        return Conflict(
            "quote_stale",
            f"{why} A fresh quote is attached; agree to that one.",
            quote=fresh.document,
        )


def _wanted(quote: QuoteRow) -> list[Wanted]:
    return [Wanted(**one) for one in quote.request["wanted"]]


def chosen_timing(quote: QuoteRow, when: str | None) -> str:
    """The choice to execute.

    Raises:
        Invalid: ``choose_timing`` if there is a choice and none was made, or another was asked for.
    """
    offered = list(quote.document["timings"])
    if when is None and len(offered) == 1:
        return str(offered[0])
    if when is None or when not in offered:
        raise Invalid(
            "choose_timing",
            f"Say when: {' or '.join(offered)}.",
            path="when",
            offered=offered,
        )
    return when


def _request(wanted: Sequence[Wanted], order: Ordered, priced: Priced) -> dict[str, Any]:
    """What the quote was made of, so that the very same is asked for when it is executed."""
    return {
        "wanted": [one.to_json() for one in wanted],
        "proration_dates": {
            when: proration_date(order.now(when), priced.at) for when in order.offered
        },
        "credit": priced.credit.__dict__ if priced.credit else None,
        "credited_units": priced.payback.units if priced.payback else None,
    }


def _refuse_over_an_end(tx: Session, later: Sequence[Target]) -> None:
    """What is set to end elsewhere is not scheduled over, and what ends already ends with that same
    period.
    """
    for target in later:
        replaces = target.replaces
        if target.held is not None:
            refuse_if_scheduled_elsewhere(tx, target.held, replaces)
        if target.price is None and replaces is not None and replaces.price_id is None:
            raise Conflict(
                "cancellation_pending",
                f"The plan is set to end already, by plan change {replaces.change.id}.",
                plan_change=replaces.change.id,
            )
