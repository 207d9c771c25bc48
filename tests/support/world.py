"""The whole system in one process: service, worker, sandbox, signed webhooks and SMTP.

Only the transport is short-circuited: the SDK's requests and the sandbox's deliveries pass through
``responses`` instead of sockets. Everything between (signatures, parsing, routes) is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import requests
import responses
from flask import Flask
from werkzeug.test import TestResponse

from adapter.gateway.pacing import Urgency
from adapter.keys import SCOPES
from mappings import Catalogue
from sandbox import LoggedCall, Sandbox, Switches, create_app, mount
from service.settings import Settings
from service.wiring import Parts, build
from service.worker import Worker
from tests.support.apps import app_for
from tests.support.shops import loaded, on_sale, stocked

START = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)
SECRET = "whsec_of_the_tests"
SERVICE = "http://planshift.test"
API = "https://api.stripe.com"
DAY = 86_400


class Outbox:
    """A mailer that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    def send(self, message: EmailMessage) -> None:
        self.messages.append(message)

    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]

    def goodbyes(self) -> list[EmailMessage]:
        """Those that say a subscription has ended."""
        return [message for message in self.messages if "has ended" in str(message["Subject"])]


class World:
    """A company that runs Planshift, with its Stripe, its mail server and its one API key."""

    def __init__(
        self, parts: Parts, app: Flask, box: Sandbox, mock: responses.RequestsMock
    ) -> None:
        self.parts = parts
        self.box = box
        self.mock = mock
        self.app = app
        self.http = app.test_client()
        self.mail = Outbox()
        self.worker = Worker(parts, self.mail)
        key = parts.keys.create("tests", SCOPES)
        self.headers = {"Authorization": f"Bearer {key}"}
        mock.add_callback("POST", f"{SERVICE}/webhooks/stripe", self._webhook)

    def register_webhook(self) -> None:
        """An endpoint at Stripe for every event there is, whether it is handled here or not."""
        endpoint = self.stripe(
            "POST",
            "/v1/webhook_endpoints",
            **{"url": f"{SERVICE}/webhooks/stripe", "enabled_events[]": "*"},
        )
        self.parts.edge.secrets.append(endpoint["secret"])

    # -- what callers do ----------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """One request to the API with the key of the tests."""
        return self.http.open(path, method=method, json=body, headers={**self.headers, **headers})

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.json
        return answer.json

    def account(self, ref: str, card: str | None = "pm_card_visa", **contact: Any) -> str:
        """An account whose customer has ``card`` as its default payment method; its customer id."""
        body = {"email": f"billing@{ref}.example", "name": ref.title(), **contact}
        answer = self.call("PUT", f"/v1/accounts/{ref}", body)
        assert answer.status_code == 201, answer.json
        customer = str(answer.json["customer"])
        if card is not None:
            self.use_card(customer, card)
        return customer

    def use_card(self, customer: str, card: str) -> str:
        """Attach a card and make it the customer's default, as a front end would."""
        method = self.stripe("POST", f"/v1/payment_methods/{card}/attach", customer=customer)["id"]
        settings = {"invoice_settings[default_payment_method]": method}
        self.stripe("POST", f"/v1/customers/{customer}", **settings)
        self.settle()
        return str(method)

    def quote(self, ref: str, plan: str | None, tier: str | None = None, **more: Any) -> Any:
        body = {"family": "operations", "plan": plan, "tier": tier, "interval": "month", **more}
        answer = self.call("POST", f"/v1/accounts/{ref}/quotes", {"changes": [body]})
        assert answer.status_code == 201, answer.json
        return answer.json

    def execute(self, ref: str, quote: Any, **more: Any) -> TestResponse:
        body = {
            "quote": quote["id"],
            "acknowledgements": quote["requires"]["acknowledgements"],
            **more,
        }
        return self.call("POST", f"/v1/accounts/{ref}/plan-changes", body)

    def change(self, ref: str, plan: str | None, tier: str | None = None, **more: Any) -> Any:
        """Quote and execute; the change must be applied or scheduled at once."""
        answer = self.execute(ref, self.quote(ref, plan, tier, **more))
        assert answer.status_code == 201, answer.json
        self.settle()
        return answer.json

    # -- what the world does ------------------------------------------------------------------

    def settle(self) -> None:
        """Deliver webhooks and work until nothing is left to do."""
        for _ in range(100):
            delivered = self.box.deliver_pending()
            worked = self.worker.round()
            if not delivered and worked.idle:
                return
        raise AssertionError("the system does not come to rest")

    def advance(self, **by: float) -> None:
        """Let time pass at Stripe (days=…, hours=…, seconds=…), and everything it causes."""
        seconds = by.get("days", 0) * DAY + by.get("hours", 0) * 3600 + by.get("seconds", 0)
        self.box.advance(seconds=int(seconds))
        self.settle()

    def stripe(self, method: str, path: str, **params: Any) -> Any:
        """A call to Stripe by somebody else: the dashboard, a front end."""
        headers = {"Authorization": "Bearer sk_test_somebody_else"}
        kind = "params" if method == "GET" else "data"
        answer = requests.request(method, API + path, headers=headers, timeout=5, **{kind: params})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def calls(self, since: int = 0) -> list[LoggedCall]:
        """Requests Stripe was asked since the ``since``-th."""
        return self.box.request_log[since:]

    # -- what can be seen ---------------------------------------------------------------------

    def state(self, ref: str) -> Any:
        return self.get(f"/v1/accounts/{ref}")

    def plan(self, ref: str, family: str = "operations") -> tuple[str, str] | None:
        """Plan and tier in effect."""
        plans = {plan["family"]: plan for plan in self.state(ref)["plans"]}
        found = plans[family]["in_effect"]
        return (found["plan"], found["tier"]) if found else None

    def subscription(self, ref: str) -> Any:
        """The one subscription of an account, as Stripe has it."""
        listed = self.stripe("GET", "/v1/subscriptions", customer=self.state(ref)["customer"])
        (found,) = listed["data"]
        return found

    def invoices(self, ref: str) -> Any:
        """The account's invoices as Stripe has them, newest first."""
        customer = self.state(ref)["customer"]
        return self.stripe("GET", "/v1/invoices", customer=customer, limit=100)["data"]

    def charged(self, ref: str) -> list[int]:
        """What was taken from the account's cards, oldest first, in minor units."""
        customer = self.state(ref)["customer"]
        found = self.stripe("GET", "/v1/charges", customer=customer, limit=100)["data"]
        return [one["amount"] for one in reversed(found) if one["status"] == "succeeded"]

    def balance_moves(self, ref: str) -> list[int]:
        """The movements of the customer's balance, oldest first; credit is negative."""
        path = f"/v1/customers/{self.state(ref)['customer']}/balance_transactions"
        return [one["amount"] for one in reversed(self.stripe("GET", path, limit=100)["data"])]

    def visit(self, url: str, **form: str) -> TestResponse:
        """Somebody follows a link to a page of Stripe's; with ``form``, and fills it in."""
        browser, path = create_app(self.box).test_client(), urlsplit(url).path
        answer = browser.post(path, data=form) if form else browser.get(path)
        self.settle()
        return answer

    def _webhook(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        # A client of its own: deliveries may come while a request of the tests is under way.
        answer = self.app.test_client().open(
            "/webhooks/stripe",
            method="POST",
            data=request.body,
            headers=[(name, value) for name, value in request.headers.items() if name != "Host"],
        )
        return answer.status_code, {"Content-Type": answer.content_type}, answer.data


@contextmanager
def world(
    database_url: str,
    *,
    catalogue: str = "operations",
    sold: Catalogue | None = None,
    switches: Switches | None = None,
    start: datetime = START,
    sales: str | None = "sales@planshift.example",
) -> Iterator[World]:
    """A running world on ``database_url``: catalogue synced, webhook endpoint registered.

    ``sold`` is ``catalogue`` with other rules: its prices are those that are synced.
    """
    box = stocked(catalogue, start, switches)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mount(box, mock, API)
        settings = Settings.from_environment(
            {
                "STRIPE_API_KEY": "sk_test_planshift_tests",
                "STRIPE_WEBHOOK_SECRET": SECRET,
                "PLANSHIFT_DATABASE_URL": database_url,
                "PLANSHIFT_CATALOGUE": catalogue,
                "PLANSHIFT_MAIL_FROM": "billing@planshift.example",
                "PLANSHIFT_SALES_EMAIL": sales or "",
            }
        )
        parts = build(settings, catalogue=sold or loaded(catalogue), urgency=Urgency.FREE)
        on_sale(parts.database, catalogue, start)
        with app_for(parts) as app:
            made = World(parts, app, box, mock)
            made.register_webhook()
            yield made
        parts.database.dispose()
