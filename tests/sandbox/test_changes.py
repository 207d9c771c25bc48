"""Plan changes: prorations and credits."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .changing import NOW, amounts
from .conftest import DAY, Stage


def test_half_a_period_later_ten_becomes_twenty(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    april.switch(sub, april.price(2000), **NOW)
    assert amounts(april.latest(sub["id"])) == [-500, 1000]


def test_flexible_credits_what_was_debited_and_not_the_present_price(april: Stage) -> None:
    ten, twenty = april.price(1000), april.price(2000)
    sub = april.subscribe(april.customer(), ten)
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, twenty, proration_behavior="none")
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, ten, **NOW)
    invoice = april.latest(sub["id"])
    assert (amounts(invoice), invoice["total"]) == ([-333, 333], 0)


def test_classic_credits_the_present_price(april: Stage) -> None:
    ten, twenty = april.price(1000), april.price(2000)
    sub = april.subscribe(april.customer(), ten, billing_mode={"type": "classic"})
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, twenty, proration_behavior="none")
    april.box.advance(seconds=10 * DAY)
    april.switch(sub, ten, **NOW)
    invoice = april.latest(sub["id"])
    assert (amounts(invoice), invoice["total"]) == ([-667, 333], -334)


def test_a_downgrade_now_leaves_credit_on_the_balance(april: Stage) -> None:
    customer = april.customer()
    sub = april.subscribe(customer, april.price(2000))
    april.box.advance(seconds=15 * DAY)
    april.switch(sub, april.price(1000), **NOW)
    invoice = april.latest(sub["id"])
    assert (invoice["total"], invoice["amount_due"], invoice["status"]) == (-500, 0, "paid")
    assert april.api.customers.retrieve(customer)["balance"] == -500
    assert len(invoice["payments"]) == 0


def test_by_default_the_difference_waits_for_the_renewal(april: Stage, when: Any) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    april.switch(sub, april.price(2000))
    assert april.sub(sub["id"])["latest_invoice"] == sub["latest_invoice"]
    april.box.advance(to=when(2026, 5, 1, 1))
    renewal = april.latest(sub["id"])
    assert (amounts(renewal), renewal["status"]) == ([-500, 1000, 2000], "paid")


def test_a_later_credit_names_the_line_of_a_pending_debit(april: Stage, when: Any) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    sub = april.switch(sub, april.price(2000))
    april.box.advance(seconds=5 * DAY)
    april.switch(sub, april.price(3000), **NOW)
    lines = april.latest(sub["id"])["lines"]["data"]
    # newest first: the second change, then the first
    assert [line["amount"] for line in lines] == [-667, 1000, -500, 1000]
    details = lines[0]["parent"]["subscription_item_details"]["proration_details"]
    assert details["credited_items"]["invoice_line_items"] == [lines[3]["id"]]


def test_another_price_without_a_quantity_means_one_piece(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    item = sub["items"]["data"][0]["id"]
    april.api.subscriptions.update(sub["id"], {"items": [{"id": item, "quantity": 3}]})
    changed = april.switch(sub, april.price(2000))
    assert changed["items"]["data"][0]["quantity"] == 1


def test_an_item_without_an_id_is_added_and_one_can_be_removed(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    added = april.api.subscriptions.update(
        sub["id"], {"items": [{"price": april.price(500), "quantity": 2}], **NOW}
    )
    assert [item["quantity"] for item in added["items"]["data"]] == [1, 2]
    assert amounts(april.latest(sub["id"])) == [500]
    first = sub["items"]["data"][0]["id"]
    removed = april.api.subscriptions.update(
        sub["id"], {"items": [{"id": first, "deleted": True}], **NOW}
    )
    assert [item["quantity"] for item in removed["items"]["data"]] == [2]
    assert amounts(april.latest(sub["id"])) == [-500]


def test_a_restarted_cycle_bills_in_full_and_moves_the_anchor(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.box.advance(seconds=15 * DAY)
    changed = april.switch(
        sub, april.price(2000), proration_behavior="none", billing_cycle_anchor={"type": "now"}
    )
    assert amounts(april.latest(sub["id"])) == [2000]
    assert changed["billing_cycle_anchor"] == april.box.now()


def test_the_old_anchor_string_is_refused(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    with pytest.raises(stripe.InvalidRequestError) as caught:
        april.api.subscriptions.update(sub["id"], {"billing_cycle_anchor": "now"})  # type: ignore[typeddict-item]
    assert caught.value.param == "billing_cycle_anchor"


def test_a_negative_item_lowers_the_invoice_of_the_change(april: Stage) -> None:
    sub = april.subscribe(april.customer(), april.price(1000))
    april.switch(
        sub,
        april.price(5000),
        proration_behavior="none",
        billing_cycle_anchor={"type": "now"},
        add_invoice_items=[
            {
                "price_data": {
                    "currency": "usd",
                    "product": april.product,
                    "unit_amount": -700,
                },
                "discountable": False,
            }
        ],
    )
    invoice = april.latest(sub["id"])
    assert (amounts(invoice), invoice["total"]) == ([-700, 5000], 4300)
    assert invoice["lines"]["data"][0]["parent"]["type"] == "invoice_item_details"
    assert invoice["lines"]["data"][0]["discountable"] is False


class TestTheProrationDate:
    """Stripe's limits: not before the current period, not after its end."""

    def test_an_earlier_moment_counts_more_time(self, april: Stage) -> None:
        sub = april.subscribe(april.customer(), april.price(1000))
        april.box.advance(seconds=20 * DAY)
        date = april.box.now() - 5 * DAY
        april.switch(sub, april.price(2000), **NOW, proration_date=date)
        assert amounts(april.latest(sub["id"])) == [-500, 1000]

    @pytest.mark.parametrize("offset", [-1, 30 * DAY + 1])
    def test_a_moment_outside_the_period_is_refused(self, april: Stage, offset: int) -> None:
        sub = april.subscribe(april.customer(), april.price(1000))
        start = april.box.now()
        with pytest.raises(stripe.InvalidRequestError) as caught:
            april.switch(sub, april.price(2000), **NOW, proration_date=start + offset)
        assert caught.value.param == "proration_date"
