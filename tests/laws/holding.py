"""What must hold of a system at rest, whatever happened to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from adapter.changes.states import BUSY, OPEN, State
from adapter.tables import (
    ChangeLineRow,
    ChangeRow,
    DueWorkRow,
    EventRow,
    IntentRow,
    MeterEventRow,
    PriceRow,
    UsageRow,
)
from tests.support.world import World

BY_CHANGES = frozenset({"subscription_create", "subscription_update"})


def check(w: World, ref: str) -> None:
    """Every law, each named by its function."""
    stripe = StripeSide(w, ref)
    state = w.state(ref)
    nothing_is_stuck(w)
    the_mirror_agrees(stripe, state)
    open_changes_are_few(w)
    what_counts_was_paid(w, stripe, state)
    nothing_is_charged_twice(w, stripe)
    nothing_drifted(w)
    the_ledger_is_conserved(w, ref)
    what_was_used_is_counted_once(w, stripe)
    what_is_scheduled_stands_at_stripe(w, stripe)


class StripeSide:
    """The customer as Stripe has it."""

    def __init__(self, w: World, ref: str) -> None:
        self.customer = w.state(ref)["customer"]
        listed = w.stripe(
            "GET", "/v1/subscriptions", customer=self.customer, status="all", limit=100
        )
        self.subscriptions = {sub["id"]: sub for sub in listed["data"]}
        self.invoices = w.stripe("GET", "/v1/invoices", customer=self.customer, limit=100)["data"]
        self.schedules = w.stripe(
            "GET", "/v1/subscription_schedules", customer=self.customer, limit=100
        )["data"]
        self.now = w.box.now()

    def paid_lines(self) -> Iterator[Any]:
        for invoice in self.invoices:
            if invoice["status"] == "paid":
                yield from invoice["lines"]["data"]


def nothing_is_stuck(w: World) -> None:
    with w.parts.database.read() as tx:
        dead = [
            f"{row.kind} {row.error}"
            for row in tx.scalars(select(DueWorkRow))
            if row.state == "dead"
        ]
        dead += [
            f"{row.type} {row.error}" for row in tx.scalars(select(EventRow)) if row.state == "dead"
        ]
    assert dead == []


def the_mirror_agrees(stripe: StripeSide, state: Any) -> None:
    """Local state is Stripe's, word for word."""
    here = {
        sub["id"]: (
            sub["status"],
            sub["cancel_at"],
            sorted((line["price"], line["quantity"]) for line in sub["lines"]),
        )
        for sub in state["subscriptions"]
    }
    there = {
        name: (
            sub["status"],
            _moment(sub["cancel_at"]),
            sorted((item["price"]["id"], item.get("quantity")) for item in sub["items"]["data"]),
        )
        for name, sub in stripe.subscriptions.items()
    }
    assert here == there


def open_changes_are_few(w: World) -> None:
    """At most one change of a line under way, and one scheduled."""
    with w.parts.database.read() as tx:
        lines = list(tx.scalars(select(ChangeLineRow)))
    for kinds in (BUSY, {State.SCHEDULED}):
        keys = [(line.family, line.subscription_id) for line in lines if State(line.state) in kinds]
        assert len(keys) == len(set(keys)), keys


def what_counts_was_paid(w: World, stripe: StripeSide, state: Any) -> None:
    """A paid plan counts only while a paid invoice covers it, or its renewal is being collected.

    In the hour of a draft, and while Stripe tries again, the period before has to be paid.
    """
    for plan in state["plans"]:
        held = plan["in_effect"]
        if held is None or plan["subscription"] is None:
            continue
        sub = stripe.subscriptions[plan["subscription"]]
        assert sub["status"] in ("active", "past_due"), sub["status"]
        if held["unit_price"] is not None:
            continue  # of what is billed by usage nothing is paid ahead
        prices = _prices_of(w, held)
        covered = [
            (line["period"]["start"], line["period"]["end"])
            for line in stripe.paid_lines()
            if _price(line) in prices and line["amount"] >= 0
        ]
        # The lines of one subscription share their period.
        began = min(item["current_period_start"] for item in sub["items"]["data"])
        latest = next(found for found in stripe.invoices if found["id"] == sub["latest_invoice"])
        collecting = latest["status"] in ("draft", "open")
        paid_now = any(start <= stripe.now <= end for start, end in covered)
        paid_before = any(end == began for _, end in covered)
        assert paid_now or (collecting and paid_before), (held["name"], covered, latest["status"])


