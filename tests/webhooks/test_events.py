"""What follows from the rarer events: refunds, disputes, trials, other cards, deleted customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from adapter.gateway.snapshots import InvoiceSnapshot
from adapter.mirror import Fetched, Mirror
from adapter.tables import DueWorkRow, EventRow, IntentRow, NoticeRow
from service.doctor import examine
from tests.support.world import World, world
from webhooks.registry import HANDLED, NOT_HANDLED

pytestmark = pytest.mark.by_turns

GOOD, BAD = "pm_card_mastercard", "pm_card_chargeCustomerFail"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        made.account("acme")
        yield made


def buy(w: World) -> str:
    """An account on a paid plan; its subscription's id."""
    w.change("acme", "core", "10k")
    return str(w.subscription("acme")["id"])


def in_arrears(w: World) -> str:
    """The card stops working and the renewal fails; the open invoice's id."""
    w.use_card(w.state("acme")["customer"], BAD)
    w.advance(days=31, hours=2)
    (open_one,) = [one for one in w.invoices("acme") if one["status"] == "open"]
    return str(open_one["id"])


def later(w: World) -> None:
    """The time for which events were put off has passed."""
    with w.parts.database.write() as tx:
        pending = update(EventRow).where(EventRow.state == "pending")
        tx.execute(pending.values(next_at=w.parts.clock.now()))
    w.settle()


def told(w: World, kind: str) -> list[NoticeRow]:
    with w.parts.database.read() as tx:
        return list(tx.scalars(select(NoticeRow).where(NoticeRow.kind == kind)))


def findings(w: World) -> dict[str, str]:
    return {found.what: found.detail for found in examine(w.parts) if not found.well}


# -- money that goes back ---------------------------------------------------------------------


def test_a_refund_and_a_dispute_show_on_their_invoice_and_the_account(w: World):
    buy(w)
    customer = w.state("acme")["customer"]
    (charge,) = w.stripe("GET", "/v1/charges", customer=customer)["data"]
    w.stripe("POST", "/v1/refunds", charge=charge["id"], amount=300, reason="duplicate")
    w.settle()
    (invoice,) = w.get("/v1/accounts/acme/invoices")["data"]
    (refund,) = invoice["refunds"]
    assert (refund["amount"]["amount"], refund["status"]) == (300, "succeeded")
    assert (refund["reason"], refund["invoice"]) == ("duplicate", invoice["id"])
    assert w.state("acme")["refunds"] == [refund]
    # The next month is paid with a card whose owner denies it.
    w.use_card(customer, "pm_card_createDispute")
    w.advance(days=31, hours=2)
    (dispute,) = w.state("acme")["disputes"]
    assert (dispute["status"], dispute["reason"]) == ("needs_response", "fraudulent")
    assert dispute["invoice"] == w.invoices("acme")[0]["id"]
    assert dispute["id"] in findings(w)["disputes"]
    evidence = {"evidence[uncategorized_text]": "winning_evidence"}
    w.stripe("POST", f"/v1/disputes/{dispute['id']}", **evidence)
    w.settle()
    assert w.state("acme")["disputes"][0]["status"] == "won"
    assert "disputes" not in findings(w)


def test_events_that_name_no_customer_wait_for_the_claim_of_whose_they_are(w: World):
    buy(w)
    customer = w.state("acme")["customer"]
    (charge,) = w.stripe("GET", "/v1/charges", customer=customer)["data"]
    w.stripe("POST", "/v1/refunds", charge=charge["id"])
    w.box.deliver_pending()
    with w.parts.claims.hold(customer) as mine:
        assert mine
        w.worker.round()
        assert w.state("acme")["refunds"] == []
    later(w)
    assert len(w.state("acme")["refunds"]) == 1


# -- a card that is replaced ------------------------------------------------------------------


