"""Processing: one customer at a time, every object fetched once, everything committed together."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from adapter.backoff import wait
from adapter.changes.settling import Moment
from adapter.checkouts.mirroring import CheckoutMirror, FetchedCheckout
from adapter.clock import Clock
from adapter.database import Database, is_away
from adapter.gateway.failures import Gone, NotExecuted, StoredFailure, Unanswered
from adapter.gateway.snapshots import CheckoutSnapshot, InvoiceSnapshot
from adapter.jobs import Job
from adapter.mirror import Fetched, Mirror
from adapter.purchases.settling import invoice_seen
from adapter.tables import AccountRow, EventRow
from mappings import Catalogue

from .refs import Kind, Ref
from .registry import HANDLED

log = structlog.get_logger(__name__)

# These pass by themselves and are tried again without limit.
PASSING = (Unanswered, NotExecuted, StoredFailure)
# How many events of one customer are taken together.
MOST = 1_000
# Rows looked at per customer that is wanted: events of one customer come in bursts.
BURST = 4


@dataclass(frozen=True)
class _Got:
    """What became of fetching one object: it, or that it is gone, or why it failed."""

    fetched: Fetched | FetchedCheckout | None = None
    gone: bool = False
    failure: Exception | None = None


class Processing:
    """Turns pending events into local state: a queue of jobs, one per customer."""

    def __init__(
        self,
        database: Database,
        mirror: Mirror,
        checkouts: CheckoutMirror,
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._clock = clock
        self._fetch: Mapping[Kind, Callable[[str], Fetched | FetchedCheckout]] = {
            "customer": mirror.fetch_customer,
            "subscription": mirror.fetch_subscription,
            "invoice": mirror.fetch_invoice,
            "schedule": mirror.fetch_schedule,
            "checkout": checkouts.fetch,
        }
        self._mirror = mirror
        self._checkouts = checkouts

    def due(self, limit: int, besides: Collection[str]) -> list[Job]:
        """Customers with pending events, those that wait longest first."""
        waiting = (
            select(EventRow.owner)
            .where(EventRow.state == "pending", EventRow.next_at <= self._clock.now())
            .where(EventRow.owner.not_in(besides))
            .order_by(EventRow.next_at, EventRow.seq)
            .limit(limit * BURST)
        )
        with self._database.read() as tx:
            owners = list(dict.fromkeys(tx.scalars(waiting)))[:limit]
        return [Job(owner, partial(self.process, owner)) for owner in owners]

    def process(self, owner: str) -> int:
        """Process the pending events of ``owner``, whose claim is held; gives how many ended."""
        events = self._pending(owner)
        if not events:
            return 0
        if not self._is_ours(events):
            return self._mark_foreign(events)
        # All events of the customer are taken together, so each object is fetched once.
        got = self._fetched(_refs(events))
        try:
            return self._commit(events, got)
        except Exception as mistake:
            if is_away(mistake):
                raise  # nothing is wrong with the events
            return self._fail_all(events, mistake)

    def _pending(self, owner: str) -> list[EventRow]:
        with self._database.read() as tx:
            return list(
                tx.scalars(
                    select(EventRow)
                    .where(EventRow.owner == owner, EventRow.state == "pending")
                    .where(EventRow.next_at <= self._clock.now())
                    .order_by(EventRow.seq)
                    .limit(MOST)
                )
            )

    def _is_ours(self, events: Sequence[EventRow]) -> bool:
        customers = {event.customer_id for event in events if event.customer_id}
        with self._database.read() as tx:
            known = select(AccountRow.seq).where(AccountRow.customer_id.in_(customers)).limit(1)
            return tx.scalars(known).first() is not None

    def _mark_foreign(self, events: Sequence[EventRow]) -> int:
        with self._database.write() as tx:
            for row in _locked(tx, events):
                row.state, row.processed_at = "foreign", self._clock.now()
                row.error = "the customer is not an account here"
        return len(events)

    def _fetched(self, refs: Sequence[Ref]) -> dict[Ref, _Got]:
        """Each object once, with what moved along with it. That comes first: whoever hears of a
        completed page finds its subscription and invoice in the mirror.
        """
        named = {ref: self._get(ref) for ref in refs}
        along = {one for found in named.values() for one in _moved_with(found)} - named.keys()
        return {**{ref: self._get(ref) for ref in sorted(along, key=str)}, **named}

    def _get(self, ref: Ref) -> _Got:
        try:
            return _Got(fetched=self._fetch[ref.kind](ref.id))
        except Gone:
            return _Got(gone=True)
        except Exception as failure:
            if is_away(failure):
                raise
            return _Got(failure=failure)

    def _commit(self, events: Sequence[EventRow], got: Mapping[Ref, _Got]) -> int:
        """State, event marks and notices in one transaction."""
        ended, now = 0, self._clock.now()
        with self._database.write() as tx:
            rows = _locked(tx, events)
            # Pages last: what they have made is stored by then.
            for ref, found in sorted(got.items(), key=lambda one: one[0].kind == "checkout"):
                if found.fetched is not None:
                    self._store(tx, found.fetched, Moment(now, _told_at(events, ref)))
            for row in rows:
                named = [got[ref] for ref in HANDLED[row.type](row)]
                along = [got[ref] for found in named for ref in _moved_with(found)]
                mine = [*named, *along]
                failure = next((one.failure for one in mine if one.failure), None)
                if failure is not None:
                    self._fail(row, failure)
                    continue
                row.state, row.processed_at = "processed", now
                row.error = "gone at Stripe" if any(one.gone for one in mine) else None
                ended += 1
        return ended

    def _store(self, tx: Session, fetched: Fetched | FetchedCheckout, heard: Moment) -> None:
        if isinstance(fetched, FetchedCheckout):
            self._checkouts.store(tx, fetched, heard)
            return
        self._mirror.store(tx, fetched)
        if isinstance(fetched.snapshot, InvoiceSnapshot):
            invoice_seen(tx, self._catalogue, fetched.snapshot, heard)

    def _fail_all(self, events: Sequence[EventRow], mistake: Exception) -> int:
        """A mistake of ours while storing: these events wait for a person, all others go on."""
        with self._database.write() as tx:
            for row in _locked(tx, events):
                self._fail(row, mistake)
        return 0

    def _fail(self, row: EventRow, failure: Exception) -> None:
        row.attempts += 1
        row.error = str(failure)
        if isinstance(failure, PASSING):
            row.next_at = self._clock.now() + wait(row.attempts)
            log.warning("event_postponed", event_id=row.id, attempts=row.attempts)
            return
        row.state = "dead"
        row.traceback = "".join(traceback.format_exception(failure))
        log.error("event_dead", event_id=row.id, type=row.type)


def _told_at(events: Sequence[EventRow], ref: Ref) -> datetime:
    """When the last event about ``ref`` happened, on Stripe's clock; what a page has made came
    about when the page was completed.
    """
    about = [event for event in events if ref in HANDLED[event.type](event)]
    return max(event.occurred_at for event in about or events)


def _moved_with(got: _Got) -> list[Ref]:
    """What came about at a page; the customer whose balance an invoice used, or was given back.

    No event need tell of such a movement of the balance.
    """
    match got.fetched.snapshot if got.fetched else None:
        case CheckoutSnapshot(subscription=subscription, invoice=invoice):
            made = [Ref("subscription", subscription)] if subscription else []
            return [*made, Ref("invoice", invoice)] if invoice else made
        case InvoiceSnapshot(customer=customer, ending_balance=int(after), starting_balance=before):
            return [Ref("customer", customer)] if after != before else []
        case _:
            return []


def _refs(events: Sequence[EventRow]) -> list[Ref]:
    """Every object the events name, once, in a stable order."""
    named = [ref for event in events for ref in HANDLED[event.type](event)]
    return list(dict.fromkeys(named))


def _locked(tx: Session, events: Sequence[EventRow]) -> list[EventRow]:
    """The events again, locked, and only those that nobody ended in the meantime."""
    seqs = [event.seq for event in events]
    statement = select(EventRow).where(EventRow.seq.in_(seqs), EventRow.state == "pending")
    return list(tx.scalars(statement.order_by(EventRow.seq).with_for_update()))
