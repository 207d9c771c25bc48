"""Making quotes, keeping them, and telling whether one still holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mappings import Catalogue, Decision, decision_from_dict, decision_to_dict

from ..billing import Bill, Cancel, Purchase, UpdateNow
from ..clock import to_unix
from ..database import Database
from ..errors import Conflict, Invalid, NotFound
from ..gateway.failures import Refused
from ..gateway.read import Reader
from ..gateway.snapshots import InvoiceSnapshot
from ..holdings import Holding, addressed, holdings_of, period_is_paid, unknown_price
from ..ids import new_id
from ..prices import offer_to_dict
from ..tables import AccountRow, QuoteRow
from .documents import billed_nothing, billed_now, quote_document
from .targets import Target, Wanted, refuse_if_ending, resolve

LIFETIME = timedelta(minutes=15)
# Stripe refuses a proration date in its future; five seconds absorb clock differences.
PRORATION_MARGIN = timedelta(seconds=5)
# A difference this large means that the clock we went by was wrong, not slow.
CLOCK_TRUST = timedelta(seconds=60)


@dataclass(frozen=True)
class Agreed:
    """A quote that still holds: what is carried out, and what Stripe says it will total.

    ``total`` is None where no invoice is made.
    """

    target: Target
    bill: Bill
    total: int | None


class Quotes:
    """Quotes of one deployment."""

    def __init__(self, database: Database, reader: Reader, catalogue: Catalogue) -> None:
        self._database = database
        self._reader = reader
        self._catalogue = catalogue

    def make(self, account: AccountRow, wanted: Wanted) -> QuoteRow:
        """Work out and keep a quote.

        Raises:
            Invalid, Conflict: see ``targets.resolve``.
            gateway failures: Stripe did not answer the preview.
        """
        with self._database.read() as tx:
            target = resolve(tx, self._catalogue, account, wanted)
            paid = target.held is not None and period_is_paid(tx, target.held)
        timings, at, proration_date = self._timings(account, target, paid)
        quote_id = new_id("qt")
        expires_at = at + LIFETIME
        document = {
            "id": quote_id,
            "account": account.ref,
            "created_at": at.isoformat(),
            "expires_at": expires_at.isoformat(),
            **quote_document(self._catalogue, target, timings),
        }
        row = QuoteRow(
            id=quote_id,
            account_seq=account.seq,
            kind=target.kind,
            created_at=at,
            expires_at=expires_at,
            request=_request(wanted, target, paid, proration_date),
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

    def still_holds(self, account: AccountRow, quote: QuoteRow, when: str) -> Agreed:
        """Look once more, just before executing, whether the quote says what will happen.

        Raises:
            Conflict: ``quote_expired``, ``cancellation_pending``, or ``quote_stale`` with a fresh
                quote to agree to.
        """
        self._refuse_expired(account, quote)
        wanted = Wanted(**quote.request["wanted"])
        with self._database.read() as tx:
            target = resolve(tx, self._catalogue, account, wanted)
            paid = target.held is not None and period_is_paid(tx, target.held)
        if when == "period_end" and target.held is not None:
            refuse_if_ending(target.held)
        if target.basis() != quote.basis or paid != quote.request["paid"]:
            raise self._stale(account, wanted, "The subscription changed since the quote.")
        bill = _bill(account, target, paid, quote.request["proration_date"])
        if when != "now" or not _moves_money(bill):
            return Agreed(target, bill, None)
        try:
            preview = self._reader.preview(bill.preview())
        except Refused as refused:
            raise self._stale(account, wanted, refused.message) from refused
        # Once more: Stripe's answer may have shown that its clock is ahead of what we thought.
        self._refuse_expired(account, quote)
        if not _same_money(target, quote.document["timings"]["now"], preview):
            raise self._stale(account, wanted, "The amounts moved since the quote.")
        return Agreed(target, bill, preview.total)

    def billing_now(self) -> datetime:
        """The present moment at Stripe."""
        return self._reader.time.now()

    def decision(self, quote: QuoteRow) -> Decision:
        """The rule as it was resolved when the quote was made."""
        return decision_from_dict(quote.decision)

    def _refuse_expired(self, account: AccountRow, quote: QuoteRow) -> None:
        if self._reader.billing_now(account.test_clock) >= quote.expires_at:
            raise Conflict("quote_expired", "The quote has expired; ask for a new one.")

    def _stale(self, account: AccountRow, wanted: Wanted, why: str) -> Conflict:
        fresh = self.make(account, wanted)
        return Conflict(
            "quote_stale",
            f"{why} A fresh quote is attached; agree to that one.",
            quote=fresh.document,
        )

    def _timings(
        self, account: AccountRow, target: Target, paid: bool
    ) -> tuple[dict[str, Any], datetime, int]:
        """The money of every timing the rules allow, the billing time, and the proration date."""
        offered = offered_timings(target.decision)
        now = self._reader.billing_now(account.test_clock)
        timings: dict[str, Any] = {}
        if "now" in offered:
            timings["now"], now = self._timing_now(account, target, paid, now)
        if "period_end" in offered:
            assert target.held is not None, "only something held can be changed at its period's end"
            line = target.held.line
            timings["period_end"] = billed_nothing(line.currency, line.period_end)
        return timings, now, _proration_date(target.held, now)

    def _timing_now(
        self, account: AccountRow, target: Target, paid: bool, now: datetime
    ) -> tuple[dict[str, Any], datetime]:
        def at(moment: datetime) -> Bill:
            return _bill(account, target, paid, _proration_date(target.held, moment))

        if not _moves_money(at(now)):
            assert target.held is not None
            return billed_nothing(target.held.line.currency, now), now
        preview, now = self._previewed(account, at, now)
        price = target.price.id if target.price else None
        return billed_now(preview, price, now), now

    def _previewed(
        self, account: AccountRow, at: Callable[[datetime], Bill], now: datetime
    ) -> tuple[InvoiceSnapshot, datetime]:
        """Ask for the preview; once more if Stripe's answer shows that our clock was wrong."""
        refused: Refused | None = None
        preview: InvoiceSnapshot | None = None
        try:
            preview = self._reader.preview(at(now).preview())
        except Refused as failure:
            refused = failure
        seen = self._reader.billing_now(account.test_clock)
        if abs(seen - now) > CLOCK_TRUST:
            return self._reader.preview(at(seen).preview()), seen
        if preview is None:
            assert refused is not None
            raise refused
        return preview, now


