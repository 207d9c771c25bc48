"""What a change costs with a coupon, a quantity, a balance, or a payment that fails.

Cases that other systems got wrong; docs/adr/004-plan-change-cases.md says which is which.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.changes import edit, line_of
from tests.support.teams import GROWTH, SCALE, STARTER, TEAM, newest, order, refused
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        made.account("acme")
        yield made


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[World]:
    """For stories in which the database has no part."""
    with world(sqlite_url, catalogue="choose-when") as made:
        made.account("acme")
        yield made


def test_a_coupon_stays_across_an_upgrade_with_time_credit(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    coupon = w.stripe("POST", "/v1/coupons", percent_off="50", duration="forever")["id"]
    edit(w, **{"discounts[0][coupon]": coupon})
    w.advance(days=31, hours=2)
    assert newest(w) == ("paid", 7_950, 7_950)
    w.advance(days=14)
    quote = w.quote("acme", *SCALE, family=TEAM)
    total = quote["timings"]["now"]["total"]["amount"]
    # What was paid is credited, not the list price: of February's 28 days 13 days, 22 hours and 5
    # seconds are left, 79.50 x 0.49703 = 39.51. The new price is halved: 224.50 - 39.51.
    assert total == 18_499
    assert w.execute("acme", quote, when="now").status_code == 201
    w.settle()
    assert newest(w) == ("paid", total, total)
    # The coupon is deleted: whoever has its discount keeps it, through a schedule too.
    w.stripe("DELETE", f"/v1/coupons/{coupon}")
    order(w, "period_end", *STARTER)
    w.advance(days=31, hours=2)
    assert newest(w) == ("paid", 2_250, 2_250)


def test_the_same_plan_in_another_quantity_is_a_change_like_any_other(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    quote = w.quote("acme", *GROWTH, family=TEAM, quantity=3)
    assert quote["changes"][0]["direction"] == "upgrade"
    assert refused(w, *GROWTH, quantity=1)["code"] == "already_on_offer"
    w.advance(days=10)
    # 3 x 159.00 less 21/31 of one: 477.00 - 107.71 = 369.29.
    order(w, "now", *GROWTH, quantity=3)
    assert newest(w) == ("paid", 36_929, 36_929)
    down = order(w, "period_end", *GROWTH, quantity=2)
    assert w.subscription("acme")["items"]["data"][0]["quantity"] == 3
    w.advance(days=31, hours=2)
    assert line_of(w, down)["state"] == "applied"
    assert w.subscription("acme")["items"]["data"][0]["quantity"] == 2
    assert newest(w) == ("paid", 31_800, 31_800)


def test_a_first_period_that_the_balance_pays_is_applied_without_a_charge(lite: World):
    w = lite
    customer = w.state("acme")["customer"]
    order(w, "now", *GROWTH)
    change = order(w, "period_end", *STARTER)
    w.stripe(
        "POST",
        f"/v1/customers/{customer}/balance_transactions",
        amount="-10000",
        currency="usd",
    )
    w.advance(days=31, hours=2)
    assert (line_of(w, change)["state"], newest(w)) == ("applied", ("paid", 4_500, 0))
    assert w.charged("acme") == [15_900]


def test_the_currency_of_an_account_is_its_currency_for_good(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    told = refused(w, *SCALE, currency="eur")
    assert (told["code"], told["rule"]) == ("not_offered", "currency-is-fixed")
    # And what is not sold in any other is not quoted in one.
    assert refused(w, *SCALE, currency="gbp")["path"] == "changes[0].currency"


def test_a_declined_upgrade_is_not_the_renewal_and_a_new_card_is_asked_anew(lite: World):
    w = lite
    customer = w.state("acme")["customer"]
    order(w, "now", *GROWTH)
    w.use_card(customer, "pm_card_chargeCustomerFail")
    declined = w.execute("acme", w.quote("acme", *SCALE, family=TEAM), when="now")
    assert declined.status_code == 402
    w.settle()
    assert w.state("acme")["subscriptions"][0]["status"] == "active"
    w.use_card(customer, "pm_card_visa")
    order(w, "now", *SCALE)
    assert w.plan("acme", TEAM) == SCALE


def test_while_money_is_owed_nothing_is_changed_and_the_way_to_pay_is_named(lite: World):
    w = lite
    customer = w.state("acme")["customer"]
    order(w, "now", *GROWTH)
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.advance(days=31, hours=2)
    assert w.state("acme")["subscriptions"][0]["status"] == "past_due"
    for offer in (SCALE, STARTER):
        told = refused(w, *offer)
        assert told["code"] == "payment_outstanding"
        assert told["payment_url"] == w.invoices("acme")[0]["hosted_invoice_url"]
    # An end stays possible, now or later, and pays nothing back.
    quote = w.quote("acme", None, family=TEAM)
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    # A card that works pays what is owed, and then everything is possible again.
    w.use_card(customer, "pm_card_visa")
    order(w, "now", *SCALE)
