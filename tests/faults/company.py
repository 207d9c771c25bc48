"""A company under load, and somebody who goes on buying from it whatever dies."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests
from sqlalchemy import func, select, text

from adapter.keys import SCOPES
from adapter.tables import EventRow
from sandbox.server import Server
from service.api.idempotency import ABANDONED
from service.wiring import Parts
from tests.faults.fleet import Fleet
from tests.support.sampling import SOAK

ACCOUNTS = 12 if SOAK else 3
PATIENCE_S = 180
# A request that died with its process, or with the database, holds its key for so long.
ANSWERED_WITHIN_S = ABANDONED.total_seconds() + 60

# Events of the owners that a process has claimed: claims are advisory locks of its connection.
CLAIMED = text("""
    SELECT e.id FROM events e
    JOIN pg_locks l ON l.locktype = 'advisory' AND l.granted
     AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(e.owner, 0)
    JOIN pg_stat_activity a ON a.pid = l.pid AND a.application_name = :name
    WHERE e.state = 'pending'
""")

CONNECTED = text("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")


@dataclass
class Company:
    """Accounts with a plan each, the Stripe that has them, and the database, seen from here."""

    stripe_server: Server
    environment: dict[str, str]
    parts: Parts
    refs: list[str] = field(default_factory=list)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.parts.keys.create('load', SCOPES)}"}

    def stripe(self, method: str, path: str, **params: Any) -> Any:
        """A call by somebody else; so it is named as in a World."""
        headers = {"Authorization": "Bearer sk_test_somebody_else"}
        kind = "params" if method == "GET" else "data"
        url = self.stripe_server.url + path
        answer = requests.request(method, url, headers=headers, timeout=10, **{kind: params})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def opens(self, url: str, headers: dict[str, str]) -> None:
        """Every account buys its plan."""
        for number in range(ACCOUNTS):
            ref = f"acme-{number}"
            customer = asked(url, headers, "PUT", f"/v1/accounts/{ref}", {"email": "a@b.example"})
            path = "/v1/payment_methods/pm_card_visa/attach"
            card = self.stripe("POST", path, customer=customer["customer"])["id"]
            default = {"invoice_settings[default_payment_method]": card}
            self.stripe("POST", f"/v1/customers/{customer['customer']}", **default)
            wanted = {"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}
            path = f"/v1/accounts/{ref}"
            quote = asked(url, headers, "POST", f"{path}/quotes", {"changes": [wanted]})
            asked(url, headers, "POST", f"{path}/plan-changes", {"quote": quote["id"]})
            self.refs.append(ref)
        self.subscriptions = self.stripe("GET", "/v1/subscriptions", limit=100)["data"]
        assert len(self.subscriptions) == ACCOUNTS

    def edits(self, number: int) -> None:
        """Somebody sets a plan to end, or lets it go on, in the dashboard."""
        sub = self.subscriptions[number % ACCOUNTS]["id"]
        ends = self.stripe("GET", f"/v1/subscriptions/{sub}")["cancel_at_period_end"]
        wanted = "false" if ends else "true"
        self.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end=wanted)

    def pending(self) -> int:
        with self.parts.database.read() as tx:
            waiting = select(func.count()).where(EventRow.state == "pending")
            return int(tx.execute(waiting).scalar_one())

    def states(self, ids: set[str]) -> Counter[str]:
        """The states of these events; ``lost`` are those that are not there."""
        with self.parts.database.read() as tx:
            rows = tx.execute(select(EventRow.id, EventRow.state)).all()
        found = {name: state for name, state in rows}  # noqa: C416
        return Counter(found.get(one, "lost") for one in ids)

    def at_work(self) -> set[str]:
        """The processes that are connected: one that is just beginning may end where there is no
        database, and is to be started again by whoever keeps it."""
        with self.parts.database.read() as tx:
            return set(tx.scalars(CONNECTED))

    def claimed_by(self, name: str) -> set[str]:
        with self.parts.database.read() as tx:
            return set(tx.execute(CLAIMED, {"name": name}).scalars())


def asked(url: str, headers: dict[str, str], method: str, path: str, body: Any) -> Any:
    answer = requests.request(method, url + path, json=body, headers=headers, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


class Buyer:
    """A caller that buys packs, and asks again under the same key until it is answered."""

    def __init__(self, company: Company, fleet: Fleet, headers: dict[str, str]) -> None:
        self.bought = 0
        self._told: dict[int, str] = {}
        self._company = company
        self._fleet = fleet
        self._headers = headers
        self._threads: list[threading.Thread] = []

    def buys(self, number: int) -> None:
        """Begin to buy one; it is seen through whatever dies."""
        thread = threading.Thread(target=self._buy, args=(number,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def done(self) -> None:
        for thread in self._threads:
            thread.join(ANSWERED_WITHIN_S)
        assert self.bought == len(self._threads), f"an order was never answered: {self._told}"

    def _buy(self, number: int) -> None:
        ref = self._company.refs[number % ACCOUNTS]
        body = {"family": "operations", "pack": "extra-1k", "quantity": 1}
        headers = {**self._headers, "Idempotency-Key": f"pack {number}"}
        deadline = time.monotonic() + ANSWERED_WITHIN_S
        for turn in range(100_000):
            urls = self._fleet.urls()
            path = f"{urls[turn % len(urls)]}/v1/accounts/{ref}/purchases"
            try:
                answer = requests.post(path, json=body, headers=headers, timeout=30)
                status, self._told[number] = answer.status_code, answer.text
            except requests.RequestException as failure:
                status, self._told[number] = 0, repr(failure)
            if status in (200, 201, 202):
                self.bought += 1
                return
            # 409: the request that died is still taken to be under way.
            assert status in (0, 409, 429) or status >= 500, status
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)
