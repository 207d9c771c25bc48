"""What is true in the end when news comes late, beside other news, or after more has happened.

Nothing is delivered before a test settles: the sandbox keeps what it has to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from adapter.mirror import Fetched, Mirror
from adapter.tables import AccountRow, NoticeRow
from sandbox.exchanges import Exchange
from tests.laws import mirrored
from tests.support.buying import without_saved_method
from tests.support.world import START, World, world

pytestmark = [pytest.mark.by_turns, pytest.mark.usefixtures("no_waiting")]

TEAM = "virtual-team"
MONTH = 31 * 86_400
DECLINED = "pm_card_chargeCustomerFail"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        made.account("acme")
        made.change("acme", "growth", "5k", family=TEAM)
        yield made


class Once:
    """Does something at Stripe right after it has answered a request, once."""

    def __init__(self, w: World, method: str, path: str, then: Callable[[], object]) -> None:
        self.done = False
        self._wanted = (method, path)
        self._then = then
        w.box.observers.append(self)

    def exchanged(self, exchange: Exchange) -> None:
        if not self.done and (exchange.method, exchange.path) == self._wanted:
            self.done = True
            self._then()

    def announced(self, event: Any) -> None:
        """Of no interest."""


def path_of(w: World) -> str:
    return f"/v1/subscriptions/{w.subscription('acme')['id']}"


def told(w: World) -> list[str]:
    """The kinds of notices queued since the plan was bought, in order."""
    with w.parts.database.read() as tx:
        return list(tx.scalars(select(NoticeRow.kind).order_by(NoticeRow.seq)))[1:]


def schedule(w: World, plan: str, tier: str) -> str:
    """A change for the period's end; its id."""
    answer = w.execute("acme", w.quote("acme", plan, tier, family=TEAM), when="period_end")
    assert answer.status_code == 201, answer.json
    w.settle()
    return str(answer.json["id"])


def state_of(w: World, change: str) -> str:
    return str(w.get(f"/v1/plan-changes/{change}")["lines"][0]["state"])


# -- reads and answers that are older than they look --------------------------------------------


@pytest.mark.parametrize("kind", ["subscription", "invoice", "schedule", "customer"])
def test_an_older_read_that_lands_last_changes_nothing(w: World, kind: str):
    schedule(w, "starter", "2k")
    if kind == "invoice":
        # One that is still a draft: it moves, too.
        w.advance(seconds=MONTH)
    sub, parts = w.subscription("acme"), w.parts
    mirror = Mirror(parts.database, parts.reader, parts.catalogue, parts.clock)
    read: Callable[[], Fetched] = {
        "subscription": lambda: mirror.fetch_subscription(sub["id"]),
        "invoice": lambda: mirror.fetch_invoice(w.invoices("acme")[0]["id"]),
        "schedule": lambda: mirror.fetch_schedule(sub["schedule"]),
        "customer": lambda: mirror.fetch_customer(sub["customer"]),
    }[kind]
    early = read()
    # The card is declined, the new period begins, its invoice is open, the balance has moved.
    w.use_card(sub["customer"], DECLINED)
    w.box.advance(seconds=MONTH + 7_200)
    w.stripe(
        "POST",
        f"/v1/customers/{sub['customer']}/balance_transactions",
        amount=-500,
        currency="usd",
    )
    w.settle()
    assert mirrored.differences(w, "acme") == []
    with parts.database.write() as tx:
        assert mirror.store(tx, early) is False
    assert mirrored.differences(w, "acme") == []


def test_a_replayed_answer_is_old_news_by_the_time_it_comes(w: World):
    """The answer is lost on its way; before it is asked for again, somebody sets the plan to end.
    What Stripe then replays is from before that.
    """
    w.box.advance(seconds=10 * 86_400)
    quote = w.quote("acme", "scale", "10k", family=TEAM)
    path = path_of(w)

    def ends() -> None:
        w.stripe("POST", path, cancel_at_period_end="true")

    w.box.fail_next("POST", f"{path}$", "timeout_after")
    edited = Once(w, "POST", path, ends)
    answer = w.execute("acme", quote, when="now")
    assert edited.done
    assert (answer.status_code, answer.json["lines"][0]["state"]) == (201, "applied")
    # Also before any webhook tells.
    assert mirrored.differences(w, "acme") == []
    w.settle()
    assert mirrored.differences(w, "acme") == []
    assert w.plan("acme", TEAM) == ("scale", "10k")
    assert sorted(told(w)) == ["cancellation_set", "plan_changed"]


