"""Reconcile: what is here is compared with what Stripe has, and made the same."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, insert, select, update

from adapter.due import Work
from adapter.gateway.pages import PAGE, ListedSubscription, Page
from adapter.reconcile import Difference, Failure, Finding, Foreign, UnknownPrice, Walk, left
from adapter.reconcile.walking import Leg
from adapter.tables import (
    AccountRow,
    CheckRow,
    DueWorkRow,
    InvoiceRow,
    LineRow,
    NoticeRow,
    ScheduleRow,
    SubscriptionRow,
    SweepRow,
)
from sandbox.kernel.store import copy_json
from service.cli import main
from service.doctor import examine
from service.worker import Worker
from tests.support.sampling import SOAK
from tests.support.world import SECRET, World, world

pytestmark = pytest.mark.by_turns

MIRRORED = (AccountRow, SubscriptionRow, LineRow, InvoiceRow, ScheduleRow)


@dataclass
class Told:
    """A walk, and all it told of."""

    walk: Walk
    found: list[Finding] = field(default_factory=list)

    @property
    def differences(self) -> set[tuple[str, str, str]]:
        """Account, kind and field of each."""
        return {(d.account, d.kind, d.field) for d in self.found if isinstance(d, Difference)}

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.found if isinstance(one, kind)]


def reconcile(w: World, *, repair: bool = False, wait: Callable[[], object] = lambda: None) -> Told:
    found: list[Finding] = []
    walk = w.parts.reconciling.run(
        repair=repair,
        tell=found.append,
        progress=lambda _: None,
        wait=lambda _: wait() and None,
    )
    return Told(walk, found)


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def subscribed(w: World, *refs: str) -> None:
    for ref in refs:
        w.account(ref)
        w.change(ref, "core", "10k")


def unheard(w: World) -> None:
    """From here on no event arrives."""
    w.box.delivery.put_on(drop=1.0)


def rows(w: World) -> list[Any]:
    """All that is mirrored, to the last column."""
    with w.parts.database.read() as tx:
        return [
            tuple(row)
            for table in MIRRORED
            for row in tx.execute(select(table.__table__).order_by(*table.__table__.primary_key))
        ]


def notices(w: World) -> list[str]:
    with w.parts.database.read() as tx:
        return list(tx.scalars(select(NoticeRow.kind).order_by(NoticeRow.seq)))


def price_of(w: World, plan: str, tier: str) -> str:
    catalogue = w.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("operations", plan, tier, "month", "usd"))
    return str(w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"])


def strange_price(w: World) -> str:
    product = w.stripe("POST", "/v1/products", name="Something else")["id"]
    price = {"product": product, "unit_amount": 500, "currency": "usd"}
    return str(w.stripe("POST", "/v1/prices", **price, **{"recurring[interval]": "month"})["id"])


def edits(w: World, ref: str, **params: Any) -> str:
    """Somebody edits the account's subscription in the dashboard; its id."""
    sub = w.subscription(ref)["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", **params)
    return str(sub)


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


def test_one_call_lists_a_hundred_and_nothing_is_asked_per_subscription(w: World):
    subscribed(w, "acme")
    many_foreign(w, 229)
    before = len(w.box.request_log)
    told = reconcile(w)
    asked = list(w.calls(before))
    assert {call.method for call in asked} == {"GET"}
    assert [call.path for call in asked].count("/v1/subscriptions") == 3
    # Nobody is without a subscription, so no customers are listed; and two kinds of invoices are.
    assert len(asked) == 5 == told.walk.counts["lists"]
    assert told.walk.counts["foreign"] == len(told.of(Foreign)) == 229
    w.account("free", card=None)
    assert reconcile(w).walk.counts["lists"] == 6


def many_foreign(w: World, number: int) -> None:
    """Subscriptions of somebody else, as many as that."""
    stranger = w.stripe("POST", "/v1/customers", email="x@y.example", source="tok_visa")["id"]
    price = {"items[0][price]": price_of(w, "core", "10k")}
    first = w.stripe("POST", "/v1/subscriptions", customer=stranger, **price)["id"]
    store = w.box.world.store
    with store.transaction():
        for count in range(number - 1):
            store.insert(
                "subscription",
                {**copy_json(store.get("subscription", first)), "id": f"sub_{count}"},
            )


