"""A developer's afternoon: `stripe listen` between sandbox and service, stopped and started.

All of it is real: the official CLI, the service and the worker are processes of their own, and
what goes between them goes through sockets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from adapter.clock import WallClock
from adapter.database import Database, open_database
from adapter.keys import SCOPES, Keys
from adapter.tables import EventRow
from sandbox.server import Server, open_server
from tests.support.processes import Process, Service, eventually
from tests.support.shops import on_sale, stocked
from tests.support.stripe_cli import KEY, StripeCli

pytestmark = pytest.mark.by_turns
CORE = {"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}
EVENTS = 200
MONTH = 31 * 86_400


@pytest.fixture
def stripe() -> Iterator[Server]:
    server = open_server(port=0, box=stocked("operations", None, None)).start()
    server.box.deliver = "background"  # as the server's own box does
    yield server
    server.close()


class Company:
    """Accounts that buy, and the database in which it shows what the service heard of it."""

    def __init__(self, stripe: Server, service: Service, database: Database) -> None:
        self.stripe = stripe
        self.service = service
        self.database = database
        self.accounts: list[str] = []
        self._key = Keys(database, WallClock()).create("tests", SCOPES)

    def grows(self) -> None:
        """One more account that has a card and buys a plan."""
        ref = f"account-{len(self.accounts)}"
        self.accounts.append(ref)
        body = {"email": f"billing@{ref}.example", "name": ref}
        customer = self.call("PUT", f"/v1/accounts/{ref}", body)["customer"]
        card = self.at_stripe("/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
        default = {"invoice_settings[default_payment_method]": card}
        self.at_stripe(f"/v1/customers/{customer}", **default)
        quote = self.call("POST", f"/v1/accounts/{ref}/quotes", {"changes": [CORE]})
        asked = {"quote": quote["id"], "acknowledgements": quote["requires"]["acknowledgements"]}
        self.call("POST", f"/v1/accounts/{ref}/plan-changes", asked)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._key}"}
        url = self.service.url + path
        answer = requests.request(method, url, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def at_stripe(self, path: str, **params: str) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = requests.post(self.stripe.url + path, params, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def happened(self) -> set[str]:
        with self.stripe.box.lock:
            return {str(event["id"]) for event in self.stripe.box.world.store.scan("event")}

    def heard(self, *states: str) -> set[str]:
        with self.database.read() as tx:
            return set(tx.scalars(select(EventRow.id).where(EventRow.state.in_(states))))


@pytest.mark.timeout(120)
def test_a_company_is_told_of_everything_through_a_cli_that_comes_and_goes(
    stripe: Server, database_url: str, tmp_path: Path
) -> None:
    cli = StripeCli(stripe.url, tmp_path)
    environment = {
        "STRIPE_API_KEY": KEY,
        "STRIPE_API_BASE": stripe.url,
        "STRIPE_WEBHOOK_SECRET": cli("listen", "--print-secret").strip(),
        "PLANSHIFT_DATABASE_URL": database_url,
        "PLANSHIFT_CATALOGUE": "operations",
    }
    database = open_database(database_url)
    on_sale(database, "operations", None)
    with Service(environment) as service, Process(environment, "worker"):
        company = Company(stripe, service, database)
        forward = service.url.removeprefix("http://") + "/webhooks/stripe"
        listen = ("listen", "--skip-update", "--all-snapshot", "--forward-to", forward)
        with cli.running(*listen):
            while len(company.happened()) < EVENTS // 3:
                company.grows()
            # all renewals at once, and the CLI is stopped with its hands full
            stripe.box.advance(seconds=MONTH)
        while len(company.happened()) < EVENTS:
            company.grows()
        missed = company.happened() - company.heard("processed", "ignored", "pending")
        assert missed, "the CLI was away, and yet nothing waits for it"
        with cli.running(*listen):
            done = ("processed", "ignored")
            eventually(lambda: company.heard(*done) >= company.happened(), "all is processed", 60)
        told = [each for each in stripe.box.deliveries if each.state != "delivered"]
        print(f"{len(company.happened())} events, {len(missed)} with the CLI away")  # noqa: T201
        assert told == []
        assert company.heard("dead", "pending") == set()
        for ref in company.accounts:
            (plan,) = company.call("GET", f"/v1/accounts/{ref}")["plans"]
            assert plan["in_effect"]["plan"] == "core"
    database.dispose()
