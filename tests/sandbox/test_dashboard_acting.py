"""The dashboard's buttons: time goes on, customers buy, events are sent again."""

from __future__ import annotations

import re

import pytest
import responses
from flask.testing import FlaskClient

from .conftest import DAY, HOOK, START, Stage
from .looking import act, at, shown, two


class TestTheClock:
    @pytest.mark.parametrize(
        ("step", "said"),
        [
            ("hour", "Mon 10 Nov 2025 19:29:11"),
            ("day", "Tue 11 Nov 2025 18:29:11"),
            ("week", "Mon 17 Nov 2025 18:29:11"),
            ("month", "Wed 10 Dec 2025 18:29:11"),
        ],
    )
    def test_it_goes_by_steps(self, web: FlaskClient, step: str, said: str) -> None:
        assert f"The clock is at {said}." in act(web, "clock", step=step)

    def test_it_goes_to_the_next_thing_that_happens(self, stage: Stage, web: FlaskClient) -> None:
        assert "nothing happens by itself" in act(web, "clock", step="next")
        stage.box.switches.upcoming_days = None
        sub = two(stage)
        act(web, "clock", step="next")
        assert stage.box.now() == START + 30 * DAY
        assert stage.latest(sub)["status"] == "draft"
        # a canceled subscription's renewal is in the agenda still, and is not what comes next
        stage.api.subscriptions.cancel(sub)
        act(web, "clock", step="next")
        assert stage.box.now() == START + 30 * DAY + 3600
        assert "nothing is due" in shown(web.get("/"))

    def test_it_never_goes_back(self, stage: Stage, web: FlaskClient) -> None:
        assert "only moves forward" in act(web, "clock", to="2020-01-01T00:00")
        assert "no date" in act(web, "clock", to="soon")
        assert "cannot be advanced" in act(web, "clock", step="century")
        assert "five years at most" in act(web, "clock", to="9999-01-01T00:00")
        assert stage.box.now() == START

    def test_a_test_clock_has_a_button_of_its_own(self, stage: Stage, web: FlaskClient) -> None:
        clock = stage.api.test_helpers.test_clocks.create({"frozen_time": START})
        to = {"to": "2025-12-01T00:00", "back": at(clock.id)}
        assert "has been advanced" in act(web, f"test_clocks/{clock.id}", **to)
        assert stage.box.world.clock_now(clock.id) == 1_764_547_200


class TestBilling:
    def test_a_customer_subscribes_fails_and_recovers(self, stage: Stage, web: FlaskClient) -> None:
        price = stage.price(1000)
        act(web, "customers", name="Acme", email="a@acme.example", card="visa")
        (customer,) = stage.api.customers.list().data
        act(web, f"customers/{customer.id}/subscriptions", price=price)
        (sub,) = stage.api.subscriptions.list().data
        assert sub.status == "active"
        said = act(web, f"customers/{customer.id}/card", card="chargeCustomerFail")
        assert "visa …0341 is now the default card" in said
        act(web, "clock", step="month")
        act(web, "clock", step="day")
        invoice = stage.latest(sub.id)
        assert (invoice["status"], stage.sub(sub.id)["status"]) == ("open", "past_due")
        assert "Your card was declined" in act(web, f"invoices/{invoice['id']}/pay")
        act(web, f"customers/{customer.id}/card", card="mastercard")
        assert "is paid" in act(web, f"invoices/{invoice['id']}/pay")
        assert stage.sub(sub.id)["status"] == "active"
        assert "It ends with its period" in act(web, f"subscriptions/{sub.id}/end")
        assert stage.sub(sub.id)["cancel_at_period_end"] is True
        assert "It goes on" in act(web, f"subscriptions/{sub.id}/keep")
        assert "Canceled" in act(web, f"subscriptions/{sub.id}/cancel")

    def test_an_open_invoice_leads_to_the_customer_s_own_page(
        self, stage: Stage, web: FlaskClient
    ) -> None:
        sub = stage.subscribe(
            stage.customer(), stage.price(2500), payment_behavior="default_incomplete"
        )
        page = web.get(at(stage.latest(sub["id"])["id"])).text
        (path,) = re.findall(r'href="(/i/acct_sandbox/[^"]+)"', page)
        assert "25.00" in web.get(path).text

    def test_what_the_api_refuses_is_said(self, web: FlaskClient) -> None:
        assert "No such customer" in act(web, "customers/cus_none/subscriptions", price="price_x")
        assert "cannot explode" in act(web, "invoices/in_none/explode")

    def test_planned_faults_do_not_befall_the_dashboard_itself(
        self, stage: Stage, web: FlaskClient
    ) -> None:
        stage.box.fail_next("*", "", "500", 1)
        assert "Made cus_" in act(web, "customers", name="Acme", card="")
        assert len(stage.box.faults.planned) == 1


class TestDeliveries:
    def test_each_is_shown_with_its_answer_and_sent_again(
        self, stage: Stage, web: FlaskClient, hook: str, mock: responses.RequestsMock
    ) -> None:
        stage.customer(card="pm_card_visa")
        assert "1 sent" not in shown(web.get("/dashboard/events"))
        assert "deliveries wait" in shown(web.get("/dashboard/events"))
        act(web, "deliver", back="/dashboard/events")
        text = shown(web.get("/dashboard/events"))
        assert re.search(
            r"customer\.created cus_\w+ 10 Nov 2025, 18:29 delivered 200 in [\d.]+ ms", text
        )
        (event,) = stage.api.events.list({"type": "customer.created"}).data
        before = len(mock.calls)
        said = act(web, f"events/{event.id}/resend", endpoint=hook)
        assert f"{HOOK}: 200" in said
        sent = [call for call in mock.calls[before:] if call.request.url == HOOK]
        assert [event.id.encode() in call.request.body for call in sent] == [True]

    def test_one_that_failed_says_why(
        self, stage: Stage, web: FlaskClient, mock: responses.RequestsMock
    ) -> None:
        mock.add("POST", HOOK, status=503)
        stage.api.webhook_endpoints.create({"url": HOOK, "enabled_events": ["customer.created"]})
        stage.customer(card="pm_card_visa")
        for _ in range(3):
            stage.box.deliver_pending()
        assert re.search(r"failed 503 in [\d.]+ ms, 3 tries", shown(web.get("/dashboard/events")))

    def test_an_event_for_nobody(self, stage: Stage, web: FlaskClient) -> None:
        stage.customer()
        event = stage.box.world.store.scan("event")[0]
        assert "meant for no endpoint" in act(web, f"events/{event['id']}/resend")
        assert "no event evt_none" in act(web, "events/evt_none/resend")
