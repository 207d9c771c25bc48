"""What usage comes to on invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sandbox import Visitor

from .conftest import DAY, START, Stage
from .metering import MONTH, Usage


@pytest.fixture
def usage(stage: Stage) -> Usage:
    return Usage(stage)


def lines(stage: Stage, invoice: Any) -> list[tuple[int, Any]]:
    found = stage.api.invoices.retrieve(invoice)
    return [(line["amount"], line["quantity"]) for line in found["lines"]["data"]]


class TestBilling:
    def test_nothing_ahead_and_usage_afterwards(self, stage: Stage, usage: Usage) -> None:
        sub = stage.subscribe(usage.customer, usage.price("2"))
        # flexible mode makes no line of 0, and so no invoice (Stripe docs: compare)
        assert (sub["status"], sub["latest_invoice"]) == ("active", None)
        assert "quantity" not in sub["items"]["data"][0]
        usage.report("100")
        stage.box.advance(seconds=10 * DAY)
        usage.report("50")
        stage.box.advance(seconds=20 * DAY)
        invoice = stage.latest(sub["id"])
        assert (invoice["status"], invoice["total"]) == ("draft", 300)
        line = invoice["lines"]["data"][0]
        assert (line["quantity"], line["period"]["start"]) == (150, START)
        # while it is a draft, usage of its period still comes in
        usage.report("7", timestamp=START + MONTH - 1)
        usage.report("1000")
        stage.box.advance(seconds=3_600)
        invoice = stage.latest(sub["id"])
        assert (invoice["status"], invoice["amount_paid"]) == ("paid", 314)
        assert lines(stage, invoice["id"]) == [(314, 157)]
        stage.box.advance(seconds=31 * DAY)
        assert stage.latest(sub["id"])["total"] == 2000

    def test_beside_what_is_paid_ahead(self, stage: Stage, usage: Usage) -> None:
        both: Any = {"items": [{"price": stage.price(1000)}, {"price": usage.price("3")}]}
        sub = stage.api.subscriptions.create({"customer": usage.customer, **both})
        assert lines(stage, sub["latest_invoice"]) == [(1000, 1)]
        usage.report("10")
        preview = stage.api.invoices.create_preview({"subscription": sub["id"]})
        assert sorted(line["amount"] for line in preview["lines"]["data"]) == [30, 1000]
        stage.box.advance(seconds=MONTH + 3_600)
        assert sorted(lines(stage, stage.sub(sub["id"])["latest_invoice"])) == [(30, 10), (1000, 1)]
        assert stage.latest(sub["id"])["amount_paid"] == 1030

    def test_the_exact_amount_is_rounded_once(self, stage: Stage, usage: Usage) -> None:
        sub = stage.subscribe(usage.customer, usage.price("0.035"))
        for _ in range(3):
            usage.report("33.5")
        stage.box.advance(seconds=MONTH)
        # 100.5 at 0.035 are 3.5175
        line = stage.latest(sub["id"])["lines"]["data"][0]
        assert (line["amount"], line["quantity_decimal"]) == (4, Decimal("100.5"))

    def test_in_tiers(self, stage: Stage, usage: Usage) -> None:
        tiers = [
            {"up_to": 10, "unit_amount": 5},
            {"up_to": "inf", "unit_amount": 2, "flat_amount": 100},
        ]
        for mode, expected in (("graduated", 10 * 5 + 15 * 2 + 100), ("volume", 25 * 2 + 100)):
            price = usage.price(tiers=tiers, tiers_mode=mode, billing_scheme="tiered")
            shown = stage.api.prices.retrieve(price, {"expand": ["tiers"]})
            assert (shown.unit_amount, shown.tiers_mode) == (None, mode)
            assert shown.tiers is not None
            assert [tier.up_to for tier in shown.tiers] == [10, None]
            usage.customer = stage.customer()
            sub = stage.subscribe(usage.customer, price)
            usage.report("25")
            stage.box.advance(seconds=31 * DAY)
            assert stage.latest(sub["id"])["total"] == expected

    def test_canceling_bills_it_with_an_invoice_and_not_without(
        self, stage: Stage, usage: Usage
    ) -> None:
        price = usage.price("5")
        for now, total in ((True, 50), (False, None)):
            usage.customer = stage.customer()
            sub = stage.subscribe(usage.customer, price)
            usage.report("10")
            stage.box.advance(seconds=DAY)
            ended = stage.api.subscriptions.cancel(sub["id"], {"invoice_now": now})
            invoice = ended["latest_invoice"] and stage.invoice(ended["latest_invoice"])
            assert (invoice and invoice["total"]) == total

    def test_the_end_of_the_last_period_bills_it(self, stage: Stage, usage: Usage) -> None:
        sub = stage.subscribe(usage.customer, usage.price("5"))
        stage.api.subscriptions.update(sub["id"], {"cancel_at_period_end": True})
        usage.report("10")
        stage.box.advance(seconds=MONTH + 3_600)
        assert stage.sub(sub["id"])["status"] == "canceled"
        assert stage.latest(sub["id"])["amount_paid"] == 50

    def test_a_trial_s_usage_is_free(self, stage: Stage, usage: Usage) -> None:
        sub = stage.subscribe(usage.customer, usage.price("5"), trial_period_days=7)
        usage.report("100")
        stage.box.advance(seconds=7 * DAY)
        usage.report("10")
        stage.box.advance(seconds=32 * DAY)
        assert stage.latest(sub["id"])["amount_paid"] == 50

    def test_another_price_bills_what_was_used_at_the_old_one(
        self, stage: Stage, usage: Usage
    ) -> None:
        sub = stage.subscribe(usage.customer, usage.price("5"))
        usage.report("10")
        stage.box.advance(seconds=10 * DAY)
        stage.switch(sub, usage.price("7"))
        pending = stage.api.invoice_items.list({"customer": usage.customer, "pending": True}).data
        assert [(entry["amount"], entry["proration"]) for entry in pending] == [(50, False)]
        usage.report("1")
        stage.box.advance(seconds=20 * DAY)
        assert sorted(lines(stage, stage.sub(sub["id"])["latest_invoice"])) == [(7, 1), (50, 10)]

    def test_without_prorations_or_in_classic_mode_it_does_not(
        self, stage: Stage, usage: Usage
    ) -> None:
        ways: list[tuple[Any, Any]] = [
            ({}, {"proration_behavior": "none"}),
            ({"billing_mode": {"type": "classic"}}, {}),
        ]
        for start, change in ways:
            usage.customer = stage.customer()
            sub = stage.subscribe(usage.customer, usage.price("5"), **start)
            usage.report("10")
            stage.box.advance(seconds=DAY)
            stage.switch(sub, usage.price("7"), **change)
            pending = stage.api.invoice_items.list({"customer": usage.customer}).data
            assert pending == []
            if start:
                assert lines(stage, sub["latest_invoice"]) == [(0, 0)]

    def test_a_removed_item_bills_what_it_used(self, stage: Stage, usage: Usage) -> None:
        both: Any = {"items": [{"price": stage.price(1000)}, {"price": usage.price("5")}]}
        sub = stage.api.subscriptions.create({"customer": usage.customer, **both})
        usage.report("10")
        stage.box.advance(seconds=DAY)
        stage.api.subscription_items.delete(
            sub["items"]["data"][1]["id"], {"proration_behavior": "always_invoice"}
        )
        assert lines(stage, stage.sub(sub["id"])["latest_invoice"]) == [(50, 10)]

    def test_at_the_change_of_phase_usage_is_billed_whatever_follows(
        self, stage: Stage, usage: Usage
    ) -> None:
        metered = usage.price("5")
        sub = stage.subscribe(usage.customer, metered)
        schedules = stage.api.subscription_schedules
        schedule = schedules.create({"from_subscription": sub["id"]})
        current = schedule["phases"][0]
        assert "quantity" not in current["items"][0]
        phases: Any = [
            {
                "items": [{"price": metered}],
                "start_date": current["start_date"],
                "end_date": current["end_date"],
            },
            {
                "items": [{"price": stage.price(900)}],
                "duration": {"interval": "month"},
                "proration_behavior": "none",
            },
        ]
        schedules.update(schedule["id"], {"phases": phases, "end_behavior": "release"})
        usage.report("10")
        stage.box.advance(seconds=MONTH + 3_600)
        latest = stage.sub(sub["id"])["latest_invoice"]
        assert sorted(lines(stage, latest)) == [(50, 10), (900, 1)]

    def test_through_checkout(self, stage: Stage, usage: Usage) -> None:
        line: Any = {"price": usage.price("5")}
        session = stage.api.checkout.sessions.create(
            {
                "mode": "subscription",
                "customer": usage.customer,
                "line_items": [line],
                "success_url": "https://shop.test",
            }
        )
        assert session.amount_total == 0
        assert Visitor(stage.box).pay(session.id) == "complete"
        done = stage.api.checkout.sessions.retrieve(session.id)
        assert (done.payment_status, done.invoice) == ("no_payment_required", None)
        assert stage.sub(str(done.subscription))["status"] == "active"
