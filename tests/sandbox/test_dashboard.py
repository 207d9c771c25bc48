"""The dashboard at `/`: what it shows."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.dashboard.timeline import of_schedule

from .conftest import DAY, HOOK, START, Stage
from .looking import PAGES, at, shown, two


class TestLooking:
    def test_an_empty_sandbox_has_every_page(self, web: FlaskClient) -> None:
        for page in PAGES:
            text = shown(web.get(page))
            assert "Mon 10 Nov 2025 18:29:11" in text
            assert "stands still until it is advanced" in text

    def test_a_customer_s_life_is_on_the_overview(self, stage: Stage, web: FlaskClient) -> None:
        sub = stage.subscribe(stage.customer(name="Acme"), stage.price(1000))
        stage.box.advance(seconds=31 * DAY)
        text = shown(web.get("/"))
        assert "Small, 10.00 USD a month Acme active 10 Jan 2026, 18:29" in text
        assert stage.latest(sub["id"])["number"] in text
        assert "invoice.paid" in text

    def test_an_object_shows_its_json_and_leads_to_its_neighbours(
        self, stage: Stage, web: FlaskClient
    ) -> None:
        customer = stage.customer(name="Acme")
        sub = stage.subscribe(customer, stage.price(1000))
        page = web.get(at(sub["id"])).text
        invoice = stage.latest(sub["id"])
        for neighbour in (customer, invoice["id"], sub["items"]["data"][0]["price"]["id"]):
            assert f'href="{at(neighbour)}"' in page
            assert web.get(at(neighbour)).status_code == 200
        assert "&#34;status&#34;: &#34;active&#34;" in page
        assert "customer.subscription.created" in page
        assert "10.00 USD" in shown(web.get(at(invoice["id"])))
        event = stage.box.world.store.scan("event")[0]
        assert web.get(at(event["id"])).status_code == 200

    def test_what_is_the_sandbox_s_own_is_not_shown(self, stage: Stage, web: FlaskClient) -> None:
        made = stage.api.webhook_endpoints.create({"url": HOOK, "enabled_events": ["*"]})
        assert made.secret not in web.get(at(made.id)).text

    def test_every_object_there_is_has_a_page_and_every_kind_a_list(
        self, stage: Stage, web: FlaskClient
    ) -> None:
        sub = stage.subscribe(stage.customer("pm_card_chargeCustomerFail"), stage.price(1000))
        stage.api.test_helpers.test_clocks.create({"frozen_time": START})
        stage.api.subscription_schedules.create({"from_subscription": two(stage)})
        store = stage.box.world.store
        assert len(store.families()) > 10
        for family in store.families():
            assert web.get(f"/dashboard/lists/{family}").status_code == 200, family
            for body in store.scan(family):
                assert web.get(at(body["id"])).status_code == 200, body
        assert sub["status"] == "incomplete"

    @pytest.mark.parametrize("path", ["/dashboard/objects/cus_none", "/dashboard/lists/_keys"])
    def test_what_is_not_there_is_said_so(self, web: FlaskClient, path: str) -> None:
        answer = web.get(path)
        assert answer.status_code == 404
        assert "There is no" in answer.text

    def test_search_finds_by_name_mail_number_and_id(self, stage: Stage, web: FlaskClient) -> None:
        customer = stage.customer(name="Ada", email="ada@lovelace.example")
        stage.customer(name="Somebody else")
        invoice = stage.latest(stage.subscribe(customer, stage.price(1000))["id"])
        for query in ("ada", "LOVELACE", "ada active", invoice["number"], "invoice.paid"):
            found = shown(web.get("/dashboard/search", query_string={"q": query}))
            assert "Somebody else" not in found
            assert "Ada" in found or "invoice.paid" in found, query
        direct = web.get("/dashboard/search", query_string={"q": customer})
        assert (direct.status_code, direct.location) == (303, at(customer))
        assert "Nothing matches" in shown(web.get("/dashboard/search?q=babbage"))


class TestManyRows:
    @pytest.fixture
    def crowd(self, stage: Stage) -> Stage:
        for number in range(1, 131):
            stage.box.ask(
                "POST", "/v1/customers", {"name": f"{'odd' if number % 2 else 'even'} {number:03}"}
            )
        return stage

    def test_they_come_in_pages(self, crowd: Stage, web: FlaskClient) -> None:
        """What a page shows does not grow with what there is."""
        path, seen = "/dashboard/lists/customer", 0
        while path:
            page = web.get(path).text
            names = re.findall(r">(?:odd|even) (\d+)<", page)
            assert len(names) <= 50
            seen += len(names)
            older = re.search(r'rel="next" href="([^"]+)"', page)
            path = unescape(older[1]) if older else ""
        assert seen == 130
        assert "50 of 130" in web.get("/dashboard/lists/customer").text
        assert len(re.findall(r">(?:odd|even) ", web.get("/").text)) == 8

    @pytest.mark.parametrize("number", ["99", "0", "-3", "x"])
    def test_a_page_that_is_none_is_the_nearest(
        self, crowd: Stage, web: FlaskClient, number: str
    ) -> None:
        assert "of 130" in shown(web.get(f"/dashboard/lists/customer?page={number}"))

    def test_the_search_goes_on_over_pages(self, crowd: Stage, web: FlaskClient) -> None:
        page = web.get("/dashboard/lists/customer?q=odd").text
        assert "50 of 65" in page
        assert "q=odd&amp;page=2" in page


class TestTimelines:
    @pytest.fixture
    def schedule(self, stage: Stage) -> Any:
        made = stage.api.subscription_schedules.create({"from_subscription": two(stage)})
        (phase,) = made.phases
        kept = {"start_date": phase.start_date, "end_date": phase.end_date}
        first = {**kept, "items": [{"price": phase["items"][0].price}]}
        then = {
            "items": [{"price": stage.price(500)}],
            "duration": {"interval": "month", "interval_count": 2},
        }
        return stage.api.subscription_schedules.update(made.id, {"phases": [first, then]})

    def test_phases_stand_side_by_side_in_proportion(self, stage: Stage, schedule: Any) -> None:
        world = stage.box.world
        stage.box.advance(seconds=15 * DAY)
        line = of_schedule(world, world.store.get("subscription_schedule", schedule.id))
        now, later, rest = line.bars
        assert [bar.look for bar in line.bars] == ["now", "next", "endless"]
        assert (now.x, later.x) == (0, now.width)
        assert rest.x + rest.width == pytest.approx(1000)
        # 30 days, then 31 + 31
        assert later.width / now.width == pytest.approx(62 / 30, abs=0.01)
        assert line.now == pytest.approx(now.width / 2, abs=0.1)
        assert "Small, 5.00 USD a month, from 10 Dec 2025 to 10 Feb 2026" in line.told
        stage.box.advance(seconds=30 * DAY)
        moved = of_schedule(world, world.store.get("subscription_schedule", schedule.id))
        assert [bar.look for bar in moved.bars] == ["past", "now", "endless"]

    def test_they_are_drawn_wherever_there_is_one(
        self, stage: Stage, web: FlaskClient, schedule: Any
    ) -> None:
        invoice = stage.sub(schedule.subscription)["latest_invoice"]
        pages = ("/", "/dashboard/lists/subscription_schedule", at(schedule.id))
        for path in (*pages, at(schedule.subscription)):
            page = web.get(path).text
            assert "<svg" in page
            assert "Small, 5.00 USD a month, from 10 Dec 2025 to 10 Feb 2026" in page
        assert f'<a href="{at(invoice)}" aria-label="Invoice' in page

    def test_without_a_schedule_a_subscription_has_its_trial_and_its_end(
        self, stage: Stage, web: FlaskClient
    ) -> None:
        trial = {"trial_period_days": 14, "cancel_at_period_end": "true"}
        sub = stage.subscribe(stage.customer(), stage.price(1000), **trial)
        assert "trial, from 10 Nov 2025 to 24 Nov 2025" in web.get(at(sub["id"])).text
        assert "will end 24 Nov 2025" in shown(web.get(at(sub["id"])))
        stage.box.advance(seconds=20 * DAY)
        assert "ended 24 Nov 2025" in shown(web.get(at(sub["id"])))
