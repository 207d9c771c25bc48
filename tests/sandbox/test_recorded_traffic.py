"""Real Stripe traffic, case by case: the sandbox comes out equal to the cent and the second.

The cases are recorded requests of 2025-10-29.clover and 2026-03-25.dahlia, flexible mode, against
prices of 25.00 a month, 250.00 a year and 10.00 a month.
"""

from __future__ import annotations

from typing import Any

from .conftest import DAY, START, Stage


def lines_of(invoice: Any) -> list[tuple[int, bool, int, int]]:
    return [
        (
            line["amount"],
            line["parent"]["subscription_item_details"]["proration"],
            line["period"]["start"],
            line["period"]["end"],
        )
        for line in invoice["lines"]["data"]
    ]


class TestMonthToYearWithoutAnAnchor:
    """C1: the anchor stays, both lines are prorations."""

    def test_it_charges_the_recorded_amounts(self, stage: Stage, when: Any) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(2500))
        first = stage.latest(sub["id"])
        stage.box.advance(seconds=4)
        changed = stage.switch(
            sub,
            stage.price(25000, "year"),
            proration_behavior="always_invoice",
            trial_end="now",
            cancel_at_period_end=False,
        )
        invoice = stage.latest(sub["id"])
        end = when(2026, 11, 10, 18, 29, 11)
        month_end = when(2025, 12, 10, 18, 29, 11)
        assert lines_of(invoice) == [
            (-2500, True, START + 4, month_end),
            (25000, True, START + 4, end),
        ]
        assert (invoice["total"], invoice["amount_paid"], invoice["status"]) == (
            22500,
            22500,
            "paid",
        )
        assert invoice["billing_reason"] == "subscription_update"
        assert changed["billing_cycle_anchor"] == START
        item = changed["items"]["data"][0]
        assert (item["current_period_start"], item["current_period_end"]) == (START, end)
        credit = invoice["lines"]["data"][0]["parent"]["subscription_item_details"]
        assert credit["proration_details"]["credited_items"].to_dict() == {
            "invoice": first["id"],
            "invoice_line_items": [first["lines"]["data"][0]["id"]],
        }


class TestMonthToYearWithTheAnchorReset:
    """C2: the anchor moves, the full charge is not a proration."""

    def test_it_charges_the_recorded_amounts(self, stage: Stage, when: Any) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(2500))
        stage.box.advance(seconds=4)
        changed = stage.switch(
            sub,
            stage.price(25000, "year"),
            proration_behavior="always_invoice",
            billing_cycle_anchor={"type": "now"},
        )
        invoice = stage.latest(sub["id"])
        end = when(2026, 11, 10, 18, 29, 15)
        assert lines_of(invoice) == [
            (-2500, True, START + 4, when(2025, 12, 10, 18, 29, 11)),
            (25000, False, START + 4, end),
        ]
        assert invoice["total"] == 22500
        assert changed["billing_cycle_anchor"] == START + 4
        item = changed["items"]["data"][0]
        assert (item["current_period_start"], item["current_period_end"]) == (START + 4, end)
        charge = invoice["lines"]["data"][1]
        assert charge["description"].endswith("(at $250.00 / year)")


def test_c2b_more_pieces_by_default_wait_for_the_next_invoice(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    item = sub["items"]["data"][0]["id"]
    changed = stage.api.subscription_items.update(item, {"quantity": 5})
    assert changed["quantity"] == 5
    assert stage.sub(sub["id"])["latest_invoice"] == sub["latest_invoice"]
    assert stage.latest(sub["id"])["total"] == 1000


def test_c5_a_cancellation_set_and_taken_back(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500))
    stage.box.advance(seconds=1)
    ending = stage.api.subscriptions.update(sub["id"], {"cancel_at_period_end": True})
    item = ending["items"]["data"][0]
    assert ending["status"] == "active"
    assert ending["cancel_at_period_end"] is True
    assert ending["cancel_at"] == item["current_period_end"]
    assert ending["canceled_at"] == START + 1
    assert ending["cancellation_details"]["reason"] == "cancellation_requested"

    stage.box.advance(seconds=1)
    back = stage.api.subscriptions.update(
        sub["id"], {"trial_end": "now", "cancel_at_period_end": False}
    )
    assert (back["cancel_at"], back["canceled_at"], back["cancel_at_period_end"]) == (
        None,
        None,
        False,
    )
    assert back["cancellation_details"]["reason"] is None
    assert back["latest_invoice"] == sub["latest_invoice"]
    assert back["billing_cycle_anchor"] == START


def test_c6_cancel_now_keeps_the_first_request_s_time(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500))
    stage.api.subscriptions.update(sub["id"], {"cancel_at_period_end": True})
    stage.box.advance(seconds=1)
    ended = stage.api.subscriptions.cancel(sub["id"])
    assert ended["status"] == "canceled"
    assert (ended["cancel_at"], ended["cancel_at_period_end"]) == (None, False)
    assert (ended["canceled_at"], ended["ended_at"]) == (START, START + 1)
    assert ended["cancellation_details"]["reason"] == "cancellation_requested"


def test_c7_cancel_in_a_trial_leaves_the_trial_s_end_ahead(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(2500), trial_period_days=14)
    invoice = stage.latest(sub["id"])
    assert (invoice["total"], invoice["status"], len(invoice["payments"])) == (0, "paid", 0)
    assert invoice["lines"]["data"][0]["description"].startswith("Free trial for 1 ×")  # noqa: RUF001
    assert sub["status"] == "trialing"
    item = sub["items"]["data"][0]
    assert sub["billing_cycle_anchor"] == sub["trial_end"] == item["current_period_end"]
    ended = stage.api.subscriptions.cancel(sub["id"])
    assert ended["status"] == "canceled"
    assert ended["trial_end"] == START + 14 * DAY


def test_c9_a_card_that_needs_the_customer_leaves_an_incomplete_start(
    stage: Stage, when: Any
) -> None:
    sub = stage.subscribe(stage.customer("pm_card_authenticationRequired"), stage.price(2500))
    assert sub["status"] == "incomplete"
    invoice = stage.api.invoices.retrieve(
        sub["latest_invoice"],
        {"expand": ["payments.data.payment.payment_intent", "confirmation_secret"]},
    )
    assert invoice["status"] == "open"
    assert (invoice["attempted"], invoice["attempt_count"]) == (True, 0)
    assert invoice["auto_advance"] is True
    assert invoice["next_payment_attempt"] is None
    payment = invoice["payments"]["data"][0]
    assert payment["status"] == "open"
    assert payment["payment"]["payment_intent"]["status"] == "requires_action"
    assert invoice["confirmation_secret"]["client_secret"]
    item = sub["items"]["data"][0]
    assert item["current_period_end"] == when(2025, 12, 10, 18, 29, 11)
