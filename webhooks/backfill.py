"""Backfill: events that did not reach us are fetched from Stripe's own log of 30 days.

They come into the inbox as those that were delivered do, by the same function, and one that is
there already changes nothing; so a backfill may run at any time, twice, and beside deliveries.

Stripe lists newest first, so a walk has seen everything only at its end. Until then its cursor is
what counts, committed with every page; the moment it reaches is remembered when it has ended, and
the next walk begins an hour before that, since events are dated to the second and may be listed
late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapter import sweeps
from adapter.clock import Clock
from adapter.database import Database
from adapter.due import Work, arm, arm_first
from adapter.errors import Invalid
from adapter.gateway.failures import Refused
from adapter.gateway.pages import Page
from adapter.gateway.read import Reader
from adapter.rows import insert_once
from adapter.tables import AccountRow, EventRow

from .edge import event_row
from .registry import LISTED

KEPT = timedelta(days=30)
OVERLAP = timedelta(hours=1)
EVERY = timedelta(minutes=10)
TYPES_PER_LIST = 20

# Names of the two walks: one comes again by itself, the other when somebody asks for it.
UNDELIVERED = "backfill"
EVERYTHING = "backfill_all"
OWNER = "sweep:backfill"


@dataclass(frozen=True)
class Window:
    """A walk under way, or at its end, with what it has seen so far.

    ``since`` None: all that Stripe keeps. ``reaches``: the moment at Stripe it was begun, and so
    has seen everything up to when it ends. ``lists``: the types that are still to be walked, 20 to
    a list; ``after``: the event that the next page of the first list begins behind. ``listed``
    events were looked at, of which ``missing`` were not here.
    """

    since: datetime | None
    reaches: datetime | None = None
    lists: tuple[tuple[str, ...], ...] = ()
    after: str | None = None
    listed: int = 0
    missing: int = 0

    @property
    def ended(self) -> bool:
        return not self.lists

    @classmethod
    def begun(cls, since: datetime | None) -> Window:
        """One over everything that is handled here."""
        types = sorted(LISTED)
        starts = range(0, len(types), TYPES_PER_LIST)
        return cls(since, lists=tuple(tuple(types[at : at + TYPES_PER_LIST]) for at in starts))

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Window:
        """The inverse of ``to_json``."""
        return cls(
            **{
                **stored,
                "since": _moment(stored["since"]),
                "reaches": _moment(stored["reaches"]),
                "lists": tuple(tuple(types) for types in stored["lists"]),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """JSON members; moments as RFC 3339 text."""
        return {**asdict(self), "since": _text(self.since), "reaches": _text(self.reaches)}

    def behind(self, page: Page[Any], missing: int, now: datetime) -> Window:
        """The walk once ``page`` is stored; ``now`` is the moment at Stripe."""
        return replace(
            self,
            reaches=self.reaches or now,
            lists=self.lists if page.after else self.lists[1:],
            after=page.after,
            listed=self.listed + len(page.found),
            missing=self.missing + missing,
        )


class Backfill:
    """Fetches what was not delivered."""

    def __init__(self, database: Database, reader: Reader, livemode: bool, clock: Clock) -> None:
        self._database = database
        self._reader = reader
        self._livemode = livemode
        self._clock = clock

    def status(self) -> sweeps.SweepStatus:
        """When the last one of what was not delivered ended, and what it found."""
        return sweeps.status(self._database, Work.BACKFILL, UNDELIVERED)

    def schedule(self) -> None:
        """Have the worker do it, now and every ten minutes; once that is so, this does nothing."""
        with self._database.write() as tx:
            arm_first(tx, Work.BACKFILL, UNDELIVERED, OWNER, self._clock.now())

    def do_due(self, name: str) -> None:
        """One page, and the next one at once; after the last, the next walk in ten minutes."""
        self._begin(name, None)
        window = self._step(name)
        under_way = window is not None and not window.ended
        at = self._clock.now() + (timedelta(0) if under_way else EVERY)
        with self._database.write() as tx:
            arm(tx, Work.BACKFILL, name, OWNER, at)

    def run(
        self,
        wanted: datetime | timedelta | None = None,
        tell: Callable[[Window], None] = lambda _: None,
    ) -> Window:
        """Backfill up to now, going on where an earlier run was killed; gives what was seen.

        Without a ``wanted`` moment what was not delivered, from the end of the last finished
        backfill on; with one, or how long ago it was, everything that happened since then.
        ``tell`` hears of every page.

        Raises:
            Invalid: ``since_too_long_ago``, ``since_in_the_future``.
        """
        since = None if wanted is None else _since(wanted, self._reader.present())
        name = UNDELIVERED if since is None else EVERYTHING
        total = Window(since)
        while True:
            fresh = self._begin(name, since)
            seen = self._walk(name, tell)
            total = replace(
                seen, listed=total.listed + seen.listed, missing=total.missing + seen.missing
            )
            if fresh:
                return total
            # What was gone on with had begun earlier: the time from then to now is still to come.
            since = seen.reaches - OVERLAP if since and seen.reaches else since

    def _walk(self, name: str, tell: Callable[[Window], None]) -> Window:
        seen = Window(None)
        while (window := self._step(name)) is not None:
            seen = window
            tell(window)
            if window.ended:
                break
        return seen

    def _begin(self, name: str, since: datetime | None) -> bool:
        """Begin a walk, unless one is under way that goes back as far; says whether it did."""
        with self._database.write() as tx:
            row = sweeps.locked(tx, name)
            if since is None and row.reached is not None and not _some_on_test_clocks(tx):
                since = row.reached - OVERLAP
            if row.cursor is not None and _goes_back(Window.of(row.cursor).since, since):
                return False
            row.cursor = Window.begun(since).to_json()
            return True

    def _step(self, name: str) -> Window | None:
        """One page of the walk under way; None if there is none (any more)."""
        with self._database.read() as tx:
            stored = sweeps.standing(tx, name).cursor
        if stored is None:
            return None
        window = Window.of(stored)
        page = self._page(window, undelivered=name == UNDELIVERED)
        reached, now = self._reader.time.now(), self._clock.now()
        rows = [event_row(event, self._livemode, now) for event in page.found]
        with self._database.write() as tx:
            sweep = sweeps.locked(tx, name)
            if sweep.cursor != stored:
                # Another process was quicker with this page.
                return Window.of(sweep.cursor) if sweep.cursor else None
            missing = sum(insert_once(tx, EventRow, row) for row in rows)
            window = window.behind(page, missing, reached)
            if window.ended:
                assert window.reaches is not None
                found = {"listed": window.listed, "missing": window.missing}
                sweeps.finish(sweep, window.reaches, now, found)
            else:
                sweep.cursor = window.to_json()
        return window

    def _page(self, window: Window, *, undelivered: bool) -> Page[Mapping[str, Any]]:
        list_from = partial(
            self._reader.pages.events,
            window.lists[0],
            undelivered=undelivered,
            since=window.since,
        )
        try:
            return list_from(after=window.after)
        except Refused as refused:
            if refused.param != "starting_after":
                raise
            # The walk stood still until its event fell out of the log: this list begins anew.
            return list_from()


def _some_on_test_clocks(tx: Session) -> bool:
    """Whether events may be dated to any time, so that no date may bound what is listed."""
    found = select(AccountRow.seq).where(AccountRow.test_clock.is_not(None)).limit(1)
    return tx.scalars(found).first() is not None


def _goes_back(begun: datetime | None, wanted: datetime | None) -> bool:
    return begun is None or (wanted is not None and begun <= wanted)


def _since(wanted: datetime | timedelta, now: datetime) -> datetime:
    since = now - wanted if isinstance(wanted, timedelta) else wanted
    if since > now:
        raise Invalid(
            "since_in_the_future",
            f"{_text(since)} is yet to come; at Stripe it is {_text(now)}.",
            path="since",
        )
    if since < now - KEPT:
        raise Invalid(
            "since_too_long_ago",
            f"Stripe keeps events for {KEPT.days} days, which is since {_text(now - KEPT)}. "
            "What moved before that is found by 'planshift reconcile --repair'.",
            path="since",
        )
    return since


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
