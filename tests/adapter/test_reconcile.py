"""Reconcile: what is here is compared with what Stripe has, and made the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from adapter.reconcile import Difference, Failure, Foreign, UnknownPrice, left
from adapter.tables import (
    AccountRow,
    InvoiceRow,
    LineRow,
    ScheduleRow,
    SubscriptionRow,
)
from tests.support.reconciling import (
    edits,
    notices,
    price_of,
    reconcile,
    rows,
    strange_price,
    subscribed,
    unheard,
)
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def another_price(w: World, ref: str, price: str) -> None:
    item = w.subscription(ref)["items"]["data"][0]["id"]
    edits(w, ref, **{"items[0][id]": item, "items[0][price]": price})


def test_row_what_was_never_heard_of_is_found_told_and_repaired_with_its_notices_once(w: World):
    subscribed(w, "ending", "moved", "ended", "strange", "planned", "owing")
    bare = {ref: w.account(ref, card=None) for ref in ("poor", "erased", "bought")}
    reconcile(w)
    unheard(w)
    edits(w, "ending", cancel_at_period_end="true")
    another_price(w, "moved", price_of(w, "pro", "40k"))
    w.stripe("DELETE", f"/v1/subscriptions/{w.subscription('ended')['id']}")
    another_price(w, "strange", strange_price(w))
    w.stripe(
        "POST", "/v1/subscription_schedules", from_subscription=w.subscription("planned")["id"]
    )
    owing = w.state("owing")["customer"]
    w.stripe("POST", "/v1/invoiceitems", customer=owing, amount=700, currency="usd")
    w.stripe("POST", "/v1/invoices", customer=owing)
    balance = {"amount": -500, "currency": "usd"}
    w.stripe("POST", f"/v1/customers/{bare['poor']}/balance_transactions", **balance)
    w.stripe("DELETE", f"/v1/customers/{bare['erased']}")
    method = w.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=bare["bought"])
    bought = {"items[0][price]": price_of(w, "core", "10k"), "default_payment_method": method["id"]}
    w.stripe("POST", "/v1/subscriptions", customer=bare["bought"], **bought)
    stranger = w.stripe("POST", "/v1/customers", email="x@y.example", source="tok_visa")["id"]
    w.stripe(
        "POST",
        "/v1/subscriptions",
        customer=stranger,
        **{"items[0][price]": price_of(w, "core", "10k")},
    )
    w.settle()
    before, mailed = rows(w), len(notices(w))

    told = reconcile(w)
    assert {place for place in told.differences if place[2] != "ticket"} >= {
        ("ending", "subscription", "cancel_at"),
        ("ended", "subscription", "status"),
        ("ended", "subscription", "ended_at"),
        ("owing", "invoice", "exists"),
        ("poor", "customer", "balance"),
        ("erased", "customer", "deleted"),
        ("bought", "subscription", "exists"),
        ("planned", "schedule", "exists"),
        ("planned", "subscription", "schedule_id"),
    }
    assert any(
        place[:2] == ("moved", "subscription") and place[2].endswith(".plan")
        for place in told.differences
    )
    assert all(one.since is not None for one in told.of(Difference) if one.field != "exists")
    assert [one.customer for one in told.of(Foreign)] == [stranger]
    assert [one.account for one in told.of(UnknownPrice)] == ["strange"]
    assert rows(w) == before
    assert len(notices(w)) == mailed

    mended = reconcile(w, repair=True)
    # Storing one object mends what hangs on it, so fewer are told of than without repair.
    assert mended.differences <= told.differences
    assert {place[0] for place in mended.differences} == {place[0] for place in told.differences}
    assert all(one.repaired for one in mended.of(Difference))
    assert left(mended.walk) == 0
    w.settle()
    again = reconcile(w)
    assert again.differences == set()
    new = notices(w)[mailed:]
    assert sorted(new) == ["cancellation_ended", "cancellation_set"]
    assert w.plan("moved") == ("pro", "40k")
    assert w.plan("bought") == ("core", "10k")
    # The events come after all, and there is nothing left for them to do.
    w.box.delivery.behave()
    w.parts.backfill.run()
    w.settle()
    assert notices(w)[mailed:] == new


TAMPERED = [
    (SubscriptionRow, {"status": "past_due"}, "subscription", "status"),
    (
        SubscriptionRow,
        {"default_payment_method": "pm_other"},
        "subscription",
        "default_payment_method",
    ),
    (LineRow, {"quantity": 7}, "subscription", "lines.{line}.quantity"),
    (LineRow, {"plan": None, "unknown_price": "?"}, "subscription", "lines.{line}.plan"),
    (LineRow, {"removed": True}, "subscription", "lines.{line}.exists"),
    (InvoiceRow, {"status": "open", "amount_paid": 0}, "invoice", "status"),
    (AccountRow, {"balance": -99}, "customer", "balance"),
    (ScheduleRow, {"end_behavior": "cancel"}, "schedule", "end_behavior"),
]


def test_row_whatever_is_tampered_with_here_is_put_right(w: World):
    subscribed(w, "acme")
    w.stripe("POST", "/v1/subscription_schedules", from_subscription=w.subscription("acme")["id"])
    w.settle()
    with w.parts.database.read() as tx:
        line = tx.scalars(select(LineRow.id)).one()
    assert reconcile(w).differences == set()
    before, mailed = rows(w), notices(w)
    for table, wrong, kind, place in TAMPERED:
        with w.parts.database.write() as tx:
            tx.execute(update(table).values(wrong))
        told = reconcile(w, repair=True)
        assert ("acme", kind, place.format(line=line)) in told.differences, wrong
        assert left(told.walk) == 0
        assert _apart_from_tickets(rows(w)) == _apart_from_tickets(before)
    with w.parts.database.write() as tx:
        tx.execute(delete(InvoiceRow))
    assert ("acme", "invoice", "exists") in reconcile(w, repair=True).differences
    assert reconcile(w).differences == set()
    assert set(notices(w)) <= {*mailed, "recovered"}


def _apart_from_tickets(found: list[Any]) -> list[Any]:
    """Tickets are the only large numbers that a repair may change."""
    return [row[:-1] for row in found]


def process(w: World, ref: str) -> None:
    """The worker has come to the events of this account, and to no others."""
    account = w.state(ref)["customer"]
    (job,) = [job for job in w.parts.processing.due(50, ()) if job.owner == account]
    job.do()


def test_what_moves_while_it_is_listed_is_no_difference(w: World, monkeypatch: pytest.MonkeyPatch):
    """The list is old by the time it is compared: the event came, or is being processed, or comes
    in the seconds that it is given. What is said in the end has been fetched anew."""
    subscribed(w, "heard", "queued", "late")
    reconcile(w)
    unheard(w)
    late = edits(w, "late", cancel_at_period_end="true")
    w.box.deliver_pending()
    w.box.delivery.behave()
    listed = w.parts.reader.pages.live_subscriptions

    def slow(clock: str | None = None, after: str | None = None) -> Any:
        edits(w, "queued", cancel_at_period_end="true")
        page = listed(clock, after)
        edits(w, "heard", cancel_at_period_end="true")
        w.box.deliver_pending()
        process(w, "heard")
        return page

    def its_event_comes() -> None:
        sent = [
            one["id"]
            for one in w.box.world.store.scan("event")
            if one["data"]["object"]["id"] == late
        ]
        w.box.delivery.resend(sent[-1])
        w.box.deliver_pending()

    monkeypatch.setitem(w.parts.reconciling._walker._lists, "subscriptions", slow)
    told = reconcile(w, wait=its_event_comes)
    assert told.differences == set()
    assert told.walk.counts["waiting"] == 2
    w.settle()
    monkeypatch.undo()
    assert reconcile(w).walk.counts.get("fetches", 0) == 0


def test_what_stripe_has_lost_is_said_and_brought_to_its_end(w: World):
    """Test data was deleted: nothing there can be fetched any more."""
    subscribed(w, "acme")
    sub = w.subscription("acme")["id"]
    with w.box.world.store.transaction():
        w.box.world.store.remove("subscription", sub)
    (lost,) = reconcile(w).of(Difference)
    assert (lost.id, lost.field, lost.ours, lost.theirs) == (sub, "exists", True, False)
    assert left(reconcile(w, repair=True).walk) == 0
    assert w.plan("acme") != ("core", "10k")
    assert reconcile(w).differences == set()
    assert notices(w).count("cancellation_ended") == 1


def test_an_account_on_a_test_clock_is_walked_too(w: World):
    clock = w.stripe("POST", "/v1/test_helpers/test_clocks", frozen_time=1_500_000_000)["id"]
    w.account("past", test_clock=clock)
    w.change("past", "core", "10k")
    unheard(w)
    edits(w, "past", cancel_at_period_end="true")
    told = reconcile(w, repair=True)
    assert ("past", "subscription", "cancel_at") in told.differences
    assert told.walk.counts["fetches"] == 1
    assert left(told.walk) == 0
    # The clock is deleted, and its customers with it.
    w.stripe("DELETE", f"/v1/test_helpers/test_clocks/{clock}")
    assert ("past", "customer", "deleted") in reconcile(w).differences


def test_one_that_cannot_be_stored_is_reported_and_the_others_are_repaired(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    subscribed(w, "bad", "good")
    unheard(w)
    bad = edits(w, "bad", cancel_at_period_end="true")
    edits(w, "good", cancel_at_period_end="true")
    store = w.parts.reconciling._walker._looking._mirror.store

    def broken(tx: Any, fetched: Any, *more: Any) -> bool:
        if fetched.snapshot.id == bad:
            raise ValueError("a mistake of ours")
        return store(tx, fetched, *more)

    monkeypatch.setattr(w.parts.reconciling._walker._looking._mirror, "store", broken)
    told = reconcile(w, repair=True)
    assert [one.id for one in told.of(Failure)] == [bad]
    assert {place[0] for place in told.differences} == {"good"}
    assert left(told.walk) == 1
