"""Whose an event is: ours, ours and not here yet, another deployment's, or nobody's we know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from adapter.tables import AccountRow, EventRow
from tests.support.world import World, world
from webhooks.processing import PATIENCE

pytestmark = pytest.mark.by_turns

TENANT = "metadata[planshift_tenant]"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        yield made


def customer(w: World, **metadata: str) -> str:
    made = w.stripe("POST", "/v1/customers", email="x@y.example", **metadata)
    return str(made["id"])


def moves(w: World, customer: str) -> None:
    """Something happens to the customer that is handled here."""
    balance = {"amount": -100, "currency": "usd"}
    w.stripe("POST", f"/v1/customers/{customer}/balance_transactions", **balance)
    w.settle()


def events_of(w: World, customer: str) -> list[EventRow]:
    return [
        row
        for row in w.parts.inbox.listed(None, 0, 50, customer=customer)
        if row.state != "ignored"
    ]


def asked(w: World, path: str, since: int) -> int:
    return sum(call.method == "GET" and call.path == path for call in w.calls(since))


def test_somebody_elses_customer_is_asked_for_once_and_said_to_be_foreign(w: World):
    stranger = customer(w)
    before = len(w.calls())
    for _ in range(3):
        moves(w, stranger)
    found = events_of(w, stranger)
    assert {(row.state, row.error) for row in found} == {
        ("foreign", "the customer is not an account here")
    }
    assert len(found) == 3
    assert asked(w, f"/v1/customers/{stranger}", before) == 1


def test_a_customer_of_another_deployment_is_told_apart_by_its_tag(w: World):
    theirs = customer(w, **{TENANT: "another"})
    moves(w, theirs)
    (event,) = events_of(w, theirs)
    assert (event.state, event.error) == ("foreign", "the customer belongs to tenant 'another'")


def test_a_webhook_that_beats_our_own_commit_waits_for_it(w: World):
    # As after a crash between Stripe's answer and ours: the customer is there, and tagged.
    mine = w.state("acme")["customer"]
    with w.parts.database.write() as tx:
        account = tx.scalars(select(AccountRow).where(AccountRow.ref == "acme")).one()
        account.customer_id = None
    moves(w, mine)
    (event,) = (row for row in events_of(w, mine) if row.state != "processed")
    assert (event.state, event.error) == ("pending", f"no account here has customer {mine} yet")
    # The caller puts the account again, the same customer comes back, and with it its event.
    contact = {"email": "billing@acme.example", "name": "Acme"}
    assert w.call("PUT", "/v1/accounts/acme", contact).json["customer"] == mine
    w.settle()
    assert {row.state for row in events_of(w, mine)} == {"processed"}
    assert w.state("acme")["balance"]["amount"] == -100


def test_what_waited_in_vain_is_set_aside_and_run_when_the_account_comes_after_all(w: World):
    mine = w.state("acme")["customer"]
    with w.parts.database.write() as tx:
        account = tx.scalars(select(AccountRow).where(AccountRow.ref == "acme")).one()
        account.customer_id = None
    moves(w, mine)
    with w.parts.database.write() as tx:
        now = w.parts.clock.now()
        long_ago = {"received_at": now - PATIENCE - timedelta(minutes=1), "next_at": now}
        tx.execute(update(EventRow).where(EventRow.state == "pending").values(**long_ago))
    w.settle()
    assert [row.state for row in events_of(w, mine)].count("foreign") == 1
    w.call("PUT", "/v1/accounts/acme", {"email": "billing@acme.example", "name": "Acme"})
    w.settle()
    assert {row.state for row in events_of(w, mine)} == {"processed"}
    assert w.state("acme")["balance"]["amount"] == -100


def test_a_refund_of_a_payment_of_nobody_is_nobodys(w: World):
    paid = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    intent = w.stripe("POST", "/v1/payment_intents", **paid)
    w.stripe("POST", "/v1/refunds", payment_intent=intent["id"])
    w.settle()
    refunds = w.parts.inbox.listed(None, 0, 50, kind="refund.created")
    assert [(row.state, row.error) for row in refunds] == [("foreign", "it names no customer")]