def test_a_replaced_card_pays_the_open_invoice_once(w: World):
    buy(w)
    invoice = in_arrears(w)
    assert w.state("acme")["subscriptions"][0]["status"] == "past_due"
    method = w.use_card(w.state("acme")["customer"], GOOD)
    assert w.state("acme")["subscriptions"][0]["status"] == "active"
    assert w.charged("acme") == [1060, 1060]
    with w.parts.database.read() as tx:
        (intent,) = tx.scalars(select(IntentRow).where(IntentRow.subject == f"retry:{invoice}"))
    assert (intent.step, intent.outcome) == (f"pay_with_{method}", "done")
    assert len(told(w, "payment_failed")) == len(told(w, "recovered")) == 1
    # The same news again moves nothing.
    for row in w.parts.inbox.listed(None, 0, 20):
        if row.state == "processed":
            w.parts.inbox.replay(row.id)
    w.settle()
    assert w.charged("acme") == [1060, 1060]


def test_a_card_that_fails_as_well_is_tried_once_and_the_one_after_it_too(w: World):
    buy(w)
    invoice = in_arrears(w)
    customer = w.state("acme")["customer"]
    w.use_card(customer, BAD)
    w.use_card(customer, GOOD)
    with w.parts.database.read() as tx:
        tried = tx.scalars(select(IntentRow).where(IntentRow.subject == f"retry:{invoice}"))
        assert [intent.outcome for intent in tried] == ["refused", "done"]
        assert {row.state for row in tx.scalars(select(DueWorkRow))} == {"done"}
    assert w.charged("acme") == [1060, 1060]
    assert len(told(w, "payment_failed")) == 1


def test_a_card_on_the_subscription_goes_before_the_customers(w: World):
    sub = buy(w)
    customer = w.state("acme")["customer"]
    bad = w.stripe("POST", f"/v1/payment_methods/{BAD}/attach", customer=customer)["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", default_payment_method=bad)
    w.settle()
    w.advance(days=31, hours=2)
    # Stripe would go on with the subscription's own card, and so do we.
    w.use_card(customer, GOOD)
    assert w.state("acme")["subscriptions"][0]["status"] == "past_due"
    good = w.stripe("POST", f"/v1/payment_methods/{GOOD}/attach", customer=customer)["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", default_payment_method=good)
    w.settle()
    assert w.state("acme")["subscriptions"][0]["status"] == "active"


def test_an_upgrade_that_waits_for_its_payment_is_not_paid_by_another_card(w: World):
    buy(w)
    customer = w.state("acme")["customer"]
    w.use_card(customer, "pm_card_threeDSecure2Required")
    change = w.execute("acme", w.quote("acme", "pro", "40k")).json
    w.settle()
    assert change["lines"][0]["state"] == "awaiting_payment"
    w.use_card(customer, GOOD)
    assert w.charged("acme") == [1060]
    assert w.get(f"/v1/plan-changes/{change['id']}")["lines"][0]["state"] == "awaiting_payment"


# -- trials -----------------------------------------------------------------------------------


def on_trial(w: World, days: int, **more: Any) -> str:
    catalogue = w.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("operations", "core", "10k", "month", "usd"))
    price = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"]
    params = {"customer": w.state("acme")["customer"], "items[0][price]": price, **more}
    made = w.stripe("POST", "/v1/subscriptions", trial_period_days=days, **params)
    w.settle()
    return str(made["id"])


def test_the_end_of_a_trial_is_told_three_days_before_and_once(w: World):
    on_trial(w, 14)
    assert told(w, "trial_ending") == []
    w.advance(days=11, hours=1)
    (notice,) = told(w, "trial_ending")
    assert (notice.state, notice.facts["chargeable"]) == ("sent", True)
    w.advance(days=1)
    assert len(told(w, "trial_ending")) == 1
    assert "Your trial of Core 10k monthly ends on 24 January 2026" in w.mail.subjects()


def test_a_trial_that_is_cut_short_or_not_gone_on_with_is_not_told_of(w: World):
    sub = on_trial(w, 14)
    # Ending it now sends the same event; there is no trial any more to tell of.
    w.stripe("POST", f"/v1/subscriptions/{sub}", trial_end="now")
    w.settle()
    other = on_trial(w, 14)
    w.stripe("POST", f"/v1/subscriptions/{other}", cancel_at_period_end="true")
    w.settle()
    w.advance(days=12)
    assert told(w, "trial_ending") == []


