"""The official Stripe CLI as a client: what it triggers happens, and its events are there.

It is the npm package `@stripe/cli`. `STRIPE_CLI` names the binary; else it is looked for on PATH
and in node_modules. In CI it must be there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.server import Server, open_server

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk_test_1234567890abc"
FAMILIES = (
    "customer.",
    "invoice.",
    "invoiceitem.",
    "payment_intent.",
    "payment_method.",
    "price.",
    "product.",
    "setup_intent.",
    "subscription.",
    "subscription_schedule.",
)
# Names of the CLI's own for events that Stripe calls otherwise.
ALIASES = {
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
}
OFFERED = [
    "billing_portal.configuration.created",
    "billing_portal.configuration.updated",
    "billing_portal.session.created",
    "charge.captured",
    "charge.failed",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.created",
    "customer.deleted",
    "customer.discount.created",
    "customer.discount.deleted",
    "customer.discount.updated",
    "customer.source.created",
    "customer.source.updated",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.deleted",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.sent",
    "invoice.updated",
    "invoice.voided",
    "invoiceitem.created",
    "invoiceitem.deleted",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.partially_funded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.updated",
    "price.created",
    "price.updated",
    "product.created",
    "product.deleted",
    "product.updated",
    "setup_intent.canceled",
    "setup_intent.created",
    "setup_intent.requires_action",
    "setup_intent.setup_failed",
    "setup_intent.succeeded",
    "subscription.payment_failed",
    "subscription.payment_succeeded",
    "subscription_schedule.aborted",
    "subscription_schedule.canceled",
    "subscription_schedule.completed",
    "subscription_schedule.created",
    "subscription_schedule.expiring",
    "subscription_schedule.released",
    "subscription_schedule.updated",
]


def find_cli() -> str | None:
    """The binary, wherever it was installed."""
    named = os.environ.get("STRIPE_CLI")
    if named:
        return named
    local = ROOT / "node_modules" / ".bin" / "stripe"
    return str(local) if local.exists() else shutil.which("stripe")


@pytest.fixture(scope="session")
def cli() -> str:
    found = find_cli()
    if found is None:
        missing = (
            "THE OFFICIAL STRIPE CLI IS NOT HERE, so nothing on this page was tried: "
            "`npm install @stripe/cli`, or set STRIPE_CLI to its path"
        )
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    server = open_server(port=0).start()
    yield server
    server.close()


@pytest.fixture
def stripe(cli: str, server: Server, tmp_path: Path) -> Any:
    """Runs the CLI against the server, with a home of its own and no way to the internet."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "STRIPE_API_KEY": KEY,
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "NO_PROXY": "127.0.0.1",
        # its check for a newer version of itself fails at once and silently
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }

    def run(*arguments: str) -> str:
        command = [cli, "--api-base", server.url, *arguments]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def listed(server: Server) -> list[Any]:
    """What GET /v1/events says, newest first."""
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{server.url}/v1/events?limit=100"
    events: list[Any] = requests.get(url, headers=headers, timeout=10).json()["data"]
    return events


@pytest.mark.parametrize("event", OFFERED)
def test_a_trigger_triggers_its_event(event: str, stripe: Any, server: Server) -> None:
    stripe("trigger", event)
    assert ALIASES.get(event, event) in [entry["type"] for entry in listed(server)]


def test_no_event_of_these_families_is_left_out(stripe: Any) -> None:
    offered = [line.strip() for line in stripe("trigger", "--help").splitlines()]
    theirs = {name for name in offered if name.startswith(FAMILIES) and " " not in name}
    assert theirs <= set(OFFERED)


def test_a_trigger_can_be_overridden(stripe: Any, server: Server) -> None:
    stripe("trigger", "customer.created", "--override", "customer:name=Ada")
    assert listed(server)[0]["data"]["object"]["name"] == "Ada"


def test_fixtures_are_played(stripe: Any, server: Server, tmp_path: Path) -> None:
    steps = [
        {"name": "customer", "path": "/v1/customers", "method": "post", "params": {"name": "Ada"}},
        {
            "name": "renamed",
            "path": "/v1/customers/${customer:id}",
            "method": "post",
            "params": {"name": "Grace"},
        },
    ]
    page = tmp_path / "fixtures.json"
    page.write_text(json.dumps({"_meta": {"template_version": 0}, "fixtures": steps}))
    stripe("fixtures", str(page))
    assert [event["type"] for event in listed(server)] == ["customer.updated", "customer.created"]


def test_get_post_and_delete(stripe: Any) -> None:
    made = json.loads(stripe("post", "/v1/customers", "-d", "name=Ada"))
    assert json.loads(stripe("get", f"/v1/customers/{made['id']}"))["name"] == "Ada"
    assert json.loads(stripe("delete", f"/v1/customers/{made['id']}", "--confirm"))["deleted"]


def test_an_event_is_sent_again(stripe: Any, server: Server) -> None:
    hook = "http://127.0.0.1:9/hook"
    endpoint = json.loads(
        stripe("post", "/v1/webhook_endpoints", "-d", f"url={hook}", "-d", "enabled_events[0]=*")
    )["id"]
    stripe("trigger", "product.created")
    event = listed(server)[0]["id"]
    before = len(server.box.deliveries)
    stripe("events", "resend", event, "--webhook-endpoint", endpoint)
    assert [entry.event for entry in server.box.deliveries[before:]] == [event]
    # without an endpoint it is for those who `listen`: nobody here
    stripe("events", "resend", event)
    assert len(server.box.deliveries) == before + 1