def test_a_subscription_with_more_than_ten_items_is_compared_whole(w: World):
    subscribed(w, "acme")
    sub = w.subscription("acme")["id"]
    for _ in range(11):
        w.stripe("POST", "/v1/subscription_items", subscription=sub, price=strange_price(w))
    w.settle()
    w.advance(days=32)
    told = reconcile(w)
    assert told.differences == set()
    assert len(told.of(UnknownPrice)) == 11
    with w.parts.database.read() as tx:
        newest = tx.scalars(select(InvoiceRow).order_by(InvoiceRow.created_at.desc())).first()
    assert newest is not None
    # The 11 were added in the middle of a month, and are billed for it too.
    assert len(newest.lines) > 12


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


# -- in the worker ------------------------------------------------------------------------------


def comes_due(w: World) -> None:
    """Time passes until reconcile is due."""
    with w.parts.database.write() as tx:
        mine = DueWorkRow.kind == Work.RECONCILE
        tx.execute(update(DueWorkRow).where(mine).values(next_at=datetime(2020, 1, 1, tzinfo=UTC)))


def standing(w: World) -> SweepRow | None:
    with w.parts.database.read() as tx:
        return tx.get(SweepRow, "reconcile")


def due_at(w: World) -> tuple[timedelta, int]:
    with w.parts.database.read() as tx:
        row = tx.scalars(select(DueWorkRow).where(DueWorkRow.kind == Work.RECONCILE)).one()
    assert row.state == "pending"
    return row.next_at - datetime.now(UTC), row.attempts


def test_the_worker_repairs_every_day_a_page_at_a_time_and_goes_on_after_a_death(w: World):
    subscribed(w, "acme")
    many_foreign(w, 130)
    w.worker.schedule()
    w.settle()
    assert timedelta(minutes=59) < due_at(w)[0] <= timedelta(hours=1)
    unheard(w)
    edits(w, "acme", cancel_at_period_end="true")
    comes_due(w)
    before = len(w.box.request_log)
    w.worker.round()
    under_way = standing(w)
    assert under_way is not None
    assert under_way.cursor is not None
    assert under_way.cursor["after"] is not None
    # Another process goes on; a second one beside it finds nothing to do.
    other = Worker(w.parts, w.mail)
    with w.parts.claims.hold("sweep:reconcile") as mine:
        assert mine
        assert other.round().idle
    w.worker = Worker(w.parts, w.mail)
    w.settle()
    asked = [call.path for call in w.calls(before)]
    assert asked.count("/v1/subscriptions") == 2
    # What differs is given time to come by itself.
    assert timedelta(0) < due_at(w)[0] <= timedelta(seconds=10)
    comes_due(w)
    w.settle()
    ended = standing(w)
    assert ended is not None
    assert (ended.cursor, ended.found) == (
        None,
        {**(ended.found or {}), "differences": 4, "repaired": 4, "foreign": 130},
    )
    assert timedelta(hours=23) < due_at(w)[0] <= timedelta(days=1)
    assert notices(w).count("cancellation_set") == 1
    assert said_by_the_doctor(w) == (True, "4 differences")
    assert 'planshift_sweep_found{sweep="reconcile"} 4.0' in w.http.get("/metrics").text

    w.box.fail_next("GET", "/v1/subscriptions", "500", count=20)
    comes_due(w)
    w.worker.round()
    assert due_at(w)[1] == 1
    assert said_by_the_doctor(w) == (False, "fails")


def said_by_the_doctor(w: World) -> tuple[bool, str]:
    (found,) = [one for one in examine(w.parts) if one.what == "reconcile"]
    return found.well, next(word for word in ("4 differences", "fails") if word in found.detail)


# -- the command --------------------------------------------------------------------------------


@pytest.fixture
def planshift(w: World, database_url: str) -> Callable[..., Result]:
    environment = {
        "STRIPE_API_KEY": "sk_test_planshift_tests",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "PLANSHIFT_DATABASE_URL": database_url,
    }

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environment)

    return run


