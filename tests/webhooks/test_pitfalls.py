"""Shapes and sequences at which other systems have failed; each is a line of docs/adr/008."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapter.gateway.snapshots import InvoiceSnapshot
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

INVOICE: dict[str, Any] = {
    "id": "in_1",
    "customer": {"id": "cus_1", "object": "customer"},
    "parent": None,
    "status": "paid",
    "currency": "usd",
    "subtotal": 0,
    "total": 0,
    "amount_due": 0,
    "amount_paid": 0,
    "amount_remaining": 0,
    "starting_balance": 0,
    "attempt_count": 0,
    "attempted": True,
    "created": 1_760_000_000,
    "lines": {"object": "list", "data": [], "has_more": False},
}


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        yield made


def replay_everything(w: World) -> None:
    """Every event of the past comes once more, the newest first."""
    for state in ("processed", "foreign"):
        w.parts.inbox.replay_all(state)
    w.settle()


def test_an_invoice_of_nothing_without_lines_or_parent_is_read_as_it_is():
    snapshot = InvoiceSnapshot.of(INVOICE)
    assert (snapshot.customer, snapshot.subscription, snapshot.lines) == ("cus_1", None, ())
    quoted = {"type": "quote_details", "quote_details": {"quote": "qt_1"}}
    assert InvoiceSnapshot.of({**INVOICE, "parent": quoted}).subscription is None
    details = {"subscription": {"id": "sub_1", "object": "subscription"}}
    billed = {"type": "subscription_details", "subscription_details": details}
    assert InvoiceSnapshot.of({**INVOICE, "parent": billed}).subscription == "sub_1"


def test_an_invoice_somebody_makes_by_hand_is_shown_and_moves_nothing(w: World):
    customer = w.state("acme")["customer"]
    w.change("acme", "core", "10k")
    item = {"customer": customer, "amount": 700, "currency": "usd"}
    empty = w.stripe("POST", "/v1/invoices", customer=customer)["id"]
    w.stripe("POST", f"/v1/invoices/{empty}/finalize")
    w.stripe("POST", "/v1/invoiceitems", **item)
    billed = {"customer": customer, "pending_invoice_items_behavior": "include"}
    full = w.stripe("POST", "/v1/invoices", **billed)["id"]
    w.stripe("POST", f"/v1/invoices/{full}/pay")
    w.settle()
    shown = {one["id"]: one for one in w.get("/v1/accounts/acme/invoices")["data"]}
    assert (shown[empty]["lines"], shown[empty]["subscription"]) == ([], None)
    assert (shown[full]["status"], shown[full]["total"]["amount"]) == ("paid", 700)
    assert w.plan("acme") == ("core", "10k")
    assert w.parts.inbox.counts().get("dead", 0) == 0


def test_the_end_of_an_old_subscription_leaves_the_new_one_alone(w: World):
    w.change("acme", "core", "10k")
    old = w.subscription("acme")["id"]
    assert w.call("POST", "/v1/accounts/acme/cancellation", {"when": "now"}).status_code == 201
    w.settle()
    w.change("acme", "pro", "40k")
    replay_everything(w)
    assert w.plan("acme") == ("pro", "40k")
    rows = {row["id"]: row for row in w.state("acme")["subscriptions"]}
    assert rows.pop(old)["status"] == "canceled"
    assert [row["status"] for row in rows.values()] == ["active"]


def test_the_dates_of_an_end_are_stripes_and_a_trial_does_not_outlive_it(w: World):
    catalogue = w.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("operations", "core", "10k", "month", "usd"))
    price = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"]
    params = {"customer": w.state("acme")["customer"], "items[0][price]": price}
    sub = w.stripe("POST", "/v1/subscriptions", trial_period_days=14, **params)["id"]
    w.settle()
    # The trial is paid with an invoice of nothing: the plan is in force, and nobody gets a receipt.
    assert w.plan("acme") == ("core", "10k")
    assert (w.charged("acme"), w.mail.subjects()) == ([], [])
    w.advance(days=2)
    ended = w.stripe("DELETE", f"/v1/subscriptions/{sub}")
    w.settle()
    (row,) = w.state("acme")["subscriptions"]
    assert row["ended_at"] == datetime.fromtimestamp(ended["ended_at"], UTC).isoformat()
    assert row["trial_end"] > row["ended_at"]
    assert w.plan("acme") == ("free", "1k")


def test_an_older_invoice_that_is_paid_does_not_make_a_subscription_active(w: World):
    w.change("acme", "core", "10k")
    customer = w.state("acme")["customer"]
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.advance(days=31, hours=2)
    first = w.invoices("acme")[0]["id"]
    sub = w.subscription("acme")
    items = {"items[0][id]": sub["items"]["data"][0]["id"], "items[0][quantity]": 3}
    more = {"proration_behavior": "always_invoice", "payment_behavior": "allow_incomplete"}
    w.stripe("POST", f"/v1/subscriptions/{sub['id']}", **items, **more)
    w.settle()
    card = w.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    w.stripe("POST", f"/v1/invoices/{first}/pay", payment_method=card)
    w.settle()
    here = w.state("acme")["subscriptions"][0]["status"]
    assert here == w.subscription("acme")["status"]


def test_an_item_that_was_taken_off_stays_known_for_the_invoice_that_names_it(w: World):
    w.change("acme", "core", "10k")
    before = w.get("/v1/accounts/acme/invoices")["data"][0]
    sub = w.subscription("acme")
    old = sub["items"]["data"][0]["id"]
    catalogue = w.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("operations", "pro", "40k", "month", "usd"))
    price = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"]
    swap = {"items[0][id]": old, "items[0][deleted]": "true", "items[1][price]": price}
    w.stripe("POST", f"/v1/subscriptions/{sub['id']}", **swap)
    w.settle()
    assert w.plan("acme") == ("pro", "40k")
    replay_everything(w)
    after = {one["id"]: one for one in w.get("/v1/accounts/acme/invoices")["data"]}
    assert after[before["id"]]["lines"] == before["lines"]


def test_an_event_without_an_id_fetches_what_it_names(w: World):
    w.change("acme", "core", "10k")
    sub = w.subscription("acme")["id"]
    before = len(w.calls())
    w.advance(days=27)
    upcoming = w.parts.inbox.listed(None, 0, 5, kind="invoice.upcoming")
    assert [(row.object_id, row.subscription_id, row.state) for row in upcoming] == [
        (None, sub, "processed")
    ]
    assert [call.path for call in w.calls(before) if call.method == "GET"] == [
        f"/v1/subscriptions/{sub}"
    ]