# -- deleted customers ------------------------------------------------------------------------


def test_a_deleted_customer_has_no_plan_and_the_way_out_is_named(w: World):
    buy(w)
    before = w.state("acme")["customer"]
    w.mock.remove("POST", "http://planshift.test/webhooks/stripe")
    w.mock.add("POST", "http://planshift.test/webhooks/stripe", status=200)
    w.stripe("DELETE", f"/v1/customers/{before}")
    events = w.stripe("GET", "/v1/events", type="customer.deleted")["data"]
    w.settle()
    w.mock.remove("POST", "http://planshift.test/webhooks/stripe")
    w.mock.add_callback("POST", "http://planshift.test/webhooks/stripe", w._webhook)
    # Only this one event of many arrives.
    w.box.delivery.resend(events[0]["id"])
    w.settle()
    state = w.state("acme")
    assert state["deleted_at_stripe"] is True
    assert state["subscriptions"][0]["status"] == "canceled"
    assert w.plan("acme") == ("free", "1k")
    body = {"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}
    for path, asked in (
        ("quotes", {"changes": [body]}),
        ("checkout-sessions", {"mode": "setup", "return_url": "https://acme.example"}),
    ):
        refused = w.call("POST", f"/v1/accounts/acme/{path}", asked)
        assert (refused.status_code, refused.json["code"]) == (409, "customer_deleted")
    assert w.call("GET", "/v1/accounts/acme/payment-methods").json["code"] == "customer_deleted"
    # The way out: a new customer for the same account.
    contact = {"email": "billing@acme.example", "name": "Acme"}
    answer = w.call("PUT", "/v1/accounts/acme", contact)
    assert answer.status_code == 200
    after = answer.json["customer"]
    assert after != before
    assert answer.json["deleted_at_stripe"] is False
    w.use_card(after, "pm_card_visa")
    w.change("acme", "core", "10k")
    assert w.plan("acme") == ("core", "10k")


# -- what a person has to see -----------------------------------------------------------------


def test_an_invoice_that_cannot_be_finalized_is_said_until_it_is(w: World):
    buy(w)
    parts = w.parts
    mirror = Mirror(parts.database, parts.reader, parts.catalogue, parts.clock)
    found = mirror.fetch_invoice(w.invoices("acme")[0]["id"])
    assert isinstance(found.snapshot, InvoiceSnapshot)
    stuck = {"id": "in_stuck", "status": "draft", "finalization_error": "The tax ID is not valid."}
    for more, said in ((stuck, True), ({**stuck, "status": "open"}, False)):
        fetched = Fetched(replace(found.snapshot, **more), parts.database.next_ticket())
        with parts.database.write() as tx:
            mirror.store(tx, fetched)
        assert ("in_stuck cannot be finalized" in findings(w).get("invoices", "")) is said


def test_what_is_sold_and_was_archived_by_hand_is_noted_until_the_next_sync(w: World):
    catalogue = w.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("operations", "core", "10k", "month", "usd"))
    price = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"]
    w.stripe("POST", f"/v1/prices/{price}", active="false")
    w.settle()
    assert "archived at Stripe" in findings(w)["prices"]
    assert 'planshift_alerts{kind="prices"} 1.0' in w.call("GET", "/metrics").text
    w.parts.catalogue_sync.run(lambda _plan: True)
    w.settle()
    assert "prices" not in findings(w)


def test_the_registry_says_of_every_event_why(w: World):
    assert not set(HANDLED) & set(NOT_HANDLED)
    customer = w.state("acme")["customer"]
    w.stripe("POST", f"/v1/payment_methods/{GOOD}/attach", customer=customer)
    w.settle()
    kinds = {row.type: row for row in w.parts.inbox.listed("ignored", 0, 100)}
    assert kinds["payment_method.attached"].error == NOT_HANDLED["payment_method.attached"]
