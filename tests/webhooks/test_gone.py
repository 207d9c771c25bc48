"""Objects that are gone at Stripe, and answers that only look like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
import stripe
from sqlalchemy import select

from adapter.gateway.client import StripeTime
from adapter.gateway.failures import GatewayFailure, Gone, Refused
from adapter.gateway.gone import GONE
from adapter.gateway.read import Reader
from adapter.mirror import Mirror
from adapter.tables import CheckoutRow, EventRow
from adapter.tombstones import Absent
from tests.support.world import API, World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        made.change("acme", "core", "10k")
        yield made


OTHER_MODE = "; a similar object exists in live mode, but a test mode key was used."
MISSING = {
    "type": "invalid_request_error",
    "code": "resource_missing",
    "message": "No such subscription: 'sub_1'",
    "param": "id",
}


def asked(error: Any, status: int) -> GatewayFailure:
    """What asking for a subscription raises when Stripe answers with this error."""
    time = StripeTime(lambda: datetime.now(UTC))
    client = stripe.StripeClient("sk_test_planshift_tests")
    with responses.RequestsMock() as mock:
        mock.add("GET", f"{API}/v1/subscriptions/sub_1", json={"error": error}, status=status)
        with pytest.raises(GatewayFailure) as caught:
            Reader(client, time).subscription("sub_1")
    return caught.value


def test_only_a_missing_object_that_the_path_names_is_gone():
    assert isinstance(asked(MISSING, 404), Gone)
    by_its_own_word = {**MISSING, "param": "subscription_exposed_id"}
    assert isinstance(asked(by_its_own_word, 404), Gone)
    for status, unlike in (
        (404, {"param": "customer"}),
        (404, {"param": None}),
        (404, {"code": None}),
        (404, {"code": "account_invalid"}),
        (404, {"message": MISSING["message"] + OTHER_MODE}),
        (400, {}),
    ):
        failure = asked({**MISSING, **unlike}, status)
        assert type(failure) is Refused, unlike


def lose(w: World, family: str, identifier: str) -> None:
    """As if all test data had been deleted: Stripe knows of it no more."""
    with w.box.world.store.transaction():
        w.box.world.store.remove(family, identifier)


def failing(w: World, failure: Exception, *of: str) -> Callable[[], None]:
    """Stripe answers with ``failure`` when it is asked for one of these subscriptions; gives what
    ends that.
    """
    read: dict[str, Any] = w.parts.processing._mirror._read
    real = read["subscription"]

    def fails(subscription: str) -> Any:
        if subscription in of:
            raise failure
        return real(subscription)

    read["subscription"] = fails
    return lambda: read.__setitem__("subscription", real)


def test_every_kind_that_is_fetched_says_how_it_can_be_gone(w: World):
    for kind, absence in GONE.items():
        assert "id" in absence.params
        assert absence.why, kind
    with pytest.raises(Gone):
        w.parts.reader.invoice("in_unknown")


def test_a_key_of_the_other_mode_ends_no_plan_and_waits_for_a_person(w: World):
    sub = w.subscription("acme")["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", **{"metadata[a]": "b"})
    mended = failing(w, asked({**MISSING, "message": f"No such sub{OTHER_MODE}"}, 404), sub)
    w.settle()
    assert w.plan("acme") == ("core", "10k")
    (dead,) = w.parts.inbox.listed("dead", 0, 10)
    assert "live mode" in str(dead.error)
    assert "Traceback" in str(dead.traceback)
    mended()
    assert w.parts.inbox.replay_all("dead", kind="customer.subscription.updated") == 1
    w.settle()
    assert w.parts.inbox.find(dead.id).state == "processed"


def mirror(w: World) -> Mirror:
    return Mirror(w.parts.database, w.parts.reader, w.parts.catalogue, w.parts.clock)


def bury(w: World, absent: Absent) -> bool:
    with w.parts.database.write() as tx:
        return mirror(w).bury(tx, absent, w.parts.reader.time.now())


def test_a_subscription_that_is_gone_ends_its_plan_as_any_end_does(w: World):
    sub = w.subscription("acme")["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", **{"metadata[a]": "b"})
    lose(w, "subscription", sub)
    w.settle()
    (row,) = w.state("acme")["subscriptions"]
    assert (row["status"], row["gone_at_stripe"]) == ("canceled", True)
    assert w.plan("acme") == ("free", "1k")
    assert w.mail.subjects()[-1] == "Your subscription to Core 10k monthly has ended"
    gone = [event for event in listed(w) if event.error == "gone at Stripe"]
    assert {event.state for event in gone} == {"processed"}


def listed(w: World) -> list[EventRow]:
    return w.parts.inbox.listed(None, 0, 100)


def test_an_absence_that_was_seen_before_a_younger_read_says_nothing(w: World):
    sub = w.subscription("acme")["id"]
    early = Absent("subscription", sub, w.parts.database.next_ticket())
    mirror(w).refresh_subscription(sub)
    assert bury(w, early) is False
    assert w.plan("acme") == ("core", "10k")


def test_a_draft_that_was_deleted_is_not_waited_for(w: World):
    customer = w.state("acme")["customer"]
    draft = w.stripe("POST", "/v1/invoices", customer=customer)["id"]
    fetched = mirror(w).refresh_invoice(draft)
    assert fetched.status == "draft"
    w.stripe("DELETE", f"/v1/invoices/{draft}")
    w.settle()
    shown = {one["id"]: one for one in w.get("/v1/accounts/acme/invoices")["data"]}
    assert (shown[draft]["status"], shown[draft]["gone_at_stripe"]) == ("void", True)


def test_a_schedule_and_a_page_that_are_gone_end_too(w: World):
    w.execute("acme", w.quote("acme", None), when="period_end")
    sub = w.subscription("acme")["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="false")
    made = w.stripe("POST", "/v1/subscription_schedules", from_subscription=sub)["id"]
    w.settle()
    assert w.state("acme")["subscriptions"][0]["schedule"]["id"] == made
    assert bury(w, Absent("schedule", made, w.parts.database.next_ticket()))
    assert w.state("acme")["subscriptions"][0]["schedule"] is None
    body = {"mode": "setup", "return_url": "https://acme.example"}
    page = w.call("POST", "/v1/accounts/acme/checkout-sessions", body).json
    with w.parts.database.read() as tx:
        row = tx.scalars(select(CheckoutRow).where(CheckoutRow.session_id == page["id"])).one()
    w.stripe("POST", f"/v1/checkout/sessions/{row.session_id}/expire")
    lose(w, "checkout.session", str(row.session_id))
    w.settle()
    with w.parts.database.read() as tx:
        assert tx.get_one(CheckoutRow, row.seq).state == "expired"


def test_one_customers_failure_delays_nobody_else(w: World):
    w.account("globex")
    w.change("globex", "core", "10k")
    ours, theirs = w.subscription("acme")["id"], w.subscription("globex")["id"]
    mended = failing(w, ValueError("nobody has seen such an answer"), ours)
    for sub in (ours, theirs):
        w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="true")
    w.settle()
    assert w.state("globex")["subscriptions"][0]["cancel_at"] is not None
    assert w.state("acme")["subscriptions"][0]["cancel_at"] is None
    (dead,) = w.parts.inbox.listed("dead", 0, 10, customer=w.state("acme")["customer"])
    document = w.get(f"/v1/events/{dead.id}")
    assert (document["state"], "Traceback" in document["traceback"]) == ("dead", True)
    dead_ones = w.get("/v1/events?state=dead&type=customer.subscription.updated")["data"]
    assert [one["id"] for one in dead_ones] == [dead.id]
    mended()
    assert w.call("POST", f"/v1/events/{dead.id}/replay").status_code == 202
    w.settle()
    assert w.state("acme")["subscriptions"][0]["cancel_at"] is not None
