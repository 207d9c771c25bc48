"""A shelf of mirrored rows for stories about allowances: what Stripe says, set by hand.

The catalogue is the built-in one; every moment is billing time.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import JSON, BigInteger, Boolean, Integer, String, func, select

from adapter import allowances
from adapter.allowances import Recorded, Standing, Unused, UsageRecord, standings
from adapter.changes.open_lines import open_lines
from adapter.database import Database
from adapter.prices import offer_to_dict
from adapter.tables import (
    AccountRow,
    AllowanceEntryRow,
    AllowanceLotRow,
    Base,
    ChangeLineRow,
    ChangeRow,
    LineRow,
    QuoteRow,
    SubscriptionRow,
)
from mappings import Catalogue, Offer, load_catalogue

FAMILY = "operations"


def on(month: int, day: int, hour: int = 9, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@cache
def catalogue() -> Catalogue:
    return load_catalogue("operations")


Row = TypeVar("Row", bound=Base)


def filled(table: type[Row], at: datetime, **values: Any) -> Row:
    """A row whose other mandatory columns hold something harmless."""
    harmless: dict[type, Any] = {JSON: [], BigInteger: 0, Integer: 0, String: "-", Boolean: False}
    for column in table.__table__.columns:
        optional = column.nullable or column.primary_key or column.foreign_keys
        if column.name not in values and not optional:
            found = (value for kind, value in harmless.items() if isinstance(column.type, kind))
            values[column.name] = next(found, at)
    return table(**values)


def conserved(database: Database, account: AccountRow) -> int:
    """Assert that the account's ledger adds up, lot by lot and in all; gives what is left.

    Nothing is below zero at any instant, nothing moves outside a lot's time or after its end, and
    what was granted was used, lapsed, became money, or is still there.
    """
    with database.read() as tx:
        rows = select(AllowanceLotRow).where(AllowanceLotRow.account_seq == account.seq)
        lots = {lot.seq: lot for lot in tx.scalars(rows)}
        entries = list(
            tx.scalars(select(AllowanceEntryRow).where(AllowanceEntryRow.lot_seq.in_(lots)))
        )
    entries.sort(key=lambda one: (one.at, one.seq))
    balances, came = dict.fromkeys(lots, 0), dict.fromkeys(lots, 0)
    moved: Counter[str] = Counter()
    for entry in entries:
        lot = lots[entry.lot_seq]
        balances[lot.seq] += entry.units
        came[lot.seq] += max(entry.units, 0)
        moved[entry.kind] += entry.units
        assert balances[lot.seq] >= 0, (lot.source, entry.source)
        assert lot.starts_at <= entry.at <= lot.expires_at, (lot.source, entry.source)
        assert (entry.kind in ("grant", "transfer")) or entry.units <= 0, entry.source
    for entry in entries:
        assert entry.source != "close" or balances[entry.lot_seq] == 0, lots[entry.lot_seq].source
    assert came == {seq: lot.units for seq, lot in lots.items()}
    assert moved["transfer"] == 0
    left = sum(balances.values())
    assert moved["grant"] + moved["consume"] + moved["expire"] + moved["credit"] == left
    return left


class Shelf:
    """One account, its mirrored subscriptions and its plan changes."""

    def __init__(self, database: Database, created_at: datetime, ref: str = "acme") -> None:
        self.database = database
        self.catalogue = catalogue()
        self._reports = 0
        self.account = AccountRow(
            id=f"acct_{ref}", ref=ref, email="a@b.example", created_at=created_at
        )
        with database.write() as tx:
            tx.add(self.account)

    # -- what Stripe says ---------------------------------------------------------------------

    def offer(self, plan: str, tier: str, interval: str = "month") -> Offer:
        return self.catalogue.offer(FAMILY, plan, tier, interval, "usd")

    def subscribe(self, plan: str, tier: str, start: datetime, end: datetime, **more: Any) -> None:
        """The subscription with one line, or its line as it is from now on, and what follows."""
        self.mirror(plan, tier, start, end, **more)
        self.accrue(start)

    def mirror(
        self,
        plan: str,
        tier: str,
        start: datetime,
        end: datetime,
        *,
        interval: str = "month",
        quantity: int = 1,
        sub: str = "sub_1",
        item: str = "si",
    ) -> None:
        """The same before anything followed from it."""
        with self.database.write() as tx:
            row = tx.get(SubscriptionRow, sub)
            if row is None:
                row = filled(
                    SubscriptionRow,
                    start,
                    id=sub,
                    account_seq=self.account.seq,
                    status="active",
                    ended_at=None,
                )
                tx.add(row)
            lines = {line.id: line for line in row.lines}
            name = f"{item}_{sub}"
            if name not in lines:
                line = filled(LineRow, start, id=name, subscription_id=sub, currency="usd")
                lines[name] = line
                row.lines.append(line)
            for line in row.lines:
                line.removed = line.id != name
            line = lines[name]
            line.price_id = f"price_{plan}_{tier}_{interval}"
            line.family, line.plan, line.tier, line.interval = FAMILY, plan, tier, interval
            line.quantity, line.period_start, line.period_end = quantity, start, end

    def status(self, status: str, ended_at: datetime | None = None, sub: str = "sub_1") -> None:
        with self.database.write() as tx:
            row = tx.get_one(SubscriptionRow, sub)
            row.status, row.ended_at = status, ended_at

    # -- what is changed ----------------------------------------------------------------------

    def change(
        self,
        old: Offer | None,
        new: Offer,
        state: str,
        *,
        at: datetime,
        timing: str = "now",
        quantity: int = 1,
        sub: str = "sub_1",
    ) -> ChangeLineRow:
        """A plan change with one line, ordered at ``at``."""
        with self.database.write() as tx:
            number = (
                f"{self.account.ref}_{tx.execute(select(func.count(ChangeRow.seq))).scalar_one()}"
            )
            mine = {"account_seq": self.account.seq}
            quote = filled(QuoteRow, at, id=f"q_{number}", **mine)
            line = filled(
                ChangeLineRow,
                at,
                **mine,
                family=FAMILY,
                subscription_id=sub,
                from_offer=offer_to_dict(old) if old else None,
                to_offer=offer_to_dict(new),
                quantity=quantity,
                timing=timing,
                state=state,
            )
            change = filled(ChangeRow, at, id=f"pc_{number}", kind="change", timing=timing, **mine)
            change.quote_id, change.lines = quote.id, [line]
            tx.add(quote)
            tx.flush()
            tx.add(change)
        return line

    def moved(self, line: ChangeLineRow, state: str) -> None:
        with self.database.write() as tx:
            tx.get_one(ChangeLineRow, line.seq).state = state

    # -- what is asked of allowances ----------------------------------------------------------

    def accrue(self, at: datetime) -> None:
        with self.database.write() as tx:
            changes = open_lines(tx, self.account)
            allowances.accrue(tx, self.catalogue, self.account, changes, at)

    def applied(
        self, line: ChangeLineRow, effect: str, at: datetime, credited: int | None = None
    ) -> None:
        self.moved(line, "applied")
        with self.database.write() as tx:
            row = tx.get_one(ChangeLineRow, line.seq)
            allowances.applied(tx, self.catalogue, self.account, row, effect, credited, at)

    def ended(self, at: datetime, sub: str = "sub_1") -> None:
        with self.database.write() as tx:
            allowances.ended(tx, self.catalogue, self.account, FAMILY, sub, at)

    def given_up(self, line: ChangeLineRow, at: datetime) -> None:
        self.moved(line, "failed")
        with self.database.write() as tx:
            row = tx.get_one(ChangeLineRow, line.seq)
            allowances.given_up(tx, self.catalogue, self.account, row, at)

    def pack(self, units: int, at: datetime, until: datetime, source: str = "purchase:1") -> None:
        with self.database.write() as tx:
            row = tx.scalars(
                select(SubscriptionRow.id)
                .where(SubscriptionRow.account_seq == self.account.seq)
                .where(SubscriptionRow.status == "active")
            ).first()
            allowances.grant_pack(
                tx, self.account, FAMILY, row or "", units, source=source, at=at, expires_at=until
            )

    def use(self, units: int, at: datetime) -> Recorded:
        """Report usage at the moment it happens."""
        self._reports += 1
        record = UsageRecord(f"run-{self._reports}", FAMILY, units)
        (told,) = allowances.record_usage(
            self.database, self.catalogue, self.account, [record], at, at
        )
        return told

    def unused(self, at: datetime, sub: str = "sub_1") -> Unused:
        with self.database.read() as tx:
            return allowances.unused(tx, self.catalogue, self.account, FAMILY, sub, at)

    def standing(self, at: datetime, now: datetime | None = None) -> Standing:
        """How the family stands at ``at``."""
        with self.database.read() as tx:
            (found,) = standings(tx, self.catalogue, self.account, now or at, at)
        return found

    def left(self, at: datetime, now: datetime | None = None) -> int:
        return self.standing(at, now).left

    def moves(self) -> dict[str, int]:
        """The sum of all entries, by what they do."""
        found: dict[str, int] = {}
        for entry in self.entries():
            found[entry.kind] = found.get(entry.kind, 0) + entry.units
        return found

    def entries(self) -> list[AllowanceEntryRow]:
        mine = AllowanceEntryRow.lot.has(account_seq=self.account.seq)
        with self.database.read() as tx:
            return list(tx.scalars(select(AllowanceEntryRow).where(mine)))

    def lots(self, **where: Any) -> list[AllowanceLotRow]:
        mine = {"account_seq": self.account.seq, **where}
        with self.database.read() as tx:
            rows = select(AllowanceLotRow).filter_by(**mine).order_by(AllowanceLotRow.seq)
            return list(tx.scalars(rows))

    def sub(self, number: int) -> str:
        """The id of one of several subscriptions, one after the other."""
        return f"sub_{self.account.ref}_{number}"