def _bill(account: AccountRow, target: Target, paid: bool, proration_date: int) -> Bill:
    """What Stripe is asked to do for ``target``: the one source of preview and execution."""
    assert account.customer_id is not None, f"account {account.ref} has no customer yet"
    held, quantity = target.held, target.wanted.quantity
    if held is None:
        assert target.price is not None
        return Purchase(account.customer_id, target.price.id, quantity)
    if target.price is None:
        credit = target.decision.credit != "none" and paid
        return Cancel(account.customer_id, held.subscription.id, credit)
    return UpdateNow(
        customer=account.customer_id,
        subscription=held.subscription.id,
        item=held.line.id,
        price=target.price.id,
        quantity=quantity,
        prorate=target.decision.credit == "time",
        restart=target.decision.cycle == "restart",
        proration_date=proration_date,
    )


def _moves_money(bill: Bill) -> bool:
    return not isinstance(bill, Cancel) or bill.credit


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


def _proration_date(held: Holding | None, now: datetime) -> int:
    """The second from which unused time counts, never before the current period began."""
    at = now - PRORATION_MARGIN
    return to_unix(max(at, held.line.period_start) if held else at)


def _request(wanted: Wanted, target: Target, paid: bool, proration_date: int) -> dict[str, Any]:
    return {
        "wanted": wanted.to_json(),
        "to": offer_to_dict(target.offer) if target.offer else None,
        "from": offer_to_dict(target.current) if target.current else None,
        "paid": paid,
        "proration_date": proration_date,
    }


def _same_money(target: Target, quoted: dict[str, Any], preview: InvoiceSnapshot) -> bool:
    """Whether a second preview says what the quote said.

    A cancellation has no proration date (Stripe prorates at the second it happens), so its credit
    melts while the quote is read; it may have melted by what the quote's lifetime explains.
    """
    if target.kind != "cancel":
        return bool(preview.total == quoted["total"]["amount"])
    melted = int(preview.total - quoted["total"]["amount"])
    held = target.held
    assert held is not None
    period = (held.line.period_end - held.line.period_start).total_seconds()
    worth = (held.line.unit_amount or 0) * held.line.quantity
    return 0 <= melted <= worth * LIFETIME.total_seconds() / period + 1
