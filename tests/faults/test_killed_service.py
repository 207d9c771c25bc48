"""The service, a process of its own, is killed while Stripe works on its request.

Two cases, to see that a real death is what ``tests.support.killing`` takes it to be.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from adapter.keys import SCOPES
from sandbox import Sandbox
from sandbox.server import Server, open_server
from service.settings import Settings
from service.wiring import Parts, build
from tests.conftest import DATABASES
from tests.support.processes import Process, Service, eventually
from tests.support.sampling import SOAK
from tests.support.shops import on_sale, stocked

CORE = {"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}
PRO = {"family": "operations", "plan": "pro", "tier": "40k", "interval": "month"}
# The worker may take a change over after twice the timeouts: four seconds here.
TIMEOUT_S = "1"


@pytest.fixture
def stripe() -> Iterator[Server]:
    server = open_server(port=0, box=stocked("operations", None, None)).start()
    yield server
    server.close()


@pytest.fixture
def environment(stripe: Server, database_url: str) -> dict[str, str]:
    return {
        "STRIPE_API_KEY": "sk_test_planshift_tests",
        "STRIPE_API_BASE": stripe.url,
        "STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests",
        "PLANSHIFT_DATABASE_URL": database_url,
        "PLANSHIFT_CATALOGUE": "operations",
        "PLANSHIFT_STRIPE_TIMEOUT": TIMEOUT_S,
    }


@pytest.fixture
def parts(environment: dict[str, str]) -> Iterator[Parts]:
    built = build(Settings.from_environment(environment))
    on_sale(built.database, "operations", None)
    yield built
    built.database.dispose()


class Caller:
    """An internal service that asks for plan changes."""

    def __init__(self, parts: Parts, stripe: Server) -> None:
        self._key = {"Authorization": f"Bearer {parts.keys.create('caller', SCOPES)}"}
        self._stripe = stripe

    def call(self, service: Service, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(
            method, service.url + path, json=body, headers=self._key, timeout=30
        )

    def account(self, service: Service) -> str:
        body = {"email": "billing@acme.example"}
        customer = str(self.call(service, "PUT", "/v1/accounts/acme", body).json()["customer"])
        self.at_stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)
        (method,) = self.at_stripe("GET", f"/v1/customers/{customer}/payment_methods")["data"]
        default = {"invoice_settings[default_payment_method]": method["id"]}
        self.at_stripe("POST", f"/v1/customers/{customer}", **default)
        return customer

    def quote(self, service: Service, wanted: dict[str, str]) -> str:
        path = "/v1/accounts/acme/quotes"
        answer = self.call(service, "POST", path, {"changes": [wanted]})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def execute(self, service: Service, quote: str) -> requests.Response:
        return self.call(service, "POST", "/v1/accounts/acme/plan-changes", {"quote": quote})

    def at_stripe(self, method: str, path: str, **params: Any) -> Any:
        headers = {"Authorization": "Bearer sk_test_somebody_else"}
        kind = "params" if method == "GET" else "data"
        answer = requests.request(
            method, self._stripe.url + path, headers=headers, timeout=5, **{kind: params}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


def kill_during(service: Service, caller: Caller, quote: str, box: Sandbox, path: str) -> None:
    """Execute ``quote`` and kill the service once its request to ``path`` is at Stripe."""

    def arrived() -> bool:
        return any(
            call.method == "POST" and call.path.startswith(path)
            for call in box.request_log[before:]
        )

    before = len(box.request_log)
    asking = threading.Thread(target=_ask, args=(caller, service, quote))
    asking.start()
    eventually(arrived, f"POST {path} is at Stripe", 15)
    service.kill()
    asking.join(15)


def _ask(caller: Caller, service: Service, quote: str) -> None:
    try:
        caller.execute(service, quote)
    except requests.ConnectionError:
        return


def settled(parts: Parts) -> bool:
    account = parts.accounts.find("acme")
    changes = parts.orders.of_account(account, None, 0, 10)
    return bool(changes) and changes[0].lines[0].state not in ("executing", "awaiting_payment")


@pytest.mark.parametrize("database_url", DATABASES if SOAK else ["sqlite"], indirect=True)
def test_a_first_purchase_that_stripe_made_is_finished_once(
    stripe: Server, environment: dict[str, str], parts: Parts
):
    caller = Caller(parts, stripe)
    with Service(environment) as service:
        customer = caller.account(service)
        quote = caller.quote(service, CORE)
        stripe.box.fail_next("POST", "/v1/subscriptions$", "timeout_after")
        kill_during(service, caller, quote, stripe.box, "/v1/subscriptions")
    assert not settled(parts)

    with Service(environment) as again, Process(environment, "worker"):
        eventually(lambda: settled(parts), "the change is finished", 30)
        (change,) = caller.call(again, "GET", "/v1/accounts/acme/plan-changes").json()["data"]
        assert change["lines"][0]["state"] == "applied"
        assert caller.execute(again, quote).json()["id"] == change["id"]
    (subscription,) = caller.at_stripe("GET", "/v1/subscriptions", customer=customer)["data"]
    assert subscription["status"] == "active"
    (invoice,) = caller.at_stripe("GET", "/v1/invoices", customer=customer)["data"]
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 1060)


@pytest.mark.parametrize("database_url", DATABASES if SOAK else ["postgresql"], indirect=True)
def test_an_upgrade_that_never_reached_stripe_is_finished_once(
    stripe: Server, environment: dict[str, str], parts: Parts
):
    caller = Caller(parts, stripe)
    with Service(environment) as service:
        customer = caller.account(service)
        assert caller.execute(service, caller.quote(service, CORE)).status_code == 201
        quote = caller.quote(service, PRO)
        stripe.box.fail_next("POST", "/v1/subscriptions/sub_", "timeout_before")
        kill_during(service, caller, quote, stripe.box, "/v1/subscriptions/sub_")
    assert not settled(parts)

    with Process(environment, "worker"):
        eventually(lambda: settled(parts), "the change is finished", 30)
    account = parts.accounts.find("acme")
    change = parts.orders.of_account(account, None, 0, 1)[0]
    assert (change.lines[0].state, change.lines[0].drift) == ("applied", None)
    invoices = caller.at_stripe("GET", "/v1/invoices", customer=customer)["data"]
    assert [invoice["status"] for invoice in invoices] == ["paid", "paid"]
    assert invoices[0]["total"] == change.quoted_total
