"""Usage: meters, their events and summaries."""

from __future__ import annotations

from typing import Any

import pytest
import responses
import stripe

from sandbox import Sandbox, Switches, mount

from .conftest import DAY, START, Stage
from .metering import MINUTE, Usage


@pytest.fixture
def usage(stage: Stage) -> Usage:
    return Usage(stage)


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
