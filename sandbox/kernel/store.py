"""One object store with typed families, journaled: a failed request leaves no trace.

Whatever is fetched for writing inside a transaction is copied first; rolling back restores the
contents in place, so that references held by the caller stay true. Savepoints nest, which is what
a preview is: the operation carried out, looked at, and rolled back.
"""

from __future__ import annotations

import marshal
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from .errors import Json, StripeError

Key = tuple[str, str]

# Families looked up by an owner; the store keeps these lists so that one customer's objects are
# found without a walk over everyone's.
INDEXED: dict[str, tuple[str, ...]] = {
    "subscription": ("customer",),
    "invoice": ("customer", "_subscription"),
    "invoiceitem": ("customer", "_subscription"),
    "invoice_payment": ("invoice", "_payment_intent"),
    "payment_method": ("customer",),
    "customer_balance_transaction": ("customer",),
    "price": ("lookup_key",),
    "payment_intent": ("customer",),
    "charge": ("payment_intent",),
    "customer": ("test_clock",),
    "subscription_schedule": ("customer", "subscription"),
    "credit_note": ("invoice", "customer"),
    "promotion_code": ("code",),
    "checkout.session": ("customer", "subscription", "_payment_intent"),
    "billing.meter": ("event_name",),
    "billing.meter_event": ("_customer", "identifier"),
}

NESTED = (dict, list)


def copy_json(value: Any) -> Any:
    """A deep copy for JSON values, several times quicker than copy.deepcopy."""
    if isinstance(value, dict):
        # Most entries are plain: asking before the call spares most calls.
        return {
            key: copy_json(entry) if isinstance(entry, NESTED) else entry
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [copy_json(entry) for entry in value]
    return value


class Snapshot(Mapping[str, Any]):
    """A JSON object that will never change again, kept as bytes and read seldom.

    Most of what a sandbox holds are such: were they dicts, the garbage collector would go through
    them over and over, and a large sandbox would be slower at everything than a small one.
    """

    __slots__ = ("_kept",)

    def __init__(self, value: Json) -> None:
        self._kept = marshal.dumps(value)

    def read(self) -> Json:
        """A copy of it, the caller's own."""
        # what this process wrote itself
        return cast(Json, marshal.loads(self._kept))  # noqa: S302

    def __getitem__(self, name: str) -> Any:
        return self.read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.read())

    def __len__(self) -> int:
        return len(self.read())


def _kept(body: Json) -> Callable[[], Json]:
    """The contents as they are now, for later."""
    try:
        return Snapshot(body).read
    except ValueError:  # there is a snapshot in it already
        before = cast(Json, copy_json(body))
        return lambda: before


