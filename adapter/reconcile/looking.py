"""A second look: what read differently in a list is fetched alone, compared, and repaired.

In a running system rows and objects move while they are listed. So nothing is said before a fresh
fetch under a ticket has confirmed it: a row that has a younger ticket by then is right, and one
whose events wait in the inbox is about to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..clock import Clock, Moment
from ..database import Database, is_away
from ..gateway.failures import NotExecuted, StoredFailure, Unanswered
from ..gateway.read import Reader
from ..gateway.snapshots import InvoiceSnapshot, ReversalSnapshot
from ..locks import locked_account
from ..mirror import Fetched, Mirror
from ..purchases.settling import invoice_seen
from ..tables import AccountRow, EventRow
from ..tombstones import Absent
from .comparing import TABLES, Field, Place, differing, newest_ticket
from .findings import EXISTS, Difference, Failure, Finding, Kind
from .notes import last_same, note

log = structlog.get_logger(__name__)

# These are about Stripe, not about the object: the whole walk waits for them to pass.
PASSING = (Unanswered, NotExecuted, StoredFailure)


class Looking:
    """Looks at single objects; with ``repair`` it stores what it finds, as a webhook would."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        mirror: Mirror,
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reader = reader
        self._mirror = mirror
        self._catalogue = catalogue
        self._clock = clock

    def look(
        self, kind: Kind, object_id: str, *, repair: bool, tell: Callable[[Finding], None]
    ) -> Counter[str]:
        """Look at one object, tell what differs, and repair it; gives what to count.

        Raises:
            Unanswered, NotExecuted, StoredFailure: Stripe is away for now.
        """
        counts = Counter(fetches=1)
        try:
            found = self._compared(kind, object_id, repair)
        except PASSING:
            raise
        except Exception as failure:
            if is_away(failure):
                raise
            log.exception("reconcile_failed", kind=kind, id=object_id)
            with self._database.write() as tx:
                note(tx, kind, [object_id], self._clock.now(), same=False)
            tell(Failure(kind, object_id, str(failure)))
            return counts + Counter(failed=1)
        if found is None:
            return counts + Counter(waiting=1)
        for difference in found:
            tell(difference)
        repaired = sum(difference.repaired for difference in found)
        return counts + Counter(differences=len(found), repaired=repaired)

    def _compared(self, kind: Kind, object_id: str, repair: bool) -> list[Difference] | None:
        """The differences, repaired or not; None if events of it wait in the inbox."""
        fetched = self._mirror.seek(kind, object_id)
        if isinstance(fetched, Absent):
            return self._gone(fetched, kind, repair)
        snapshot, customer = fetched.snapshot, fetched.customer
        assert not isinstance(snapshot, ReversalSnapshot), "no list of these is walked"
        with self._database.write() as tx:
            account = locked_account(tx, customer)
            if account is None:
                return []
            if _events_wait(tx, customer, object_id):
                note(tx, kind, [object_id], self._clock.now(), same=False)
                return None
            fields: list[Field] = []
            if newest_ticket(tx, account, snapshot) < fetched.ticket:
                fields = differing(tx, self._catalogue, account, snapshot)
            since = {field.id: last_same(tx, field.id) for field in fields}
            left = self._repair(tx, account, fetched) if fields and repair else fields
            places = {field.place for field in left}
            self._note(tx, kind, object_id, fields, places)
        return [
            Difference(
                kind=field.kind,
                id=field.id,
                account=account.ref,
                field=field.name,
                ours=field.ours,
                theirs=field.theirs,
                since=since[field.id],
                repaired=field.place not in places,
            )
            for field in fields
        ]

    def _repair(self, tx: Session, account: AccountRow, fetched: Fetched) -> list[Field]:
        """Store it, with all that follows from that; gives what differs even then."""
        snapshot = fetched.snapshot
        self._mirror.store(tx, fetched)
        if isinstance(snapshot, InvoiceSnapshot):
            now = Moment(self._clock.now(), self._reader.time.now())
            invoice_seen(tx, self._catalogue, snapshot, now)
        tx.flush()
        assert not isinstance(snapshot, ReversalSnapshot), "no list of these is walked"
        return differing(tx, self._catalogue, account, snapshot)

    def _note(
        self, tx: Session, kind: Kind, object_id: str, fields: list[Field], left: set[Place]
    ) -> None:
        """This object, and what was compared along with it, need no other look."""
        unlike = {(place_kind, place_id) for place_kind, place_id, _ in left}
        for seen in {(kind, object_id), *((field.kind, field.id) for field in fields)}:
            note(tx, seen[0], [seen[1]], self._clock.now(), same=seen not in unlike)

    def _gone(self, absent: Absent, kind: Kind, repair: bool) -> list[Difference]:
        """Stripe has no such object, nor ever will again."""
        with self._database.write() as tx:
            row = _row(tx, kind, absent.id)
            if row is None or row.ticket >= absent.ticket:
                return []
            account = tx.get_one(AccountRow, row.seq if kind == "customer" else row.account_seq)
            since = last_same(tx, absent.id)
            repaired = repair and self._mirror.bury(tx, absent, self._reader.time.now())
            note(tx, kind, [absent.id], self._clock.now(), same=repaired)
        return [Difference(kind, absent.id, account.ref, EXISTS, True, False, since, repaired)]


def _events_wait(tx: Session, customer: str, object_id: str) -> bool:
    """Whether events of it are in the inbox that nobody has tried to process yet."""
    found = select(EventRow.seq).where(
        EventRow.state == "pending",
        EventRow.attempts == 0,
        EventRow.owner.in_((customer, object_id)),
    )
    return tx.scalars(found.limit(1)).first() is not None


def _row(tx: Session, kind: Kind, object_id: str) -> Any | None:
    table = TABLES.get(kind)
    if table is None:
        of_customer = select(AccountRow).where(AccountRow.customer_id == object_id)
        return tx.scalars(of_customer).first()
    return tx.get(table, object_id)
