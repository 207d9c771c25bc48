"""The dashboard at `/`: what it shows, what it does, and what it lets nobody else do."""

from __future__ import annotations

import re
from dataclasses import fields
from html import unescape
from typing import Any

import pytest
import responses
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox import Switches, create_app
from sandbox.dashboard.timeline import of_schedule

from .conftest import DAY, START, Stage

HOOK = "http://receiver.test/hook"
NAMES = ("customer", "subscription", "invoice", "subscription_schedule")
PAGES = (
    "/",
    *(f"/dashboard/lists/{name}" for name in NAMES),
    *(f"/dashboard/{name}" for name in ("events", "knobs", "switches", "everything", "search")),
)


@pytest.fixture
def web(stage: Stage) -> FlaskClient:
    return create_app(stage.box).test_client()


@pytest.fixture
def hook(mock: responses.RequestsMock, stage: Stage) -> str:
    """An endpoint at the sandbox that a receiver answers with 200."""
    mock.add("POST", HOOK, status=200)
    made = stage.api.webhook_endpoints.create({"url": HOOK, "enabled_events": ["*"]})
    return str(made.id)


def shown(answer: TestResponse) -> str:
    """The text of a page, as a reader sees it."""
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def act(web: FlaskClient, path: str, /, **form: Any) -> str:
    """Sends a form and reads the page that follows."""
    answer = web.post(f"/dashboard/{path}", data=form)
    assert answer.status_code == 303, answer.text
    return shown(web.get(answer.location))


def at(identifier: str) -> str:
    return f"/dashboard/objects/{identifier}"


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


def two(stage: Stage) -> str:
    """A subscription, by its id."""
    return str(stage.subscribe(stage.customer(), stage.price(1000))["id"])


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


class TestKnobs:
    def test_faults_are_planned_shown_and_taken_back(self, stage: Stage, web: FlaskClient) -> None:
        fault = {"method": "POST", "path": "/v1/cust", "kind": "429", "back": "/dashboard/knobs"}
        text = act(web, "faults", **fault, count="2", probability="0.5")
        assert "POST /v1/cust 429 2 more, by chance of 0.5" in text
        act(web, "latency", method="*", path="", seconds="0.25")
        assert "2 faults or waits are planned" in shown(web.get("/"))
        act(web, "faults/clear")
        assert (stage.box.faults.planned, stage.box.latency.planned) == ([], [])

    def test_a_fault_without_a_count_is_endless(self, stage: Stage, web: FlaskClient) -> None:
        act(web, "faults", method="*", path="", kind="500", count="", probability="")
        assert [one.count for one in stage.box.faults.planned] == [None]

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ({"kind": "melt"}, "unknown fault"),
            ({"kind": "429", "path": "("}, "no regular expression"),
            ({"kind": "429", "count": "0"}, "a whole number from 1 on"),
            ({"kind": "429", "count": "many"}, "no number"),
            ({"kind": "429", "probability": "nan"}, "no number"),
            ({"kind": "429", "probability": "2"}, "between 0 and 1"),
        ],
    )
    def test_what_cannot_be_planned_is_said(
        self, stage: Stage, web: FlaskClient, form: dict[str, str], said: str
    ) -> None:
        assert said in act(web, "faults", **form)
        assert stage.box.faults.planned == []

    def test_habits_of_all_and_of_one(self, stage: Stage, web: FlaskClient, hook: str) -> None:
        act(web, "habits", drop="0.5", thin="yes")
        act(web, "habits", endpoint=hook, duplicate="1", back="/dashboard/knobs")
        assert (stage.box.delivery.habits().drop, stage.box.delivery.habits().thin) == (0.5, True)
        assert stage.box.delivery.habits(hook).duplicate == 1
        assert stage.box.delivery.habits(hook).thin is False
        assert "drop cannot be 3" in act(web, "habits", drop="3")
        act(web, "habits/clear")
        assert stage.box.delivery.habits(hook).duplicate == 0


