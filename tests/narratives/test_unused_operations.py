"""Unused operations as money: at which instant they count, and what becomes of the credit line.

The credit is that of the quote. What Stripe does with the debits of a period that a new cycle cut
off is not proven, so the money is told under both values of that switch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import Switches
from tests.support.changes import line_of
from tests.support.operations import by_kind, left, lines, passes_challenge, standing, uses
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

AUTHENTICATE = "pm_card_authenticationRequired"
CREDIT = "Unused operations"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def waits(w: World) -> Any:
    """Core 10k with 4,000 used; the upgrade to Pro 40k waits for 3-D Secure."""
    customer = w.account("acme")
    w.change("acme", "core", "10k")
    uses(w, 4_000)
    w.use_card(customer, AUTHENTICATE)
    quote = w.quote("acme", "pro", "40k")
    # 6,000 at 0.00106 = 6.36; 60.40 - 6.36 = 54.04.
    assert quote["timings"]["now"]["due_now"]["amount"] == 5404
    answer = w.execute("acme", quote)
    assert answer.status_code == 202, answer.json
    w.settle()
    return answer.json


def test_what_is_used_while_the_payment_waits_is_used_of_the_new_plan(w: World):
    change = waits(w)
    w.advance(hours=1)
    assert uses(w, 5_000)["balance"] == 1_000
    passes_challenge(w)
    assert line_of(w, change)["state"] == "applied"
    assert w.invoices("acme")[0]["amount_paid"] == 5404
    # 6,000 became money when they were quoted, so the 5,000 come out of the 40,000.
    assert by_kind(w) == {"grant": 35_000}


def test_what_is_used_before_the_quote_is_executed_is_used_of_the_new_plan(w: World):
    w.account("acme")
    w.change("acme", "core", "10k")
    quote = w.quote("acme", "pro", "40k")
    uses(w, 7_000)
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    assert (w.charged("acme"), left(w)) == ([1060, 4980], 33_000)


@pytest.mark.parametrize("end", ["expires", "cancelled", "refused"])
def test_an_upgrade_that_comes_to_nothing_leaves_no_credit_behind(w: World, end: str):
    change = waits(w)
    if end == "expires":
        w.advance(hours=24)
    elif end == "cancelled":
        assert w.call("POST", f"/v1/plan-changes/{change['id']}/cancel").status_code == 200
        w.settle()
    else:
        passes_challenge(w, succeed=False)
        w.advance(hours=24)
    assert line_of(w, change)["state"] in ("expired", "cancelled", "failed")
    assert (w.plan("acme"), left(w)) == (("core", "10k"), 6_000)
    assert w.invoices("acme")[0]["status"] == "void"
    customer = w.state("acme")["customer"]
    assert w.stripe("GET", "/v1/invoiceitems", customer=customer, pending="true")["data"] == []
    w.use_card(customer, "pm_card_visa")
    w.advance(days=31, hours=2)
    renewal = w.invoices("acme")[0]
    assert (renewal["total"], renewal["amount_paid"]) == (1060, 1060)
    assert CREDIT not in dict(lines(renewal))
    assert left(w) == 10_000


def test_a_declined_upgrade_moves_nothing(w: World):
    customer = w.account("acme")
    w.change("acme", "core", "10k")
    uses(w, 4_000)
    w.use_card(customer, "pm_card_chargeCustomerFail")
    answer = w.execute("acme", w.quote("acme", "pro", "40k"))
    assert (answer.status_code, answer.json["code"]) == (402, "payment_failed")
    w.settle()
    assert (w.plan("acme"), left(w)) == (("core", "10k"), 6_000)
    w.use_card(customer, "pm_card_visa")
    w.change("acme", "pro", "40k")
    assert (w.charged("acme"), left(w)) == ([1060, 5404], 40_000)


def test_months_of_an_annual_plan_that_are_paid_and_to_come_are_unused(w: World):
    w.account("acme")
    w.change("acme", "core", "10k", interval="year")
    uses(w, 4_000)
    assert standing(w)["not_yet_granted"] == 110_000
    quote = w.quote("acme", "pro", "20k", interval="year")
    credit = quote["changes"][0]["allowance_credit"]
    # 106.00 / 120,000 a year; 116,000 x 0.000883333... = 102.4666..., rounded once.
    assert (credit["units"], credit["worth"]["amount"]) == (116_000, 10247)
    # 336.00 - 102.47.
    assert quote["timings"]["now"]["due_now"]["amount"] == 23353
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    assert (w.charged("acme"), left(w)) == ([10600, 23353], 240_000)


def test_what_was_not_used_of_a_month_that_is_over_is_not_paid_back(w: World):
    w.account("acme")
    w.change("acme", "core", "10k", interval="year")
    uses(w, 4_000)
    # Nothing happens at Stripe when a month of an annual plan begins.
    w.advance(days=45)
    quote = w.quote("acme", "pro", "20k", interval="year")
    assert quote["changes"][0]["allowance_credit"]["units"] == 11 * 10_000


def test_while_the_renewal_is_a_draft_it_is_paid_first_and_then_paid_back(w: World):
    w.account("acme")
    w.change("acme", "core", "10k")
    uses(w, 9_000)
    w.advance(days=31, seconds=60)
    assert w.invoices("acme")[0]["status"] == "draft"
    quote = w.quote("acme", "pro", "40k")
    assert quote["timings"]["now"]["due_now"]["amount"] == 6040 - 1060
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    assert (w.charged("acme"), left(w)) == ([1060, 1060, 4980], 40_000)


def test_before_the_catalogue_is_synced_nothing_is_quoted_that_cannot_be_written(w: World):
    w.account("acme")
    w.change("acme", "core", "10k")
    with w.box.world.store.transaction():
        w.box.world.store.remove("product", w.parts.catalogue.unused_product_id("operations"))
    body = {"family": "operations", "plan": "pro", "tier": "40k", "interval": "month"}
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
    assert (answer.status_code, answer.json["code"]) == (503, "catalogue_not_synced")


def test_a_plan_bought_on_the_31st_of_january(w: World):
    w.account("acme")
    w.advance(days=21)
    w.change("acme", "core", "10k")
    uses(w, 10_000)
    assert standing(w)["next_expiry"] is None
    assert left(w, "2026-02-28T08:59:59Z") == 0
    w.advance(days=28, hours=2)  # 28 February, 11:00
    assert (left(w), w.charged("acme")) == (10_000, [1060, 1060])
    assert standing(w)["next_expiry"] == "2026-03-31T09:00:00+00:00"
    uses(w, 2_500)
    quote = w.quote("acme", "core", "20k", interval="year")
    # 7,500 at 0.00106 = 7.95; 194.00 - 7.95 = 186.05.
    assert quote["timings"]["now"]["due_now"]["amount"] == 18605
    assert w.execute("acme", quote).status_code == 201
    w.settle()
    # The new cycle has a day of its own, and months to it.
    assert standing(w)["next_expiry"] == "2026-03-28T11:00:00+00:00"
    assert left(w, "2027-02-28T10:59:59Z") == 20_000


@pytest.mark.parametrize(
    "switch",
    [
        {},
        {"reset_without_credit_keeps_base": True},
        {"void_keeps_credit_base": True},
        {"void_releases_items": True},
        {"tax_rounding": "invoice"},
    ],
    ids=str,
)
def test_the_money_is_the_same_whatever_stripe_keeps_of_a_cycle_that_was_cut_off(
    sqlite_url: str, switch: dict[str, Any]
):
    with world(sqlite_url, switches=Switches(**switch)) as w:
        customer = w.account("acme")
        w.change("acme", "core", "10k")
        w.advance(days=10)
        w.use_card(customer, "pm_card_chargeCustomerFail")
        assert w.execute("acme", w.quote("acme", "pro", "40k")).status_code == 402
        w.settle()
        w.use_card(customer, "pm_card_visa")
        w.change("acme", "pro", "40k")
        uses(w, 10_000)
        w.change("acme", "teams", "40k")
        # 60.40 - 10.60, then 105.90 less 30,000 at 0.00151.
        assert w.charged("acme") == [1060, 4980, 10590 - 4530]
        assert line_of_newest(w)["drift"] is None
        # What an end now credits is Stripe's to say: Teams' time, and under the second switch that
        # of the cycles that were cut off, too. It is what the quote said.
        quote = w.quote("acme", None)
        credit = quote["timings"]["now"]["credited_to_balance"]["amount"]
        assert credit >= 10590 - 1
        assert w.execute("acme", quote, when="now").status_code == 201
        w.settle()
        assert w.balance_moves("acme") == [-credit]


def line_of_newest(w: World) -> Any:
    change = w.get("/v1/accounts/acme/plan-changes")["data"][0]
    return line_of(w, change)
