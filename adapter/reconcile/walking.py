"""The walk: every live object at Stripe, a page at a time, then whatever is in doubt, one by one.

One list call for 100 subscriptions brings their customers, latest invoices and schedules along.
Where that leaves accounts unseen (those on a free plan), customers are listed too; and invoices
that are open or drafts, of which a subscription may have more than its latest. What is live here
and was in no list is asked for by its id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue
from mappings import UnknownPrice as Unmapped

from ..clock import Clock
from ..database import Database
from ..gateway.failures import Refused
from ..gateway.pages import ListedSubscription, Page
from ..gateway.read import Reader
from ..gateway.snapshots import SubscriptionSnapshot
from ..prices import offer_of
from ..tables import AccountRow
from .comparing import TABLES, Snapshot, differing, kind_of, owner_of
from .findings import Finding, Foreign, Kind, UnknownPrice
from .looking import Looking
from .notes import UNSETTLED, note, seen_since, to_look_at, unlisted

Tell = Callable[[Finding], None]

# The schedule first: what a subscription settles looks at it; as the effects of invoices do at
# what the subscription has become.
LOOK_AT: tuple[Kind, ...] = ("schedule", "subscription", "invoice", "customer")
LOOKS = 20


@dataclass(frozen=True)
class Leg:
    """A part of the walk: a list (of ``what``: a test clock, a status), or a look at a kind."""

    name: str
    what: str | None = None

    @property
    def looks(self) -> bool:
        return self.name == "look"


@dataclass(frozen=True)
class Walk:
    """A walk under way: the legs still to go, where the first of them stands, and what was found.

    ``began`` is wall time.
    """

    began: datetime
    legs: tuple[Leg, ...]
    after: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return not self.legs

    @property
    def about_to_look(self) -> bool:
        """Whether the lists are through and the looking has not begun."""
        return self.legs[:1] == (Leg("look", LOOK_AT[0]),) and self.after is None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Walk:
        """The inverse of ``to_json``."""
        legs = tuple(Leg(name, what) for name, what in stored["legs"])
        began = datetime.fromisoformat(stored["began"])
        return cls(began, legs, stored["after"], stored["counts"])

    def to_json(self) -> dict[str, Any]:
        """JSON members."""
        return {
            "began": self.began.isoformat(),
            "legs": [[leg.name, leg.what] for leg in self.legs],
            "after": self.after,
            "counts": dict(self.counts),
        }

    def behind(self, after: str | None, counts: Counter[str]) -> Walk:
        """The walk one step further; without an ``after`` the first leg is done."""
        legs = self.legs if after else self.legs[1:]
        return replace(self, legs=legs, after=after, counts=Counter(self.counts) + counts)


class Walker:
    """Takes the steps of a walk. Each step may be taken again: nothing is told or done twice that
    matters.
    """

    def __init__(
        self,
        database: Database,
        reader: Reader,
        looking: Looking,
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._database = database
        self._looking = looking
        self._catalogue = catalogue
        self._clock = clock
        pages = reader.pages
        self._lists: Mapping[str, Callable[[str | None, str | None], Page[Any]]] = {
            "subscriptions": pages.live_subscriptions,
            "customers": pages.customers,
            "invoices": lambda status, after: pages.invoices(str(status), after),
        }

    def begun(self) -> Walk:
        """A walk over everything there is."""
        with self._database.read() as tx:
            clocks = [None, *_test_clocks(tx)]
        legs = [Leg("subscriptions", clock) for clock in clocks]
        legs += [Leg("customers", clock) for clock in clocks]
        legs += [Leg("invoices", status) for status in UNSETTLED]
        legs += [Leg("look", kind) for kind in LOOK_AT]
        return Walk(self._clock.now(), tuple(legs))

    def doubts(self, walk: Walk) -> bool:
        """Whether there is anything to look at one by one."""
        with self._database.read() as tx:
            return any(to_look_at(tx, kind, walk.began, "", 1) for kind in LOOK_AT)

    def step(self, walk: Walk, *, repair: bool, tell: Tell) -> Walk:
        """One page of a list, or a few looks."""
        leg = walk.legs[0]
        if leg.looks:
            return self._look(walk, leg, repair, tell)
        if leg.name == "customers" and not walk.after and not self._customers_unseen(walk):
            return walk.behind(None, Counter())
        page = self._page(leg, walk.after)
        return walk.behind(page.after, self._compare(walk, leg, page, tell) + Counter(lists=1))

    def _page(self, leg: Leg, after: str | None) -> Page[Any]:
        try:
            return self._lists[leg.name](leg.what, after)
        except Refused as refused:
            if refused.param == "test_clock":
                return Page((), None)
            if refused.param == "starting_after":
                # What the page would begin behind was deleted meanwhile: this list begins anew.
                return self._lists[leg.name](leg.what, None)
            raise

    def _customers_unseen(self, walk: Walk) -> bool:
        with self._database.read() as tx:
            return bool(unlisted(tx, "customer", walk.began, "", 1))

    def _compare(self, walk: Walk, leg: Leg, page: Page[Any], tell: Tell) -> Counter[str]:
        """Compare a page with the rows here, and note what was seen and what is in doubt."""
        objects = [one for entry in page.found for one in _objects(entry)]
        same: dict[Kind, set[str]] = {kind: set() for kind in LOOK_AT}
        doubtful: dict[Kind, set[str]] = {kind: set() for kind in LOOK_AT}
        counts: Counter[str] = Counter()
        with self._database.read() as tx:
            accounts = _accounts(tx, objects)
            known = seen_since(tx, [one.id for one in objects], walk.began)
            rows = _loaded(tx, objects)
            for one in objects:
                account = accounts.get(owner_of(one))
                if account is None or (one.id in known and leg.name != "subscriptions"):
                    continue
                differs = differing(tx, self._catalogue, account, one)
                (doubtful if differs else same)[kind_of(one)].add(one.id)
            del rows
        for finding in self._beside(objects, accounts):
            tell(finding)
            counts["foreign" if isinstance(finding, Foreign) else "unknown_prices"] += 1
        with self._database.write() as tx:
            now = self._clock.now()
            for kind in LOOK_AT:
                note(tx, kind, same[kind] - doubtful[kind], now, same=True)
                note(tx, kind, doubtful[kind], now, same=False, doubtful=True)
                counts[f"{kind}s"] += len(same[kind] | doubtful[kind])
        return counts

    def _beside(
        self, objects: list[Snapshot], accounts: Mapping[str, AccountRow]
    ) -> Iterator[Finding]:
        """What needs no comparison to be told of."""
        for one in objects:
            if not isinstance(one, SubscriptionSnapshot):
                continue
            account = accounts.get(one.customer)
            if account is None:
                yield Foreign(one.id, one.customer)
                continue
            for item in one.items:
                offer = offer_of(self._catalogue, item.price)
                if isinstance(offer, Unmapped):
                    yield UnknownPrice(one.id, item.id, account.ref, item.price.id, offer.reason)

    def _look(self, walk: Walk, leg: Leg, repair: bool, tell: Tell) -> Walk:
        kind: Kind = next(kind for kind in LOOK_AT if kind == leg.what)
        with self._database.read() as tx:
            ids = to_look_at(tx, kind, walk.began, walk.after or "", LOOKS)
        counts: Counter[str] = Counter()
        for object_id in ids:
            counts += self._looking.look(kind, object_id, repair=repair, tell=tell)
        return walk.behind(ids[-1] if len(ids) == LOOKS else None, counts)


def _objects(entry: Any) -> list[Snapshot]:
    """What one entry of a list shows."""
    if not isinstance(entry, ListedSubscription):
        return [entry]
    along = (entry.schedule, entry.subscription, entry.subscription.invoice, entry.customer)
    return [one for one in along if one is not None]


def _accounts(tx: Session, objects: list[Snapshot]) -> dict[str, AccountRow]:
    """The accounts here that these belong to, by customer."""
    customers = {owner_of(one) for one in objects}
    rows = tx.scalars(select(AccountRow).where(AccountRow.customer_id.in_(customers)))
    return {str(row.customer_id): row for row in rows}


def _loaded(tx: Session, objects: list[Snapshot]) -> list[Any]:
    """The rows of these, a statement for each kind. Hold them: the session does so only weakly."""
    ids = {kind: [one.id for one in objects if kind_of(one) == kind] for kind in TABLES}
    return [
        row
        for kind, table in TABLES.items()
        for row in tx.scalars(select(table).where(table.id.in_(ids[kind]))).unique()
    ]


def _test_clocks(tx: Session) -> list[str]:
    found = select(AccountRow.test_clock).where(AccountRow.test_clock.is_not(None)).distinct()
    return sorted(str(clock) for clock in tx.scalars(found))