def nothing_is_charged_twice(w: World, stripe: StripeSide) -> None:
    """Every invoice that a change made and that was paid belongs to one applied change."""
    with w.parts.database.read() as tx:
        ours = {
            (line.change_seq, line.invoice_id)
            for line in tx.scalars(select(ChangeLineRow))
            if State(line.state) is State.APPLIED and line.invoice_id and line.timing == "now"
        }
        # Several lines of one order are on one invoice.
        applied = [invoice for _, invoice in ours]
        assert len(applied) == len(set(applied)), "one invoice for two changes"
        under_way = bool(
            [line for line in tx.scalars(select(ChangeLineRow)) if State(line.state) in BUSY]
        )
    charged = {
        invoice["id"]
        for invoice in stripe.invoices
        if invoice["billing_reason"] in BY_CHANGES and invoice["amount_paid"] > 0
    }
    assert under_way or charged <= set(applied), charged - set(applied)


def nothing_drifted(w: World) -> None:
    with w.parts.database.read() as tx:
        drifts = [line.drift for line in tx.scalars(select(ChangeLineRow)) if line.drift]
        changes = {row.id for row in tx.scalars(select(ChangeRow)) if _is_over(row)}
        open_intents = [
            row.key
            for row in tx.scalars(select(IntentRow).where(IntentRow.outcome == "open"))
            if row.subject.removeprefix("change:") in changes
        ]
    assert drifts == []
    assert open_intents == []


def the_ledger_is_conserved(w: World, ref: str) -> None:
    """Units are never negative, and none is used that was not granted."""
    for family in w.get(f"/v1/accounts/{ref}/allowances")["families"]:
        assert family["left"] >= 0, family
        for lot in family["lots"]:
            assert 0 <= lot["left"] <= lot["granted"], lot


def what_was_used_is_counted_once(w: World, stripe: StripeSide) -> None:
    """The meter has every unit that was reported for billing, and no bill has one twice."""
    with w.parts.database.read() as tx:
        events = list(tx.scalars(select(MeterEventRow)))
        booked = tx.scalar(select(func.sum(UsageRow.units)).where(UsageRow.meter_event != "")) or 0
    assert sum(event.units for event in events) == booked
    assert not [event.error for event in events if event.state == "refused"]
    counted = w.box.world.store.scan("billing.meter_event")
    sent = [event.units for event in events if event.state == "sent"]
    assert sorted(int(event["_value"]) for event in counted) == sorted(sent)
    if not booked:
        return
    billed = [
        line["quantity"]
        for invoice in stripe.invoices
        if invoice["status"] != "draft"
        for line in invoice["lines"]["data"]
    ]
    assert sum(billed) <= booked


def what_is_scheduled_stands_at_stripe(w: World, stripe: StripeSide) -> None:
    """Each scheduled change is on its subscription, and nothing else of ours is."""
    with w.parts.database.read() as tx:
        lines = list(
            tx.scalars(select(ChangeLineRow).where(ChangeLineRow.state == State.SCHEDULED.value))
        )
        busy = {
            line.subscription_id
            for line in tx.scalars(select(ChangeLineRow))
            if State(line.state) in BUSY
        }
    waiting = {line.subscription_id for line in lines}
    for line in lines:
        sub = stripe.subscriptions[str(line.subscription_id)]
        if line.price_id is None and sub["cancel_at"] is not None:
            continue
        (schedule,) = [found for found in stripe.schedules if found["id"] == sub["schedule"]]
        coming = [item["price"] for item in schedule["phases"][-1]["items"]]
        if line.price_id is not None:
            assert line.price_id in coming
        elif schedule["end_behavior"] != "cancel":
            # It ends while others go on, whose next phase does without it.
            now = {item["id"]: item["price"]["id"] for item in sub["items"]["data"]}
            assert now[line.item_id] not in coming
    for name, sub in stripe.subscriptions.items():
        if name not in waiting | busy:
            assert sub["schedule"] is None, "a schedule that nobody asked for"
            assert sub["cancel_at"] is None, "an end that nobody asked for"


def _is_over(change: ChangeRow) -> bool:
    return all(State(line.state) not in OPEN for line in change.lines)


def _prices_of(w: World, held: Any) -> set[str]:
    with w.parts.database.read() as tx:
        rows = tx.scalars(
            select(PriceRow).where(
                PriceRow.family == held["family"],
                PriceRow.plan == held["plan"],
                PriceRow.tier == held["tier"],
            )
        )
        return {row.id for row in rows}


def _price(line: Any) -> str | None:
    pricing = line["pricing"]
    return pricing["price_details"]["price"] if pricing else None


def _moment(seconds: int | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None
