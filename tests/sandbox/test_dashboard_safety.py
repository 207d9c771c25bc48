"""What the dashboard lets nobody else do."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from .conftest import DAY, START, Stage
from .looking import PAGES, at, two

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
