"""The mirror: an older read never overwrites a younger one, and effects come once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from adapter.mirror import Fetched, Mirror
from adapter.tables import AccountRow, EventRow, InvoiceRow, NoticeRow, SubscriptionRow
from tests.support.world import World, world


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        made.change("acme", "core", "10k")
        yield made


@pytest.fixture
def mirror(w: World) -> Mirror:
    parts = w.parts
    return Mirror(parts.database, parts.reader, parts.catalogue, parts.clock)


def store(w: World, mirror: Mirror, fetched: Fetched) -> bool:
    with w.parts.database.write() as tx:
        return mirror.store(tx, fetched)


def notices(w: World) -> list[str]:
    with w.parts.database.read() as tx:
        return list(tx.scalars(select(NoticeRow.kind).order_by(NoticeRow.seq)))


def test_a_read_that_began_earlier_and_lands_later_changes_nothing(w: World, mirror: Mirror):
    sub = w.subscription("acme")["id"]
    early = mirror.fetch_subscription(sub)
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="true")
    late = mirror.fetch_subscription(sub)
    assert store(w, mirror, late) is True
    assert store(w, mirror, early) is False
    with w.parts.database.read() as tx:
        assert tx.get_one(SubscriptionRow, sub).cancel_at is not None


def test_the_same_movement_seen_twice_is_told_once(w: World, mirror: Mirror):
    sub = w.subscription("acme")["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="true")
    for _ in range(3):
        store(w, mirror, mirror.fetch_subscription(sub))
    w.settle()
    assert notices(w).count("cancellation_set") == 1


def test_a_plan_changed_in_the_dashboard_shows_up_as_plan_and_tier(w: World):
    sub = w.subscription("acme")
    price = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key_of(w, "pro", "40k")})["data"][0]
    items = {"items[0][id]": sub["items"]["data"][0]["id"], "items[0][price]": price["id"]}
    w.stripe("POST", f"/v1/subscriptions/{sub['id']}", **items)
    w.settle()
    assert w.plan("acme") == ("pro", "40k")


def test_an_unknown_price_is_reported_and_never_guessed(w: World):
    sub = w.subscription("acme")
    product = w.stripe("POST", "/v1/products", name="Something else")["id"]
    price = w.stripe(
        "POST",
        "/v1/prices",
        product=product,
        unit_amount=500,
        currency="usd",
        **{"recurring[interval]": "month"},
    )
    items = {"items[0][id]": sub["items"]["data"][0]["id"], "items[0][price]": price["id"]}
    w.stripe("POST", f"/v1/subscriptions/{sub['id']}", **items)
    w.settle()
    line = w.state("acme")["subscriptions"][0]["lines"][0]
    assert (line["plan"], line["price"]) == (None, price["id"])
    assert line["unknown_price"]
    body = {"family": "operations", "plan": "pro", "tier": "40k", "interval": "month"}
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
    assert (answer.status_code, answer.json["code"]) == (409, "unknown_price")


def test_events_in_reverse_and_twice_end_in_stripes_state(w: World):
    w.advance(days=10)
    sub = w.subscription("acme")["id"]
    for params in ({"cancel_at_period_end": "true"}, {"cancel_at_period_end": "false"}):
        w.stripe("POST", f"/v1/subscriptions/{sub}", **params)
    w.settle()
    with w.parts.database.write() as tx:
        rows = list(tx.scalars(select(EventRow).where(EventRow.state == "processed")))
        for order, row in enumerate(reversed(rows)):
            row.state, row.attempts = "pending", order * 0
    w.settle()
    state = w.state("acme")["subscriptions"][0]
    assert (state["status"], state["cancel_at"]) == ("active", None)


def test_a_customer_nobody_here_knows_is_foreign(w: World):
    w.stripe("POST", "/v1/customers", email="x@y.example")
    stranger = w.stripe("GET", "/v1/customers", limit=1)["data"][0]["id"]
    w.stripe("POST", f"/v1/customers/{stranger}", name="Stranger")
    w.settle()
    assert w.parts.inbox.counts()["foreign"] >= 1


def test_money_is_kept_in_minor_units_with_stripes_own_lines(w: World):
    with w.parts.database.read() as tx:
        (invoice,) = tx.scalars(select(InvoiceRow))
        account = tx.scalars(select(AccountRow)).one()
    assert (invoice.total, invoice.currency, account.currency) == (1060, "usd", "usd")
    assert [line["amount"] for line in invoice.lines] == [1060]


def key_of(w: World, plan: str, tier: str) -> str:
    catalogue = w.parts.catalogue
    return catalogue.lookup_key(catalogue.offer("operations", plan, tier, "month", "usd"))