def test_a_subscription_cancelled_between_our_read_and_its_event(w: World):
    path = path_of(w)
    w.stripe("POST", path, cancel_at_period_end="true")
    cancelled = Once(w, "GET", path, lambda: w.stripe("DELETE", path))
    # What was read is stored although it is over by then: the event of the end is on its way.
    w.box.deliver_pending()
    w.worker.round()
    assert cancelled.done
    assert w.state("acme")["subscriptions"][0]["status"] == "active"
    w.settle()
    assert mirrored.differences(w, "acme") == []
    assert w.plan("acme", TEAM) == ("free", "100")
    assert told(w) == ["cancellation_set", "cancellation_ended"]


def test_a_subscription_read_as_cancelled_before_its_event_comes(w: World):
    path = path_of(w)
    w.stripe("POST", path, cancel_at_period_end="true")
    (earlier,) = [one for one in w.box.pending_deliveries() if one.kind.endswith("tion.updated")]
    w.stripe("DELETE", path)
    w.box.delivery.send(earlier)
    w.worker.round()
    assert mirrored.differences(w, "acme") == []
    w.settle()
    assert told(w) == ["cancellation_ended"]


def test_an_order_for_a_subscription_whose_end_nobody_has_told_of_yet(w: World):
    quote = w.quote("acme", "scale", "10k", family=TEAM)
    w.stripe("DELETE", path_of(w))
    answer = w.execute("acme", quote, when="now")
    assert answer.status_code == 409, answer.json
    w.settle()
    assert mirrored.differences(w, "acme") == []
    assert w.plan("acme", TEAM) == ("free", "100")
    # Nothing stands in the way of beginning anew.
    w.change("acme", "scale", "10k", family=TEAM)
    assert told(w) == ["cancellation_ended", "plan_changed"]


# -- a month or more in which nobody listened ---------------------------------------------------


def test_what_is_cancelled_there_before_its_first_payment_leaves_no_change_open(w: World):
    change = schedule(w, "starter", "2k")
    w.advance(seconds=MONTH)
    assert state_of(w, change) == "activating"
    w.stripe("DELETE", path_of(w))
    w.settle()
    assert state_of(w, change) == "failed"
    # Nobody tried to charge anything, so nothing failed to be paid.
    assert told(w) == ["change_scheduled", "cancellation_ended"]
    w.change("acme", "scale", "10k", family=TEAM)


def test_a_change_that_came_about_meanwhile_was_made_although_the_plan_has_ended_since(w: World):
    change = schedule(w, "starter", "2k")
    w.box.advance(seconds=2 * MONTH + 7_200)
    w.stripe("DELETE", path_of(w))
    w.settle()
    assert mirrored.differences(w, "acme") == []
    assert state_of(w, change) == "applied"
    assert sorted(told(w)) == ["cancellation_ended", "change_scheduled", "plan_changed"]


def test_the_same_when_its_first_invoice_is_heard_of_by_nobody(w: World):
    change = schedule(w, "starter", "2k")
    w.box.advance(seconds=2 * MONTH + 7_200)
    w.stripe("DELETE", path_of(w))
    for letter in w.box.pending_deliveries():
        if letter.kind.startswith("invoice."):
            w.box.delivery.lose(letter)
    w.settle()
    assert state_of(w, change) == "applied"
    assert sorted(told(w)) == ["cancellation_ended", "change_scheduled", "plan_changed"]


def test_a_change_nobody_paid_for_meanwhile_is_told_of_once(w: World):
    change = schedule(w, "starter", "2k")
    w.use_card(w.state("acme")["customer"], DECLINED)
    # Stripe has tried again for two weeks, and given up.
    w.box.advance(seconds=MONTH + 17 * 86_400)
    w.settle()
    assert w.state("acme")["subscriptions"][0]["status"] == "canceled"
    assert state_of(w, change) == "failed"
    assert sorted(told(w)) == ["activation_failed", "cancellation_ended", "change_scheduled"]