class TestSwitches:
    def test_every_one_is_there_with_its_meaning(self, web: FlaskClient) -> None:
        page = web.get("/dashboard/switches").text
        for one in fields(Switches):
            row = page.split(f'<tr id="{one.name}">')[1].split("</tr>")[0]
            meaning = row.split("<br>")[1].split("</td>")[0]
            assert len(meaning) > 20, one.name

    @pytest.mark.parametrize(
        ("name", "word", "value"),
        [
            ("half_cent", "to_even", "to_even"),
            ("void_returns_balance", "false", False),
            ("draft_seconds", "60", 60),
            ("retry_days", "1, 2", (1, 2)),
            ("upcoming_days", "never", None),
            ("default_api_version", "2026-09-30.endive", "2026-09-30.endive"),
        ],
    )
    def test_they_are_turned(
        self, stage: Stage, web: FlaskClient, name: str, word: str, value: Any
    ) -> None:
        form = {"name": name, "value": word, "back": "/dashboard/switches"}
        assert f"{name} is now {word}" in act(web, "switches", **form)
        assert getattr(stage.box.switches, name) == value
        assert "usually" in shown(web.get("/dashboard/switches"))

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("half_cent", "up"),
            ("void_returns_balance", "perhaps"),
            ("draft_seconds", "-1"),
            ("draft_seconds", "never"),
            ("retry_days", "1; 2"),
            ("default_api_version", "latest"),
            ("no_switch", "1"),
        ],
    )
    def test_and_refuse_what_they_do_not_mean(
        self, stage: Stage, web: FlaskClient, name: str, word: str
    ) -> None:
        assert (
            'role="alert"'
            in web.get(
                web.post("/dashboard/switches", data={"name": name, "value": word}).location
            ).text
        )
        assert stage.box.switches == Switches()

    def test_programs_turn_them_too(self, stage: Stage, web: FlaskClient) -> None:
        path = "/_sandbox/switches"
        turned = web.post(path, json={"retry_days": [1, 2], "void_returns_balance": False})
        assert turned.get_json()["retry_days"] == [1, 2]
        assert stage.box.switches.void_returns_balance is False
        # all or none
        refused = web.post(path, json={"draft_seconds": 5, "half_cent": "up"})
        assert (refused.status_code, stage.box.switches.draft_seconds) == (400, 3600)
        assert web.post(path, json={"draft_seconds": True}).status_code == 400
        web.delete(path)
        assert stage.box.switches == Switches()


EVIL = '"><script>alert(1)</script>'


class TestSafety:
    def test_whatever_somebody_is_called_is_text(self, stage: Stage, web: FlaskClient) -> None:
        customer = stage.customer(name=EVIL, description=EVIL, email="a@b.example")
        stage.api.customers.update(customer, {"metadata": {"k": EVIL}})
        stage.api.products.update(stage.product, {"name": EVIL})
        sub = stage.subscribe(customer, stage.price(1000))
        schedule = stage.api.subscription_schedules.create({"from_subscription": sub["id"]})
        search = {"q": EVIL}
        found = [web.get("/dashboard/search", query_string=search)]
        found += [web.get(path) for path in PAGES]
        found += [web.get(at(one)) for one in (customer, sub["id"], schedule.id, stage.product)]
        for answer in found:
            assert "<script" not in answer.text
        assert all(unescape(answer.text).count(EVIL) for answer in found[-4:])
        # what is said after an action is text as well
        answer = web.post("/dashboard/faults", data={"kind": EVIL})
        assert "<script" not in web.get(answer.location).text

    def test_a_page_needs_nothing_but_this_sandbox(self, stage: Stage, web: FlaskClient) -> None:
        two(stage)
        for path in PAGES:
            answer = web.get(path)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            for tag in ("<script", "<iframe", "<object", " style=", " onclick=", "javascript:"):
                assert tag not in answer.text
            for target in re.findall(r'(?:href|src|action)="([^"]*)"', answer.text):
                assert target.startswith(("/", "#")), target
                assert not target.startswith("//")
        style = web.get("/dashboard/style.css")
        assert style.content_type.startswith("text/css")
        assert "url(" not in style.text

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost:81"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "http://evil.example", "Host": "evil.example"},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("path", ["/dashboard/clock", "/_sandbox/clock"])
    def test_nobody_else_s_page_can_post(
        self, stage: Stage, web: FlaskClient, headers: dict[str, str], path: str
    ) -> None:
        answer = web.post(path, data={"step": "day"}, headers=headers)
        assert answer.status_code == 403
        assert stage.box.now() == START

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
            {"Origin": "http://127.0.0.1:12111", "Host": "127.0.0.1:12111"},
            {"Origin": "http://[::1]:12111", "Host": "[::1]:12111"},
        ],
        ids=str,
    )
    def test_its_own_pages_and_programs_can(
        self, stage: Stage, web: FlaskClient, headers: dict[str, str]
    ) -> None:
        answer = web.post("/dashboard/clock", data={"step": "day"}, headers=headers)
        assert answer.status_code == 303
        assert stage.box.now() == START + DAY

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "["]
    )
    def test_it_does_not_answer_to_a_name_that_may_be_anybody_s(
        self, stage: Stage, web: FlaskClient, host: str
    ) -> None:
        """DNS rebinding: the browser takes the page for one of evil.example's."""
        for path in ("/", "/dashboard/events", "/dashboard/lists/customer"):
            assert web.get(path, headers={"Host": host}).status_code == 403
        # programs reach the API by whatever name their network gives it
        key = {"Authorization": "Bearer sk_test_1", "Host": "stripe-sandbox"}
        assert web.get("/v1/customers", headers=key).status_code == 200

    @pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example"])
    def test_a_form_leads_back_and_nowhere_else(self, web: FlaskClient, back: str) -> None:
        answer = web.post("/dashboard/clock", data={"step": "day", "back": back})
        assert answer.location.startswith("/?note=")
