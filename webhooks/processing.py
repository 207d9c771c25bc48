"""Processing: one customer at a time, every object fetched once, everything committed together."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from adapter.backoff import wait
from adapter.checkouts.mirroring import CheckoutMirror, FetchedCheckout
from adapter.claims import Claims
from adapter.clock import Clock, Moment
from adapter.database import Database, is_away
from adapter.gateway.failures import NotExecuted, StoredFailure, Unanswered
from adapter.gateway.gone import Kind
from adapter.gateway.read import Reader
from adapter.gateway.snapshots import (
    InvoiceSnapshot,
    MeterReport,
    PriceSnapshot,
    ProductSnapshot,
)
from adapter.jobs import Job
from adapter.metering import reports
from adapter.mirror import Fetched, Mirror
from adapter.price_drift import PriceWatch, Sold, note_drift
from adapter.purchases.settling import invoice_seen
from adapter.tables import AccountRow, EventRow
from adapter.tombstones import Absent
from mappings import Catalogue

from .along import Along
from .belonging import Belonging, Verdict, Whose
from .refs import Ref
from .registry import HANDLED

log = structlog.get_logger(__name__)

# These pass by themselves and are tried again without limit.
PASSING = (Unanswered, NotExecuted, StoredFailure)
# How many events of one customer are taken together.
MOST = 1_000
# Rows looked at per customer that is wanted: events of one customer come in bursts.
BURST = 4
# How long events wait for an account that carries our tag and is not here. Longer than any request
# that makes one; after that they are set aside, and run when the account comes after all.
PATIENCE = timedelta(hours=1)
LONGEST_WAIT_S = 60.0

Got = Fetched | FetchedCheckout | Sold | MeterReport | Absent

# Every customer's turn asks these, so they are made once: making one costs more than running it.
_DUE = (EventRow.state == "pending") & (EventRow.next_at <= bindparam("now"))
_OWNERS = (
    select(EventRow.owner)
    .where(_DUE, EventRow.owner.not_in(bindparam("besides", expanding=True)))
    .order_by(EventRow.next_at, EventRow.seq)
    .limit(bindparam("most"))
)
_PENDING = (
    select(EventRow, AccountRow.seq)
    .outerjoin(AccountRow, AccountRow.customer_id == EventRow.customer_id)
    .where(_DUE, EventRow.owner == bindparam("owner"))
    .order_by(EventRow.seq)
    .limit(MOST)
)
_AGAIN = (
    select(EventRow)
    .where(EventRow.seq.in_(bindparam("seqs", expanding=True)), EventRow.state == "pending")
    .order_by(EventRow.seq)
    .with_for_update()
)


@dataclass(frozen=True)
class _Found:
    """What became of fetching one object: it, or that it is gone, or why it failed; and what was
    fetched because of it.
    """

    got: Got | None = None
    failure: Exception | None = None
    along: tuple[Ref, ...] = ()


class Processing:
    """Turns pending events into local state: a queue of jobs, one per customer."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        mirror: Mirror,
        checkouts: CheckoutMirror,
        catalogue: Catalogue,
        claims: Claims,
        clock: Clock,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._claims = claims
        self._clock = clock
        self._belonging = Belonging(database, reader, catalogue.tenant)
        self._mirror = mirror
        self._checkouts = checkouts
        self._along = Along(database)
        prices = PriceWatch(database, reader)
        self._reader = reader
        self._elsewhere: Mapping[Kind, Callable[[str], Got | None]] = {
            "checkout": checkouts.seek,
            "price": prices.seek_price,
            "product": prices.seek_product,
        }

    def due(self, limit: int, besides: Collection[str]) -> list[Job]:
        """Customers with pending events, those that wait longest first."""
        asked = {"now": self._clock.now(), "besides": list(besides), "most": limit * BURST}
        with self._database.read() as tx:
            owners = list(dict.fromkeys(tx.scalars(_OWNERS, asked)))[:limit]
        return [Job(owner, partial(self.process, owner)) for owner in owners]

    def process(self, owner: str) -> int:
        """Process the pending events of ``owner``, whose claim is held; gives how many ended."""
        events, known = self._pending(owner)
        if not events:
            return 0
        try:
            return self._run(events, known=known)
        except Exception as mistake:
            if is_away(mistake):
                raise  # nothing is wrong with the events
            return self._fail_all(events, mistake)

    def _pending(self, owner: str) -> tuple[list[EventRow], bool]:
        """The events of ``owner``, and whether they name the customer of an account here."""
        with self._database.read() as tx:
            found = tx.execute(_PENDING, {"owner": owner, "now": self._clock.now()}).all()
        return [event for event, _ in found], any(account for _, account in found)

    def _run(self, events: Sequence[EventRow], *, known: bool) -> int:
        """All events of the customer are taken together, so each object is fetched once.

        ``known``: they name the customer of an account that is here.
        """
        customer = next((event.customer_id for event in events if event.customer_id), None)
        if customer is None:
            return self._run_unnamed(events)
        if not known:
            verdict = self._belonging.of(customer)
            if verdict.whose is not Whose.OURS:
                return self._turn_away(events, verdict)
        return self._commit(events, self._fetched(_refs(events)))

    def _run_unnamed(self, events: Sequence[EventRow]) -> int:
        """Events that name no customer (of refunds, disputes, prices): what is fetched does.

        From there on they are the customer's like any others, under its claim. If somebody else
        has that, they wait a moment.
        """
        found = self._fetched(_refs(events))
        customer = _customer_of(found)
        if customer is None:
            return self._commit(events, found)
        verdict = self._belonging.of(customer)
        if verdict.whose is not Whose.OURS:
            return self._turn_away(events, verdict)
        with self._claims.hold(customer) as mine:
            return self._commit(events, found) if mine else self._put_off(events)

    def _put_off(self, events: Sequence[EventRow]) -> int:
        with self._database.write() as tx:
            for row in _locked(tx, events):
                row.next_at = self._clock.now() + wait(1)
        return 0

    def _turn_away(self, events: Sequence[EventRow], verdict: Verdict) -> int:
        """Set aside what is somebody else's; let wait what may become ours at any moment."""
        ended, now = 0, self._clock.now()
        with self._database.write() as tx:
            for row in _locked(tx, events):
                row.error = verdict.why
                if verdict.whose is Whose.NOT_YET and now - row.received_at < PATIENCE:
                    row.attempts += 1
                    row.next_at = now + wait(row.attempts, LONGEST_WAIT_S)
                    continue
                row.state, row.processed_at = "foreign", now
                ended += 1
        return ended

    def _fetched(self, refs: Sequence[Ref]) -> dict[Ref, _Found]:
        """Each object once, with what moved along with it. That comes first: whoever hears of a
        completed page finds its subscription and invoice in the mirror.
        """
        named = {ref: self._seek(ref) for ref in refs}
        along = {ref for found in named.values() for ref in found.along} - named.keys()
        return {**{ref: self._seek(ref) for ref in sorted(along, key=str)}, **named}

    def _seek(self, ref: Ref) -> _Found:
        try:
            got = self._ask(ref)
            return _Found(got, along=self._along.of(got))
        except Exception as failure:
            if is_away(failure):
                raise
            return _Found(failure=failure)

    def _ask(self, ref: Ref) -> Got | None:
        if ref.kind == "meter_report":
            return self._reader.meter_report(ref.id)
        elsewhere = self._elsewhere.get(ref.kind)
        return elsewhere(ref.id) if elsewhere else self._mirror.seek(ref.kind, ref.id)

    def _commit(self, events: Sequence[EventRow], found: Mapping[Ref, _Found]) -> int:
        """State, event marks and notices in one transaction."""
        ended, now = 0, self._clock.now()
        with self._database.write() as tx:
            rows = _locked(tx, events)
            # Pages last: what they have made is stored by then.
            for ref, one in sorted(found.items(), key=lambda each: each[0].kind == "checkout"):
                if one.got is not None:
                    self._store(tx, one.got, Moment(now, _told_at(events, ref)))
            for row in rows:
                named = [found[ref] for ref in HANDLED[row.type](row)]
                mine = [*named, *(found[ref] for one in named for ref in one.along)]
                failure = next((one.failure for one in mine if one.failure), None)
                if failure is not None:
                    self._fail(row, failure)
                    continue
                row.state, row.processed_at = "processed", now
                gone = any(isinstance(one.got, Absent) for one in named)
                row.error = "gone at Stripe" if gone else None
                ended += 1
        return ended

    def _store(self, tx: Session, got: Got, heard: Moment) -> None:
        match got:
            case PriceSnapshot() | ProductSnapshot() | Absent(kind="price" | "product"):
                note_drift(tx, got)
            case MeterReport():
                reports.take_in(tx, got)
            case FetchedCheckout():
                self._checkouts.store(tx, got, heard)
            case Absent(kind="checkout"):
                self._checkouts.bury(tx, got, heard)
            case Absent():
                self._mirror.bury(tx, got, heard.billing)
            case Fetched(snapshot=snapshot):
                self._mirror.store(tx, got, heard.billing)
                if isinstance(snapshot, InvoiceSnapshot):
                    invoice_seen(tx, self._catalogue, snapshot, heard)

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


def _customer_of(found: Mapping[Ref, _Found]) -> str | None:
    """Whose the fetched objects are, "" if they are nobody's; None for what has no customer, or
    could not be fetched.
    """
    fetched = (one.got for one in found.values())
    named = [got.customer for got in fetched if isinstance(got, Fetched | FetchedCheckout)]
    return named[0] if named else None


def _told_at(events: Sequence[EventRow], ref: Ref) -> datetime:
    """When the last event about ``ref`` happened, on Stripe's clock; what a page has made came
    about when the page was completed.
    """
    about = [event for event in events if ref in HANDLED[event.type](event)]
    return max(event.occurred_at for event in about or events)


def _refs(events: Sequence[EventRow]) -> list[Ref]:
    """Every object the events name, once, in a stable order."""
    named = [ref for event in events for ref in HANDLED[event.type](event)]
    return list(dict.fromkeys(named))


def _locked(tx: Session, events: Sequence[EventRow]) -> list[EventRow]:
    """The events again, locked, and only those that nobody ended in the meantime."""
    return list(tx.scalars(_AGAIN, {"seqs": [event.seq for event in events]}))
