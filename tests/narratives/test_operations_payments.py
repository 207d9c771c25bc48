"""``operations``: what is paid for a change or a pack, less what was not used, and how.

Up pays back on the same bill what was not used. Accounts begin on 10 January 2026 at 09:00.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.pages.visitor import Visitor
from tests.support.buying import buy, session_of, without_saved_method
from tests.support.changes import line_of
from tests.support.operations import (
    begins,
    by_kind,
    executes,
    left,
    lines,
    money,
    passes_challenge,
    standing,
)
from tests.support.world import World, world

BACK = "https://acme.example/billing"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def test_row_5_3_unused_operations_become_money_off_the_same_payment(w: World):
    begins(w, "core", "150k")
    assert buy(w, pack="extra-10k").status_code == 201
    w.settle()
    w.advance(days=3)
    quote = w.quote("acme", "pro", "300k")
    credit = quote["changes"][0]["allowance_credit"]
    # 113.85 / 150,000 = 0.000759 each; 160,000 x 0.000759 = 121.44.
    assert credit["units"] == 150_000 + 10_000
    assert credit["price_per_unit"] == "0.000759"
    assert credit["worth"]["text"] == "121.44 USD"
    # 358.00 - 121.44 = 236.56.
    assert money(quote) == (12144, 23656, 23656)
    executes(w, quote)
    assert lines(w.invoices("acme")[0])[0] == ("Unused operations", -12144)
    assert w.charged("acme") == [11385, 1380, 23656]
    assert w.balance_moves("acme") == []
    # They are money now, so they are not carried over as well.
    assert (by_kind(w), standing(w)["used"]) == ({"grant": 300_000}, 0)
    assert w.mail.subjects()[-1] == "You are now on Pro 300k monthly"


def test_row_5_4_the_credit_never_exceeds_the_bill_and_the_rest_is_not_paid_out(w: World):
    begins(w, "core", "150k")
    quote = w.quote("acme", "pro", "10k")
    # Worth 113.85; the bill is 18.80.
    assert quote["changes"][0]["allowance_credit"]["worth"]["amount"] == 11385
    assert money(quote) == (1880, 0, 0)
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    executes(w, quote)
    assert lines(w.invoices("acme")[0])[0] == ("Unused operations", -1880)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([11385], [])
    assert (w.plan("acme"), left(w)) == (("pro", "10k"), 10_000)


def test_row_5_4_a_coupon_lowers_the_bill_and_not_the_credit(w: World):
    begins(w, "core", "10k")
    half = w.stripe("POST", "/v1/coupons", percent_off=50, duration="forever")["id"]
    subscription = f"/v1/subscriptions/{w.subscription('acme')['id']}"
    w.stripe("POST", subscription, **{"discounts[0][coupon]": half})
    w.settle()
    quote = w.quote("acme", "pro", "40k")
    # Half of 60.40, less 10.60.
    assert money(quote) == (1060, 3020 - 1060, 3020 - 1060)
    executes(w, quote)
    small = w.quote("acme", "teams", "10k")
    # 40,000 at 0.00151 are worth 60.40; of 34.10 half is due, and no more is credited.
    assert money(small) == (1705, 0, 0)
    executes(w, small)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([1060, 1960], [])


@pytest.mark.parametrize(("inclusive", "due"), [(False, 5976), (True, 4980)])
def test_row_5_4_tax_is_of_what_the_credit_leaves(w: World, inclusive: bool, due: int):
    begins(w, "core", "10k")
    kind = {"display_name": "VAT", "percentage": "20", "inclusive": str(inclusive).lower()}
    rate = w.stripe("POST", "/v1/tax_rates", **kind)["id"]
    subscription = f"/v1/subscriptions/{w.subscription('acme')['id']}"
    w.stripe("POST", subscription, **{"default_tax_rates[0]": rate})
    w.settle()
    quote = w.quote("acme", "pro", "40k")
    # 60.40 - 10.60 = 49.80; a fifth on top makes 59.76, or is in it already.
    assert money(quote) == (1060, due, due)
    executes(w, quote)
    small = w.quote("acme", "teams", "10k")
    # The credit is capped by the price as it stands in the catalogue; no tax is left to pay.
    assert money(small) == (3410, 0, 0)
    executes(w, small)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([1060, due], [])


def test_row_5_9_a_payment_that_needs_3d_secure_carries_the_link(w: World):
    customer = begins(w, "core", "10k")
    w.use_card(customer, "pm_card_authenticationRequired")
    answer = w.execute("acme", w.quote("acme", "pro", "40k"))
    assert answer.status_code == 202, answer.json
    (line,) = answer.json["lines"]
    assert (line["state"], line["payment_url"] is not None) == ("awaiting_payment", True)
    w.settle()
    assert (w.plan("acme"), left(w)) == (("core", "10k"), 10_000)
    assert line["payment_url"] in w.mail.messages[-1].get_body(("plain",)).get_content()
    passes_challenge(w)
    assert line_of(w, answer.json)["state"] == "applied"
    assert (w.plan("acme"), left(w)) == (("pro", "40k"), 40_000)
    assert w.charged("acme") == [1060, 4980]
    assert w.mail.subjects()[-1] == "You are now on Pro 40k monthly"


def test_row_5_9_without_a_saved_method_there_is_a_page(w: World):
    w.account("acme", card=None)
    answer = w.execute("acme", w.quote("acme", "core", "10k"), return_url=BACK)
    assert answer.status_code == 202, answer.json
    assert answer.json["lines"][0]["payment_url"] == session_of(w)["url"]
    assert w.plan("acme") == ("free", "1k")
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert (w.plan("acme"), line_of(w, answer.json)["state"]) == (("core", "10k"), "applied")
    assert w.mail.subjects()[-1] == "You are now on Core 10k monthly"
    # An upgrade saves a method at a page first, and is then charged to it as it was quoted.
    without_saved_method(w)
    quote = w.quote("acme", "pro", "40k")
    assert money(quote) == (1060, 4980, 4980)
    answer = w.execute("acme", quote, return_url=BACK)
    assert answer.json["lines"][0]["payment_url"] == session_of(w)["url"]
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert (w.plan("acme"), left(w)) == (("pro", "40k"), 40_000)
    assert w.charged("acme") == [1060, 4980]
    assert w.mail.subjects()[-1] == "You are now on Pro 40k monthly"


def test_row_5_10_a_pack_has_an_invoice_of_its_own_and_counts_once_it_is_paid(w: World):
    customer = begins(w, "core", "10k")
    answer = buy(w, pack="extra-10k", quantity=2)
    assert (answer.status_code, answer.json["state"]) == (201, "granted")
    w.settle()
    newest, first = w.invoices("acme")
    # Two at 13.80.
    assert (newest["id"], newest["total"], newest["status"]) == (
        answer.json["invoice"],
        2760,
        "paid",
    )
    assert lines(newest) == [("10,000 extra operations", 2760)]
    assert first["total"] == 1060
    assert by_kind(w) == {"grant": 10_000, "pack": 20_000}
    w.use_card(customer, "pm_card_chargeCustomerFail")
    declined = buy(w, pack="extra-10k")
    assert (declined.status_code, declined.json["code"]) == (402, "payment_failed")
    w.settle()
    assert by_kind(w) == {"grant": 10_000, "pack": 20_000}
    assert w.charged("acme") == [1060, 2760]
    # Bought units go with the period they were bought in.
    w.use_card(customer, "pm_card_visa")
    w.advance(days=31, hours=2)
    assert by_kind(w) == {"grant": 10_000}


def test_row_5_10_without_a_saved_method_a_pack_is_paid_at_a_page(w: World):
    begins(w, "core", "10k")
    without_saved_method(w)
    answer = buy(w, pack="extra-10k", return_url=BACK)
    assert (answer.status_code, answer.json["payment_url"]) == (202, session_of(w)["url"])
    assert by_kind(w) == {"grant": 10_000}
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert by_kind(w) == {"grant": 10_000, "pack": 10_000}
    assert w.charged("acme") == [1060, 1380]


def test_row_5_11_a_saved_method_may_be_named_and_else_the_default_pays(w: World):
    customer = begins(w, "core", "10k")
    path = "/v1/payment_methods/pm_card_mastercard/attach"
    named = w.stripe("POST", path, customer=customer)["id"]
    w.settle()
    default = w.state("acme")["default_payment_method"]
    executes(w, w.quote("acme", "core", "20k"), payment_method=named)
    # From here on it is what this plan is charged to; the account's default stays as it was.
    executes(w, w.quote("acme", "core", "40k"))
    charges = w.stripe("GET", "/v1/charges", customer=customer)["data"]
    assert [charge["payment_method"] for charge in reversed(charges)] == [default, named, named]
    assert w.state("acme")["default_payment_method"] == default
