"""Usage: meters, their events and summaries, and what metered prices come to on invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import responses
import stripe

from sandbox import Sandbox, Switches, Visitor, mount

from .conftest import DAY, START, Stage

MONTH = 30 * DAY
MINUTE = START - START % 60


class Usage:
    """A stage with a meter and a customer."""

    def __init__(self, stage: Stage, formula: str = "sum", **more: Any) -> None:
        self.stage = stage
        params: Any = {
            "display_name": "Calls",
            "event_name": f"calls_{formula}",
            "default_aggregation": {"formula": formula},
            **more,
        }
        self.meter = stage.api.billing.meters.create(params)
        self.customer = stage.customer()

    def report(self, value: str = "1", **more: Any) -> Any:
        payload = {"stripe_customer_id": self.customer, "value": value}
        params: Any = {"event_name": self.meter.event_name, "payload": payload, **more}
        return self.stage.api.billing.meter_events.create(params)

    def price(self, amount: str = "2", **more: Any) -> str:
        recurring = {"interval": "month", "usage_type": "metered", "meter": self.meter.id}
        params: Any = {
            "product": self.stage.product,
            "currency": "usd",
            "unit_amount_decimal": Decimal(amount),
            "recurring": recurring,
            **more,
        }
        if "tiers" in more:
            del params["unit_amount_decimal"]
        return self.stage.api.prices.create(params).id

    def total(self, start: int = MINUTE, end: int = MINUTE + MONTH, **more: Any) -> list[Any]:
        params: Any = {"customer": self.customer, "start_time": start, "end_time": end, **more}
        return self.stage.api.billing.meters.event_summaries.list(self.meter.id, params).data


@pytest.fixture
def usage(stage: Stage) -> Usage:
    return Usage(stage)


def lines(stage: Stage, invoice: Any) -> list[tuple[int, Any]]:
    found = stage.api.invoices.retrieve(invoice)
    return [(line["amount"], line["quantity"]) for line in found["lines"]["data"]]


class TestMeters:
    def test_are_made_read_renamed_and_switched_off(self, stage: Stage, usage: Usage) -> None:
        api = stage.api.billing.meters
        meter = usage.meter
        assert meter.id.startswith("mtr_test_")
        assert (meter.status, meter.value_settings.event_payload_key) == ("active", "value")
        api.update(meter.id, {"display_name": "Requests"})
        assert api.retrieve(meter.id).display_name == "Requests"
        api.deactivate(meter.id)
        with pytest.raises(stripe.InvalidRequestError, match="No active meter"):
            usage.report()
        assert [entry.id for entry in api.list({"status": "inactive"}).data] == [meter.id]
        api.reactivate(meter.id)
        with pytest.raises(stripe.InvalidRequestError, match="already active"):
            api.reactivate(meter.id)
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            Usage(stage)
        assert stage.events("billing.meter") == [
            "billing.meter.created",
            "billing.meter.updated",
            "billing.meter.deactivated",
            "billing.meter.reactivated",
        ]


class TestEvents:
    def test_one_is_counted_once(self, stage: Stage, usage: Usage) -> None:
        sent = usage.report("3", identifier="a")
        assert (sent.identifier, sent.payload["value"], sent.timestamp) == ("a", "3", START)
        with pytest.raises(stripe.InvalidRequestError, match="already exists") as caught:
            usage.report("3", identifier="a")
        assert caught.value.code == "duplicate_meter_event"
        usage.report("4")
        assert usage.total()[0].aggregated_value == 7

    def test_its_time_lies_in_a_window(self, usage: Usage) -> None:
        usage.report(timestamp=START - 35 * DAY)
        usage.report(timestamp=START + 300)
        for wrong in (START - 35 * DAY - 1, START + 301):
            with pytest.raises(stripe.InvalidRequestError, match="timestamp"):
                usage.report(timestamp=wrong)

    def test_what_is_wrong_is_said(self, stage: Stage, usage: Usage) -> None:
        send = stage.api.billing.meter_events.create
        name = usage.meter.event_name
        payloads: list[Any] = [
            {"value": "1"},
            {"stripe_customer_id": usage.customer},
            {"stripe_customer_id": usage.customer, "value": "many"},
            {"stripe_customer_id": "cus_none", "value": "1"},
        ]
        for payload in payloads:
            with pytest.raises(stripe.InvalidRequestError, match=r"payload|value|No such"):
                send({"event_name": name, "payload": payload})

    def test_it_can_be_taken_back_for_a_day(self, stage: Stage, usage: Usage) -> None:
        usage.report("5", identifier="a")
        usage.report("2", identifier="b")
        back: Any = {"event_name": usage.meter.event_name, "type": "cancel"}
        adjust = stage.api.billing.meter_event_adjustments.create
        done = adjust({**back, "cancel": {"identifier": "a"}})
        assert done.status == "complete"
        assert usage.total()[0].aggregated_value == 2
        with pytest.raises(stripe.InvalidRequestError, match="No such"):
            adjust({**back, "cancel": {"identifier": "a"}})
        stage.box.advance(seconds=DAY + 1)
        with pytest.raises(stripe.InvalidRequestError, match="24 hours"):
            adjust({**back, "cancel": {"identifier": "b"}})
        with pytest.raises(stripe.InvalidRequestError, match="identifier"):
            adjust(back)


class TestSummaries:
    def test_by_formula(self, stage: Stage) -> None:
        for formula, expected in (("sum", 6), ("count", 3), ("last", 1)):
            usage = Usage(stage, formula)
            for at, value in ((10, "2"), (30, "1"), (20, "3")):
                usage.report(value, timestamp=START + at)
            assert usage.total()[0].aggregated_value == expected

    def test_by_hour_and_day(self, stage: Stage, usage: Usage) -> None:
        midnight = START - START % DAY
        usage.report("2", timestamp=midnight + 100)
        usage.report("3", timestamp=midnight + 4_000)
        usage.report("4", timestamp=midnight - DAY)
        window: Any = {"value_grouping_window": "hour"}
        hours = usage.total(midnight, midnight + DAY, **window)
        assert [(e.start_time - midnight, e.aggregated_value) for e in hours] == [(3600, 3), (0, 2)]
        days = usage.total(midnight - DAY, midnight + DAY, value_grouping_window="day")
        assert [entry.aggregated_value for entry in days] == [5, 4]
        assert usage.total(midnight + DAY, midnight + 2 * DAY)[0].aggregated_value == 0
        for wrong in ((MINUTE + 1, MINUTE + 61), (MINUTE, MINUTE)):
            with pytest.raises(stripe.InvalidRequestError, match="time"):
                usage.total(*wrong)

    def test_sums_made_before_replace_each_other(self, stage: Stage) -> None:
        usage = Usage(stage, event_time_window="hour")
        for value in ("5", "7"):
            usage.report(value)
        usage.report("1", timestamp=START - 3_600)
        assert usage.total(MINUTE - DAY)[0].aggregated_value == 8


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


class TestWhatIsRefused:
    def test_a_quantity_for_usage(self, stage: Stage, usage: Usage) -> None:
        items: Any = [{"price": usage.price(), "quantity": 2}]
        with pytest.raises(stripe.InvalidRequestError, match="quantity"):
            stage.api.subscriptions.create({"customer": usage.customer, "items": items})
        sub = stage.subscribe(usage.customer, usage.price())
        with pytest.raises(stripe.InvalidRequestError, match="quantity"):
            stage.api.subscription_items.update(sub["items"]["data"][0]["id"], {"quantity": 2})

    def test_prices_that_make_no_sense(self, stage: Stage, usage: Usage) -> None:
        monthly: Any = {"interval": "month"}
        with pytest.raises(stripe.InvalidRequestError, match="backed by meters"):
            usage.price(recurring={**monthly, "usage_type": "metered"})
        with pytest.raises(stripe.InvalidRequestError, match="usage_type"):
            usage.price(recurring={**monthly, "meter": usage.meter.id})
        tier = {"up_to": 5, "unit_amount": 1}
        for tiers in ([tier], [{**tier, "up_to": "inf"}, tier]):
            with pytest.raises(stripe.InvalidRequestError, match="sorted"):
                usage.price(tiers=tiers, tiers_mode="volume", billing_scheme="tiered")


class TestSwitches:
    def with_(self, mock: responses.RequestsMock, **switches: Any) -> Usage:
        box = Sandbox(START, switches=Switches(**switches))
        mount(box, mock)
        return Usage(Stage(box, stripe.StripeClient("sk_test_123")))

    def test_events_may_count_later(self, mock: responses.RequestsMock) -> None:
        usage = self.with_(mock, meter_lag_seconds=60)
        usage.report("5")
        assert usage.total()[0].aggregated_value == 0
        usage.stage.box.advance(seconds=60)
        assert usage.total()[0].aggregated_value == 5

    def test_identifiers_may_be_taken_for_longer(self, mock: responses.RequestsMock) -> None:
        for seconds, total in ((DAY, 2), (2 * DAY, 1)):
            usage = self.with_(mock, meter_identifier_seconds=seconds)
            usage.report(identifier="a")
            usage.stage.box.advance(seconds=DAY)
            if total == 2:
                usage.report(identifier="a")
            else:
                with pytest.raises(stripe.InvalidRequestError):
                    usage.report(identifier="a")
            assert usage.total()[0].aggregated_value == total

    def test_events_for_nobody_may_be_taken(self, mock: responses.RequestsMock) -> None:
        usage = self.with_(mock, unknown_usage_customer="dropped")
        known, usage.customer = usage.customer, "cus_none"
        usage.report("5")
        usage.customer = known
        assert usage.total()[0].aggregated_value == 0
