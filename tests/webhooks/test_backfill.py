"""Backfill: what did not arrive is fetched, once, whatever interrupts it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from adapter.due import Work
from adapter.errors import Invalid
from adapter.tables import DueWorkRow, EventRow, SweepRow
from sandbox.resources import events as log
from service.worker import Worker
from tests.support.commands import Planshift, planshift_on
from tests.support.killing import Killed
from tests.support.world import START, World, world
from webhooks import LISTED
from webhooks.backfill import EVERYTHING, UNDELIVERED

pytestmark = pytest.mark.by_turns

ENDING = "Your subscription to Core 10k monthly is set to end on 10 February 2026"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        made.change("acme", "core", "10k")
        yield made


def lose(w: World, share: float = 1.0) -> None:
    w.box.delivery.put_on(drop=share)


def ends_at_stripe(w: World, sub: str, at_period_end: bool = True) -> None:
    """Somebody sets the end of a subscription in the dashboard, or takes it back."""
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end=str(at_period_end).lower())


def renames(w: World, customer: str, times: int) -> None:
    """As many ``customer.updated`` events."""
    for number in range(times):
        w.stripe("POST", f"/v1/customers/{customer}", description=f"number {number}")


def inbox(w: World) -> set[str]:
    with w.parts.database.read() as tx:
        return set(tx.scalars(select(EventRow.id)))


def handled_at_stripe(w: World) -> set[str]:
    return {one["id"] for one in w.box.world.store.scan("event") if one["type"] in LISTED}


def lists(w: World, since: int) -> list[dict[str, Any]]:
    """What the events were listed with since the ``since``-th request."""
    asked = [call for call in w.calls(since) if call.path == "/v1/events"]
    return [
        {**call.params, "types": list(call.params["types"].values())}
        for call in asked
        if "types" in call.params
    ]


def test_row_lost_deliveries_are_fetched_and_the_state_is_stripes(w: World):
    lose(w)
    sub = w.subscription("acme")["id"]
    ends_at_stripe(w, sub)
    w.account("other", card=None)
    w.settle()
    assert w.state("acme")["subscriptions"][0]["cancel_at"] is None

    seen = w.parts.backfill.run()
    w.settle()
    assert w.state("acme")["subscriptions"][0]["cancel_at"] is not None
    assert w.mail.subjects().count(ENDING) == 1
    assert seen.missing > 0
    assert inbox(w) >= handled_at_stripe(w)

    again = w.parts.backfill.run()
    assert (again.listed, again.missing) == (seen.listed, 0)


def test_what_was_delivered_is_not_listed_and_what_is_not_handled_is_not_asked_for(w: World):
    before = len(w.box.request_log)
    seen = w.parts.backfill.run()
    assert seen.listed == 0
    asked = lists(w, before)
    assert sorted(kind for call in asked for kind in call["types"]) == sorted(LISTED)
    assert all(len(call["types"]) <= 20 for call in asked)
    assert all(call["delivery_success"] == "false" for call in asked)


def test_the_next_backfill_begins_an_hour_before_the_last_one_ended(w: World):
    asked = lists(w, _after(w, w.parts.backfill.run))
    assert {call.get("created") for call in asked} == {None}
    ended = w.box.now()
    w.advance(days=3)
    asked = lists(w, _after(w, w.parts.backfill.run))
    assert {int(call["created"]["gte"]) for call in asked} == {ended - 3600}


def test_with_an_account_on_a_test_clock_no_date_bounds_what_is_listed(w: World):
    w.parts.backfill.run()
    clock = w.stripe("POST", "/v1/test_helpers/test_clocks", frozen_time=1_500_000_000)["id"]
    customer = w.account("past", card=None, test_clock=clock)
    lose(w)
    renames(w, customer, 1)
    assert w.parts.backfill.run().missing == 1


@pytest.mark.parametrize("when", ["fetched", "stored"])
def test_row_killed_in_the_middle_it_goes_on_where_it_was(
    w: World, monkeypatch: pytest.MonkeyPatch, when: str
):
    """350 lost events are four pages; the process dies over the third, before or after its
    commit. Those that happen while it is away are newer than its cursor, and are not lost."""
    lose(w)
    customer = w.state("acme")["customer"]
    renames(w, customer, 350)
    step, pages = w.parts.backfill._step, 3

    def mortal(name: str) -> Any:
        nonlocal pages
        pages -= 1
        if not pages and when == "fetched":
            monkeypatch.setattr(w.parts.database, "write", _killed)
        moved = step(name)
        if not pages:
            raise Killed
        return moved

    with monkeypatch.context() as patched:
        patched.setattr(w.parts.backfill, "_step", mortal)
        with pytest.raises(Killed):
            w.parts.backfill.run()
    monkeypatch.undo()
    stored = len(inbox(w) & handled_at_stripe(w))
    renames(w, customer, 3)
    before = len(w.box.request_log)
    w.parts.backfill.run()
    assert inbox(w) >= handled_at_stripe(w)
    assert len(handled_at_stripe(w)) - stored >= 53
    # What was gone on with was not walked again: it begins behind an event.
    assert "starting_after" in lists(w, before)[0]
    w.settle()
    assert w.parts.inbox.counts().get("pending", 0) == 0


def _killed() -> Any:
    raise Killed


def test_row_two_processes_at_one_walk_count_nothing_twice(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    lose(w)
    renames(w, w.state("acme")["customer"], 130)
    backfill = w.parts.backfill
    listed, beside = backfill._reader.pages.events, []

    def slow(*types: Any, **asked: Any) -> Any:
        page = listed(*types, **asked)
        if not beside:
            # While this page is on its way, another process takes it and commits.
            beside.append(True)
            beside.append(backfill._step(UNDELIVERED))
        return page

    monkeypatch.setattr(backfill._reader.pages, "events", slow)
    assert backfill.run().missing == 130


def test_a_cursor_that_fell_out_of_the_log_lets_its_list_begin_anew(w: World):
    lose(w)
    renames(w, w.state("acme")["customer"], 120)
    w.parts.backfill._begin(UNDELIVERED, None)
    w.parts.backfill._step(UNDELIVERED)
    with w.parts.database.write() as tx:
        row = tx.get_one(SweepRow, UNDELIVERED)
        row.cursor = {**row.cursor, "after": "evt_gone"} if row.cursor else None
    w.parts.backfill.run()
    assert inbox(w) >= handled_at_stripe(w)


def test_everything_since_a_moment_also_what_was_delivered(w: World, monkeypatch: Any):
    """As after the restoring of a backup: acknowledged here, and gone."""
    w.advance(days=2)
    sub = w.subscription("acme")["id"]
    ends_at_stripe(w, sub)
    w.settle()
    known = inbox(w)
    with w.parts.database.write() as tx:
        for row in tx.scalars(select(EventRow).where(EventRow.object_id == sub)):
            tx.delete(row)
    lost = known - inbox(w)
    assert w.parts.backfill.run().missing == 0
    seen = w.parts.backfill.run(timedelta(days=1))
    assert seen.missing == 1
    assert w.parts.backfill.run(START - timedelta(days=1)).missing == len(lost) - 1
    assert inbox(w) >= known
    w.settle()
    assert w.mail.subjects().count(ENDING) == 1


def test_everything_resumed_later_reaches_to_the_present(w: World):
    lose(w)
    customer = w.state("acme")["customer"]
    renames(w, customer, 120)
    backfill = w.parts.backfill
    backfill._begin(EVERYTHING, START)
    backfill._step(EVERYTHING)
    w.advance(days=1)
    renames(w, customer, 2)
    backfill.run(START)
    assert inbox(w) >= handled_at_stripe(w)


def test_beyond_what_stripe_keeps_is_refused_with_the_way_out(w: World):
    with pytest.raises(Invalid) as refused:
        w.parts.backfill.run(START - timedelta(days=31))
    assert refused.value.code == "since_too_long_ago"
    assert "30 days" in refused.value.detail
    assert "reconcile" in refused.value.detail
    with pytest.raises(Invalid) as refused:
        w.parts.backfill.run(START + timedelta(days=31))
    assert refused.value.code == "since_in_the_future"
    assert log.KEPT == 30 * 86_400


def test_the_worker_does_it_every_ten_minutes_one_page_at_a_time(w: World):
    lose(w)
    renames(w, w.state("acme")["customer"], 130)
    w.worker.schedule()
    w.worker.schedule()
    w.worker.round()
    with w.parts.database.read() as tx:
        assert tx.get_one(SweepRow, UNDELIVERED).cursor is not None
    w.settle()
    assert inbox(w) >= handled_at_stripe(w)
    with w.parts.database.read() as tx:
        (row,) = tx.scalars(select(DueWorkRow).where(DueWorkRow.kind == Work.BACKFILL))
        wait = row.next_at - datetime.now(UTC)
    assert row.state == "pending"
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)


def test_two_workers_have_one_leader(w: World):
    """Whoever holds the claim does it; the other one finds nothing that is due."""
    w.worker.schedule()
    other = Worker(w.parts, w.mail)
    with w.parts.claims.hold("sweep:backfill") as mine:
        assert mine
        before = len(w.box.request_log)
        other.round()
        assert lists(w, before) == []
    w.worker.round()
    other.round()
    w.settle()
    assert len(lists(w, before)) == -(-len(LISTED) // 20)


def test_a_backfill_that_fails_is_tried_again_for_ever(w: World):
    w.worker.schedule()
    w.box.fail_next("GET", "/v1/events", "500", count=20)
    w.worker.round()
    with w.parts.database.read() as tx:
        (row,) = tx.scalars(select(DueWorkRow).where(DueWorkRow.kind == Work.BACKFILL))
    assert (row.state, row.attempts) == ("pending", 1)
    assert row.error


@pytest.fixture
def planshift(w: World, database_url: str) -> Planshift:
    return planshift_on(database_url)


def test_the_command_tells_a_person_and_a_machine(w: World, planshift: Planshift):
    lose(w)
    renames(w, w.state("acme")["customer"], 3)
    said = planshift("events", "backfill")
    assert said.exit_code == 0, said.output
    assert "3 events listed at Stripe, 3 were missing here." in said.stdout
    assert "looked at" in said.stderr
    said = planshift("events", "backfill", "--since", "2h", "--json")
    assert json.loads(said.stdout)["missing"] == 0
    for wrong in ("yesterday", "5w", "2026-13-01", f"{10**12}d"):
        refused = planshift("events", "backfill", "--since", wrong)
        assert refused.exit_code == 2, refused.output
        assert "is no moment" in refused.output
    refused = planshift("events", "backfill", "--since", "2025-01-01")
    assert refused.exit_code == 1
    assert "Stripe keeps events for 30 days" in refused.output


def _after(w: World, act: Callable[[], Any]) -> int:
    before = len(w.box.request_log)
    act()
    return before