def test_an_upgrade_that_carries_units_is_heard_of_when_those_have_lapsed(w: World):
    change = schedule(w, "scale", "10k")
    w.advance(seconds=MONTH)
    w.box.advance(seconds=MONTH)
    w.settle()
    assert mirrored.differences(w, "acme") == []
    assert (state_of(w, change), w.plan("acme", TEAM)) == ("applied", ("scale", "10k"))
    (team,) = [
        family
        for family in w.get("/v1/accounts/acme/allowances")["families"]
        if family["family"] == TEAM
    ]
    assert (team["left"], [lot["kind"] for lot in team["lots"]]) == (10_000, ["grant"])


def test_an_upgrade_over_an_end_that_was_ordered_before_its_period_was_heard_of(w: World):
    # The new period has begun, and nobody has told of it yet.
    w.box.advance(seconds=MONTH)
    answer = w.execute("acme", w.quote("acme", None, family=TEAM), when="period_end")
    assert answer.json["lines"][0]["state"] == "scheduled"
    answer = w.execute("acme", w.quote("acme", "scale", "10k", family=TEAM), when="now")
    assert answer.status_code == 201, answer.json
    w.settle()
    assert w.subscription("acme")["cancel_at"] is None, "what was paid for just now must go on"
    assert mirrored.differences(w, "acme") == []


def test_free_begins_when_the_plan_ended_not_when_that_was_heard_of(database_url: str):
    with world(database_url, catalogue="choose-when") as w:
        customer = w.account("acme")
        # The end of the first is stored first, while the other still seems to go on.
        w.change("acme", "solo", "500", family="content-studio")
        w.change("acme", "growth", "5k", family=TEAM)
        w.use_card(customer, DECLINED)
        w.advance(seconds=MONTH)
        # Stripe gives both up after two weeks; that is heard of when the month is over.
        w.box.advance(seconds=MONTH)
        w.settle()
        ended = {sub["ended_at"] for sub in w.state("acme")["subscriptions"]}
        (team,) = [
            family
            for family in w.get("/v1/accounts/acme/allowances")["families"]
            if family["family"] == TEAM
        ]
        assert {lot["kind"] for lot in team["lots"]} == {"free"}
        assert {lot["starts_at"] for lot in team["lots"]} == ended


# -- a test clock -------------------------------------------------------------------------------


def test_a_test_clock_years_in_the_past_is_the_time_of_its_customer(database_url: str):
    """Billing time is that clock's: quotes, periods, due work and notices go by it, and neither
    the machine's clock nor that of other customers says anything about them.
    """
    past = START - timedelta(days=3 * 365)
    with world(database_url, catalogue="choose-when") as w:
        moment = int(past.timestamp())
        clock = w.stripe("POST", "/v1/test_helpers/test_clocks", frozen_time=moment)["id"]
        customer = w.account("acme", test_clock=clock)
        w.account("other")
        w.change("acme", "growth", "5k", family=TEAM)
        quote = w.quote("acme", "starter", "2k", family=TEAM)
        assert quote["timings"]["period_end"]["effective_at"][:10] == "2023-02-11"
        change = schedule(w, "starter", "2k")
        without_saved_method(w)
        w.use_card(customer, DECLINED)

        def waits(**by: float) -> None:
            nonlocal moment
            moment += int(timedelta(**by).total_seconds())
            path = f"/v1/test_helpers/test_clocks/{clock}/advance"
            w.stripe("POST", path, frozen_time=moment)
            w.settle()

        waits(days=31, hours=2)
        assert (state_of(w, change), w.plan("acme", TEAM)) == ("activating", ("growth", "5k"))
        assert told(w) == ["change_scheduled", "activation_failed"]
        # The grace of seven days is the customer's, whatever time it is elsewhere.
        w.advance(days=30)
        assert state_of(w, change) == "activating"
        waits(days=8)
        assert (state_of(w, change), w.plan("acme", TEAM)) == ("failed", ("free", "100"))
        assert told(w) == ["change_scheduled", "activation_failed", "cancellation_ended"]
        assert mirrored.differences(w, "acme") == []
        with w.parts.database.read() as tx:
            account = tx.scalars(select(AccountRow).where(AccountRow.ref == "acme")).one()
        assert account.balance == 0