class Store:
    """Families of JSON objects by id, in order of creation."""

    def __init__(self) -> None:
        self._families: dict[str, dict[str, Json]] = defaultdict(dict)
        self._index: dict[tuple[str, str, Any], list[str]] = defaultdict(list)
        self._journal: list[Callable[[], None]] = []
        self._seen: list[set[Key]] = []
        self._touched: list[Key] = []
        self.counters: dict[str, int] = {}
        self.on_commit: Callable[[list[Key]], None] = lambda _: None

    def number(self, series: str) -> int:
        """The next number of a series: 1, 2, 3; one that was rolled back is given out again."""
        before = self.counters.get(series, 0)
        self.counters[series] = before + 1
        if self._seen:
            self._journal.append(lambda: self._number_again(series, before))
        return before + 1

    def _number_again(self, series: str, before: int) -> None:
        if before:
            self.counters[series] = before
        else:
            del self.counters[series]

    def insert(self, family: str, body: Json) -> Json:
        """Adds an object; `_seq` orders it among all others."""
        body["_seq"] = self.number("seq")
        identifier = body["id"]
        self._families[family][identifier] = body
        links = [(family, field, body.get(field)) for field in INDEXED.get(family, ())]
        for link in links:
            self._index[link].append(identifier)

        def undo() -> None:
            del self._families[family][identifier]
            for link in links:
                self._index[link].remove(identifier)

        self._record(family, identifier, undo)
        return body

    def link(self, family: str, field: str, value: Any, identifier: str) -> None:
        """Makes an object findable under a value its indexed field has taken since its creation."""
        entry = self._index[family, field, value]
        if identifier not in entry:
            entry.append(identifier)
            self._journal.append(lambda: entry.remove(identifier))

    def remove(self, family: str, identifier: str) -> None:
        body = self._families[family].pop(identifier)

        def undo() -> None:
            entries = {**self._families[family], identifier: body}
            ordered = sorted(entries.items(), key=lambda pair: int(pair[1]["_seq"]))
            self._families[family] = dict(ordered)

        self._record(family, identifier, undo)

    def find(self, family: str, identifier: str) -> Json | None:
        """The live object, for writing; None when there is none."""
        body = self._families[family].get(identifier)
        if body is not None:
            self._remember(family, identifier, body)
        return body

    def get(self, family: str, identifier: str) -> Json:
        """The live object, for writing. Its existence is the caller's knowledge."""
        body = self.find(family, identifier)
        if body is None:
            raise LookupError(f"{family} {identifier}")
        return body

    def peek(self, family: str, identifier: str) -> Json | None:
        """The object for reading only: not journaled, so never change what this returns."""
        return self._families[family].get(identifier)

    def scan(self, family: str) -> list[Json]:
        """All objects of a family for reading, oldest first."""
        return list(self._families[family].values())

    def where(self, family: str, field: str, value: Any) -> list[Json]:
        """Objects whose indexed field has this value, for writing, oldest first."""
        found = []
        for identifier in self._index.get((family, field, value), ()):
            body = self._families[family].get(identifier)
            if body is not None and body.get(field) == value:
                self._remember(family, identifier, body)
                found.append(body)
        # some were linked later than they were made
        return sorted(found, key=lambda body: int(body["_seq"]))

    def count(self, family: str) -> int:
        return len(self._families[family])

    def families(self) -> dict[str, int]:
        """How many objects there are of each kind, for people."""
        shown = sorted(self._families.items())
        return {name: len(entries) for name, entries in shown if entries and name[0] != "_"}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. A StripeError with `keep_effects` commits before it goes on."""
        mark = self._begin()
        try:
            yield
        except StripeError as error:
            self._end(mark, keep=error.keep_effects)
            raise
        except BaseException:
            self._end(mark, keep=False)
            raise
        self._end(mark, keep=True)

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """A savepoint that is always rolled back."""
        mark = self._begin()
        try:
            yield
        finally:
            self._end(mark, keep=False)

    def _begin(self) -> tuple[int, int]:
        mark = len(self._journal), len(self._touched)
        held = set().union(*self._seen)
        self._seen.append(set())
        for family, identifier in held:
            # callers may hold these from before the savepoint and change them inside it
            self.find(family, identifier)
        return mark

    def _end(self, mark: tuple[int, int], *, keep: bool) -> None:
        steps, touched = mark
        self._seen.pop()
        if not keep:
            while len(self._journal) > steps:
                self._journal.pop()()
            del self._touched[touched:]
        if not self._seen:
            self._journal.clear()
            done, self._touched = list(dict.fromkeys(self._touched)), []
            if keep:
                self.on_commit(done)

    def _remember(self, family: str, identifier: str, body: Json) -> None:
        if not self._seen or (family, identifier) in self._seen[-1]:
            return
        before = _kept(body)

        def undo() -> None:
            body.clear()
            body.update(before())

        self._record(family, identifier, undo)

    def _record(self, family: str, identifier: str, undo: Callable[[], None]) -> None:
        if self._seen:
            self._seen[-1].add((family, identifier))
            self._journal.append(undo)
            self._touched.append((family, identifier))
