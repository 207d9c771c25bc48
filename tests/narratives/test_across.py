"""What holds whatever the catalogue: endings, the order of events, failed payments.

What is done at Stripe's dashboard is told in ``test_across_dashboard``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from stripe import WebhookSignature

from tests.support.sold import EACH, OPERATIONS, STUDIO, TEAM, Sold
from tests.support.world import World, world

BAD, GOOD, CHALLENGED = (
    "pm_card_chargeCustomerFail",
    "pm_card_visa",
    "pm_card_authenticationRequired",
)
TELLING = ("invoice.payment_failed", "invoice.paid", "customer.subscription.deleted")


@pytest.fixture(params=EACH, ids=str)
def sold(request: pytest.FixtureRequest) -> Sold:
    found: Sold = request.param
    return found


@pytest.fixture
def w(database_url: str, sold: Sold) -> Iterator[World]:
    with world(database_url, catalogue=sold.catalogue) as made:
        yield made


def sold_as(*sold: Sold) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sold", sold, ids=str)


def mails(w: World, words: str) -> list[Any]:
    return [mail for mail in w.mail.messages if words in str(mail["Subject"])]


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())


def status(w: World, ref: str = "acme") -> str:
    return str(w.state(ref)["subscriptions"][-1]["status"])


def uncancel(w: World) -> Any:
    answer = w.call("DELETE", "/v1/accounts/acme/cancellation")
    assert answer.status_code == 200, answer.json
    w.settle()
    return answer.json


@sold_as(OPERATIONS, TEAM)
def test_row_6_1_set_to_end_and_taken_back_as_often_as_wanted(w: World, sold: Sold):
    sold.buy(w)
    quote = sold.quote(w, None)
    end = quote["timings"]["period_end"]
    assert end["effective_at"].startswith("2026-02-10T09:00")
    assert (end["due_now"]["amount"], end["credited_to_balance"]["amount"]) == (0, 0)
    assert quote["changes"][0]["lost"]
    for count in (1, 2, 3):
        w.advance(seconds=30)
        answer = sold.order(w, None, "period_end")
        assert answer.json["lines"][0]["state"] == "scheduled"
        assert w.subscription("acme")["cancel_at"] is not None
        assert sold.plan(w) == sold.small
        assert len(mails(w, "is set to end")) == count
        if count < 3:
            keeping = w.get("/v1/accounts/acme/cancellation")
            assert keeping["plan_change"] == answer.json["id"]
            assert keeping["ends_at"].startswith("2026-02-10T09:00")
            next_invoice = keeping["if_taken_back"]["next_invoice"]
            assert next_invoice["total"]["amount"] == sold.small_price
            assert keeping["if_taken_back"]["due_now"]["amount"] == 0
            uncancel(w)
            assert w.subscription("acme")["cancel_at"] is None
            assert len(mails(w, "continues")) == count
    w.advance(days=31, hours=2)
    assert sold.plan(w) == sold.free
    assert (len(mails(w, "is set to end")), len(mails(w, "has ended"))) == (3, 1)
    assert w.charged("acme") == [sold.small_price]


@sold_as(OPERATIONS, TEAM)
def test_row_6_1_a_scheduled_switch_to_free_is_an_end_with_its_mails(w: World, sold: Sold):
    sold.buy(w)
    answer = sold.order(w, sold.free, "period_end")
    assert answer.json["lines"][0]["state"] == "scheduled"
    assert len(mails(w, "is set to end")) == 1
    w.advance(days=31, hours=2)
    change = w.get(f"/v1/plan-changes/{answer.json['id']}")
    assert change["lines"][0]["state"] == "applied"
    assert sold.plan(w) == sold.free
    assert (len(mails(w, "is set to end")), len(mails(w, "has ended"))) == (1, 1)


@sold_as(TEAM)
def test_row_6_1_taking_the_end_back_does_not_bring_back_what_it_replaced(w: World, sold: Sold):
    sold.buy(w)
    downgrade = sold.order(w, ("starter", "2k"), "period_end").json
    sold.order(w, None, "period_end")
    keeping = w.get("/v1/accounts/acme/cancellation")
    assert "do not come back" in keeping["detail"]
    # What goes on is the plan held, not the one that was scheduled.
    assert keeping["kept"]["plan"] == sold.small[0]
    assert keeping["if_taken_back"]["next_invoice"]["total"]["amount"] == 15900
    assert "do not come back" in uncancel(w)["detail"]
    nothing = w.call("GET", "/v1/accounts/acme/cancellation")
    assert (nothing.status_code, nothing.json["code"]) == (409, "not_cancelled")
    line = w.get(f"/v1/plan-changes/{downgrade['id']}")["lines"][0]
    assert line["state"] == "superseded"
    w.advance(days=31, hours=2)
    assert sold.plan(w) == sold.small
    assert w.charged("acme") == [15900, 15900]


def test_row_6_1_cancelled_now_with_a_quote_and_one_mail(w: World, sold: Sold):
    sold.buy(w)
    w.advance(days=10)
    quote = sold.quote(w, None)
    # 21 of 31 days are left: 10.60 -> 7.18, 159.00 -> 107.71, 29.00 -> 19.65
    credit = {"operations": 718, "virtual-team": 10771, "workspace": 1965}[sold.family]
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == credit
    assert quote["changes"][0]["lost"]
    answer = w.execute("acme", quote, when="now")
    w.settle()
    assert (answer.status_code, answer.json["lines"][0]["drift"]) == (201, None)
    assert sold.plan(w) == sold.free
    assert w.balance_moves("acme") == [-credit]
    assert w.charged("acme") == [sold.small_price]
    assert (len(mails(w, "is set to end")), len(mails(w, "has ended"))) == (0, 1)


def test_row_6_2_events_count_whatever_their_order_and_number(w: World, sold: Sold):
    # Each catalogue has its own two of the six orders; the soak plays all of them on all.
    share = slice(None) if os.environ.get("SOAK") else slice(EACH.index(sold), None, len(EACH))
    orders = list(permutations(TELLING))[share]
    refs = [f"acme-{number}" for number in range(len(orders))]
    customers = {ref: sold.buy(w, ref) for ref in refs}
    for customer in customers.values():
        w.use_card(customer, BAD)
    # A month passes: the renewal fails, is paid, and the plan is cancelled. Nothing is delivered.
    w.mock.remove("POST", "http://planshift.test/webhooks/stripe")
    w.mock.add("POST", "http://planshift.test/webhooks/stripe", status=200)
    w.box.advance(seconds=31 * 86_400 + 7_200)
    for ref, customer in customers.items():
        invoice = w.invoices(ref)[0]["id"]
        card = w.stripe("POST", f"/v1/payment_methods/{GOOD}/attach", customer=customer)["id"]
        w.stripe("POST", f"/v1/invoices/{invoice}/pay", payment_method=card)
        w.stripe("DELETE", f"/v1/subscriptions/{w.subscription(ref)['id']}")
    w.settle()
    assert {sold.plan(w, ref) for ref in refs} == {sold.small}
    told = {(customer_of(event), event["type"]): event for event in events(w)}
    for ref, order in zip(refs, orders, strict=True):
        for kind in order:
            # Each was lost at first, and comes twice now.
            for _ in range(2):
                deliver(w, told[customers[ref], kind])
            w.settle()
        assert sold.plan(w, ref) == sold.free, order
        assert status(w, ref) == "canceled", order
        known = w.get(f"/v1/accounts/{ref}/invoices")["data"]
        assert [one["status"] for one in known] == ["paid", "paid"], order
    assert len(mails(w, "has ended")) == len(orders)


def events(w: World) -> Iterator[Any]:
    for kind in TELLING:
        yield from w.stripe("GET", "/v1/events", type=kind, limit=100)["data"]


def customer_of(event: Any) -> str:
    return str(event["data"]["object"]["customer"])


def deliver(w: World, event: Any) -> None:
    """One delivery, signed as Stripe signs."""
    body = json.dumps(event)
    secret = w.parts.edge.secrets[-1]
    header = WebhookSignature.generate_signature_header(body, secret, int(time.time()))
    answer = w.app.test_client().post(
        "/webhooks/stripe", data=body, headers={"Stripe-Signature": header}
    )
    assert answer.status_code == 200, answer.json


@sold_as(*EACH, STUDIO)
def test_row_6_3_a_failed_renewal_is_told_paid_at_the_link_and_one_day_given_up(
    w: World, sold: Sold
):
    customer = sold.buy(w)
    w.use_card(customer, BAD)
    w.advance(days=31, hours=2)
    assert (status(w), sold.plan(w)) == ("past_due", sold.small)
    (mail,) = mails(w, "did not go through")
    link = w.get("/v1/accounts/acme/invoices")["data"][0]["pay_url"]
    assert link in text_of(mail)
    # The customer follows the link and pays with another card.
    assert f"{sold.small_price / 100:.2f}" in w.visit(link).text
    assert w.visit(link, card="pm_card_mastercard").status_code == 303
    assert (status(w), sold.plan(w)) == ("active", sold.small)
    assert w.charged("acme") == [sold.small_price] * 2
    assert "open payment is settled" in " ".join(text_of(w.mail.messages[-1]).split())
    # A month later nobody pays: Stripe tries again after 3, 5 and 7 days, then gives up.
    w.advance(days=28, hours=2)
    assert (status(w), sold.plan(w)) == ("past_due", sold.small)
    for days in (3, 5, 7):
        w.advance(days=days)
    assert (status(w), sold.plan(w)) == ("canceled", sold.free)
    # Once for the first month; then for the first try and each that followed.
    assert len(mails(w, "did not go through")) == 1 + 4
    assert len(mails(w, "has ended")) == 1
    assert w.charged("acme") == [sold.small_price] * 2


def test_row_6_4_no_payment_that_fails_leaves_an_upgrade_applied(w: World, sold: Sold):
    customer = sold.buy(w)

    def still_as_before() -> None:
        assert sold.plan(w) == sold.small
        (item,) = w.subscription("acme")["items"]["data"]
        assert item["price"]["unit_amount"] == sold.small_price
        assert w.charged("acme") == [sold.small_price]
        assert status(w) == "active"

    def state_of(answer: Any) -> str:
        return str(w.get(f"/v1/plan-changes/{answer.json['id']}")["lines"][0]["state"])

    w.use_card(customer, BAD)
    assert sold.order(w, sold.large).status_code == 402
    still_as_before()
    # The bank's challenge is failed, and the change is given up.
    w.use_card(customer, CHALLENGED)
    answer = sold.order(w, sold.large)
    assert (answer.status_code, state_of(answer)) == (202, "awaiting_payment")
    invoice = w.invoices("acme")[0]["id"]
    payment = w.stripe("GET", "/v1/invoice_payments", invoice=invoice)["data"][0]["payment"]
    w.box.authenticate(payment["payment_intent"], succeed=False)
    w.settle()
    still_as_before()
    assert w.call("POST", f"/v1/plan-changes/{answer.json['id']}/cancel").status_code == 200
    w.settle()
    assert state_of(answer) == "cancelled"
    still_as_before()
    # The challenge is never answered.
    answer = sold.order(w, sold.large)
    assert answer.status_code == 202
    w.advance(days=1)
    assert state_of(answer) == "expired"
    still_as_before()
    # A bank debit that is under way for days and then fails.
    debit = {"type": "sepa_debit", "sepa_debit[iban]": "AT861904300235473202"}
    method = w.stripe("POST", "/v1/payment_methods", **debit)["id"]
    w.stripe("POST", f"/v1/payment_methods/{method}/attach", customer=customer)
    default = {"invoice_settings[default_payment_method]": method}
    w.stripe("POST", f"/v1/customers/{customer}", **default)
    w.settle()
    answer = sold.order(w, sold.large)
    assert answer.status_code == 202, answer.json
    still_as_before()
    w.advance(days=6)
    assert state_of(answer) in ("failed", "expired")
    still_as_before()
    assert mails(w, "has ended") == []
