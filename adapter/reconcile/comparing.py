"""Comparing an object at Stripe with its row here: what would storing it change?

The answer comes from the mirror's own copying, done on a likeness of the row; so a field that the
mirror keeps is compared, now and when fields are added, and no field is judged two ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..copying import copy_customer, copy_invoice, copy_line, copy_schedule, copy_subscription
from ..gateway.snapshots import (
    CustomerSnapshot,
    InvoiceSnapshot,
    ItemSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
)
from ..prices import offer_of
from ..tables import AccountRow, InvoiceRow, LineRow, ScheduleRow, SubscriptionRow
from .findings import EXISTS, Kind

Place = tuple[Kind, str, str]
Snapshot = SubscriptionSnapshot | CustomerSnapshot | InvoiceSnapshot | ScheduleSnapshot

# Tickets are ours alone; the page of an invoice has a new address whenever it is asked for; what it
# was tried with is known only from some readings of it.
UNCOMPARED = frozenset({"ticket", "hosted_invoice_url", "tried_method"})

_KINDS: Mapping[type[Any], Kind] = {
    SubscriptionSnapshot: "subscription",
    CustomerSnapshot: "customer",
    InvoiceSnapshot: "invoice",
    ScheduleSnapshot: "schedule",
}
# Customers have no table of their own: they are columns of accounts.
TABLES: Mapping[Kind, type[Any]] = {
    "subscription": SubscriptionRow,
    "invoice": InvoiceRow,
    "schedule": ScheduleRow,
}


@dataclass(frozen=True)
class Field:
    """A field of an object that differs; values are JSON."""

    kind: Kind
    id: str
    name: str
    ours: Any
    theirs: Any

    @property
    def place(self) -> Place:
        """Which field of which object it is."""
        return self.kind, self.id, self.name


def differing(
    tx: Session, catalogue: Catalogue, account: AccountRow, snapshot: Snapshot
) -> list[Field]:
    """The fields in which ``snapshot`` differs from its row; [] if it is here as it is there."""
    match snapshot:
        case SubscriptionSnapshot():
            return list(_of_subscription(tx, catalogue, snapshot))
        case InvoiceSnapshot():
            return list(_of_invoice(tx, snapshot))
        case ScheduleSnapshot():
            row = tx.get(ScheduleRow, snapshot.id)
            return _of("schedule", snapshot.id, row, lambda it: copy_schedule(it, snapshot, 0))
    return _of("customer", snapshot.id, account, lambda it: copy_customer(it, snapshot, 0))


def newest_ticket(tx: Session, account: AccountRow, snapshot: Snapshot) -> int:
    """The ticket of the row that ``snapshot`` is compared with; 0 if there is none."""
    table = TABLES.get(kind_of(snapshot))
    row = tx.get(table, snapshot.id) if table else account
    return int(row.ticket) if row is not None else 0


def kind_of(snapshot: Snapshot) -> Kind:
    """What kind of object it is."""
    return _KINDS[type(snapshot)]


def owner_of(snapshot: Snapshot) -> str:
    """The customer it belongs to."""
    return snapshot.id if isinstance(snapshot, CustomerSnapshot) else snapshot.customer


def _of_subscription(
    tx: Session, catalogue: Catalogue, snapshot: SubscriptionSnapshot
) -> Iterator[Field]:
    row = tx.get(SubscriptionRow, snapshot.id)
    yield from _of("subscription", snapshot.id, row, lambda it: copy_subscription(it, snapshot, 0))
    if snapshot.invoice is not None:
        yield from _of_invoice(tx, snapshot.invoice)
    if row is None:
        return
    lines = {line.id: line for line in row.lines if not line.removed}
    for item in snapshot.items:
        for name, ours, theirs in _of_line(catalogue, lines.pop(item.id, None), item, snapshot):
            yield Field("subscription", snapshot.id, f"lines.{item.id}.{name}", ours, theirs)
    for gone in lines:
        yield Field("subscription", snapshot.id, f"lines.{gone}.{EXISTS}", True, False)


def _of_line(
    catalogue: Catalogue, line: LineRow | None, item: ItemSnapshot, snapshot: SubscriptionSnapshot
) -> list[tuple[str, Any, Any]]:
    if line is None:
        return [(EXISTS, False, True)]
    offer = offer_of(catalogue, item.price)
    return _changes(line, lambda it: copy_line(it, item, offer, snapshot.currency))


def _of_invoice(tx: Session, snapshot: InvoiceSnapshot) -> Iterator[Field]:
    row = tx.get(InvoiceRow, snapshot.id)
    yield from _of("invoice", snapshot.id, row, lambda it: copy_invoice(it, snapshot, 0))


def _of(kind: Kind, object_id: str, row: Any | None, copy: Callable[[Any], None]) -> list[Field]:
    if row is None:
        return [Field(kind, object_id, EXISTS, False, True)]
    return [
        Field(kind, object_id, name, ours, theirs) for name, ours, theirs in _changes(row, copy)
    ]


def _changes(row: Any, copy: Callable[[Any], None]) -> list[tuple[str, Any, Any]]:
    """Which columns of ``row`` a copy would change: name, value before, value after."""
    before = {column.key: getattr(row, column.key) for column in type(row).__table__.columns}
    likeness = SimpleNamespace(**before)
    copy(likeness)
    return [
        (name, _json(ours), _json(theirs))
        for name, ours in before.items()
        if name not in UNCOMPARED and (theirs := getattr(likeness, name)) != ours
    ]


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