def test_the_command_tells_a_person_and_a_machine_and_says_it_by_its_exit_code(
    w: World, planshift: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("adapter.reconcile.reconciling.GRACE", timedelta(0))
    subscribed(w, "acme")
    many_foreign(w, 2)
    clean = planshift("reconcile")
    assert (clean.exit_code, clean.stdout.splitlines()[-1]) == (
        0,
        "No differences: what is here is what Stripe has.",
    )
    assert "2 subscriptions of customers that are not accounts here." in clean.stdout
    assert "sub_0 of cus_" not in clean.stdout
    assert "... 1 subscription" in clean.stderr
    assert "foreign  sub_0 of cus_" in planshift("reconcile", "--verbose").stdout
    unheard(w)
    sub = edits(w, "acme", cancel_at_period_end="true")
    found = planshift("reconcile")
    assert found.exit_code == 1
    assert (
        f"DIFFERS  {sub} (acme)  cancel_at_period_end: false here, true at Stripe, the same at"
        in found.stdout
    )
    assert (
        "4 differences: 'planshift reconcile --repair' takes over what Stripe has." in found.stdout
    )
    repaired = planshift("reconcile", "--repair", "--json")
    lines = [json.loads(line) for line in repaired.stdout.splitlines()]
    assert repaired.exit_code == 0
    assert [next(iter(line)) for line in lines] == [*["difference"] * 4, "summary"]
    assert lines[0]["difference"] | {"since": None} == {
        "kind": "subscription",
        "id": sub,
        "account": "acme",
        "field": "cancel_at",
        "ours": None,
        "theirs": "2026-02-10T09:00:00+00:00",
        "since": None,
        "repaired": True,
    }
    assert lines[-1]["summary"]["left"] == 0
    w.box.fail_next("GET", "/v1/subscriptions", "500", count=20)
    failed = planshift("reconcile")
    assert (failed.exit_code, failed.stdout) == (2, "")
    assert "Error:" in failed.stderr


# -- many ---------------------------------------------------------------------------------------


class ManyPages:
    """Stripe's list of ``number`` subscriptions like ``one``, made page by page, never held."""

    def __init__(self, one: ListedSubscription, number: int) -> None:
        self._one = one
        self._number = number
        self.calls = 0

    def live_subscriptions(self, _clock: str | None, after: str | None) -> Page[Any]:
        self.calls += 1
        first = int(after or 0)
        last = min(first + PAGE, self._number)
        found = tuple(like(self._one, n) for n in range(first, last))
        return Page(found, str(last) if last < self._number else None)


def like(one: ListedSubscription, number: int) -> ListedSubscription:
    """The same subscription of another customer."""
    sub, customer = one.subscription, replace(one.customer, id=f"cus_{number}")
    assert sub.invoice is not None
    invoice = replace(sub.invoice, id=f"in_{number}", customer=customer.id)
    items = tuple(replace(item, id=f"si_{number}") for item in sub.items)
    mine = {"id": f"sub_{number}", "customer": customer.id, "latest_invoice": invoice.id}
    return ListedSubscription(replace(sub, **mine, items=items, invoice=invoice), customer, None)


def mirrored(w: World, one: ListedSubscription, number: int) -> None:
    """All of them are here already, as they are there."""
    made: dict[Any, list[dict[str, Any]]] = {table: [] for table in MIRRORED[:4]}
    for n in range(number):
        sub, seq = like(one, n).subscription, 1000 + n
        made[AccountRow].append(
            {"seq": seq, "id": f"a{n}", "ref": f"r{n}", "customer_id": sub.customer}
        )
        made[SubscriptionRow].append(
            {"id": sub.id, "account_seq": seq, "latest_invoice": sub.latest_invoice}
        )
        made[LineRow].append({"id": sub.items[0].id, "subscription_id": sub.id})
        made[InvoiceRow].append({"id": sub.latest_invoice, "account_seq": seq})
    with w.parts.database.write() as tx:
        for table, rows in made.items():
            alike = dict(row_of(tx, table))
            tx.execute(insert(table), [{**alike, **row} for row in rows])


def row_of(tx: Any, table: Any) -> Any:
    return tx.execute(select(table.__table__)).mappings().one()


def test_memory_is_that_of_a_page_however_many_there_are(w: World):
    """Many times as many are many times the calls, and the same memory."""
    subscribed(w, "acme")
    (one,) = w.parts.reader.pages.live_subscriptions().found
    few, many = (300, 3000) if SOAK else (100, 600)
    mirrored(w, one, many)
    walker = w.parts.reconciling._walker
    peaks = {}
    for number in (few, many):
        source = ManyPages(one, number)
        walker._lists = {"subscriptions": source.live_subscriptions}
        walk = Walk(w.parts.clock.now(), (Leg("subscriptions"),))
        tracemalloc.start()
        while not walk.ended:
            walk = walker.step(walk, repair=False, tell=print)
            gc.collect()  # which the suite otherwise lets sleep
        peaks[number] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert source.calls == ceil(number / 100)
        assert walk.counts["subscriptions"] == number
    with w.parts.database.read() as tx:
        assert tx.scalars(select(CheckRow.id).where(CheckRow.doubtful)).first() is None
    assert peaks[many] < 1.25 * peaks[few], peaks
