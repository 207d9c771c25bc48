"""The official Stripe CLI as a client: what it triggers happens, and its events are there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.billing.meter_reports import WINDOW_S
from sandbox.server import Server, open_server
from tests.support.processes import eventually
from tests.support.sampling import SOAK
from tests.support.stripe_cli import KEY, StripeCli

FAMILIES = (
    "billing",
    "cash_balance",
    "checkout",
    "customer",
    "invoice",
    "payment",
    "price",
    "product",
    "setup_intent",
    "subscription",
    "test_helpers.test_clock",
    "v1.billing",
)
# For its last request the CLI goes to meter-events.stripe.com, whatever --api-base says; on a Unix
# socket that request arrives, too (stripe-facts §6.2).
BY_SOCKET = ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"]
# A bank debit takes days: these come when the clock gets there.
SETTLED_LATER = {
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
}
# Names of the CLI's own for events that Stripe calls otherwise.
ALIASES = {
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
}
OFFERED = [
    "billing_portal.configuration.created",
    "billing_portal.configuration.updated",
    "billing_portal.session.created",
    "cash_balance.funds_available",
    "charge.captured",
    "charge.failed",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
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
    "customer_cash_balance_transaction.created",
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
    "payment_link.created",
    "payment_link.updated",
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
    "test_helpers.test_clock.advancing",
    "test_helpers.test_clock.created",
    "test_helpers.test_clock.deleted",
    "test_helpers.test_clock.ready",
]


@pytest.fixture
def server() -> Iterator[Server]:
    server = open_server(port=0).start()
    yield server
    server.close()


@pytest.fixture
def stripe(server: Server, tmp_path: Path) -> StripeCli:
    return StripeCli(server.url, tmp_path)


def listed(server: Server) -> list[Any]:
    """What GET /v1/events says, newest first."""
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{server.url}/v1/events?limit=100"
    events: list[Any] = requests.get(url, headers=headers, timeout=10).json()["data"]
    return events


@pytest.mark.parametrize("event", OFFERED)
def test_a_trigger_triggers_its_event(event: str, stripe: StripeCli, server: Server) -> None:
    stripe("trigger", event)
    if event in SETTLED_LATER:
        server.box.advance(seconds=server.box.switches.settlement_seconds)
    assert ALIASES.get(event, event) in [entry["type"] for entry in listed(server)]


@pytest.mark.parametrize("event", BY_SOCKET)
def test_a_trigger_of_a_meter_is_reported(event: str, tmp_path: Path) -> None:
    door = tmp_path / "stripe.sock"
    server = open_server(port=0, unix_socket=door).start()
    try:
        listener = StripeCli(server.url, tmp_path)
        with listener.running("listen", "--skip-update", "--all-thin") as log:
            StripeCli(server.url, tmp_path, unix_socket=door)("trigger", event)
            # what could not be used is gathered for some seconds
            server.box.advance(seconds=WINDOW_S)
            eventually(lambda: f"--> {event}" in log.read_text(), "it is shown", 20)
    finally:
        server.close()


def test_no_event_of_these_families_is_left_out(stripe: StripeCli) -> None:
    said = stripe("trigger", "--help").split("Supported events:")[1].split("Usage:")[0]
    offered = {line.strip() for line in said.splitlines() if line.strip()}
    tried = {*OFFERED, *BY_SOCKET}
    for name in sorted(offered):
        print(f"{name:<50} {'tried' if name in tried else 'of another family'}")  # noqa: T201
    assert {name for name in offered if name.startswith(FAMILIES)} <= tried <= offered


def test_a_trigger_can_be_overridden(stripe: StripeCli, server: Server) -> None:
    stripe("trigger", "customer.created", "--override", "customer:name=Ada")
    assert listed(server)[0]["data"]["object"]["name"] == "Ada"


def test_fixtures_are_played(stripe: StripeCli, server: Server, tmp_path: Path) -> None:
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


def test_get_post_and_delete(stripe: StripeCli) -> None:
    made = json.loads(stripe("post", "/v1/customers", "-d", "name=Ada"))
    assert json.loads(stripe("get", f"/v1/customers/{made['id']}"))["name"] == "Ada"
    assert json.loads(stripe("delete", f"/v1/customers/{made['id']}", "--confirm"))["deleted"]


def test_an_event_is_sent_again(stripe: StripeCli, server: Server) -> None:
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


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (("--all-snapshot",), "--> product.created"),
        (("--all-snapshot", "--latest"), "--> product.created"),
        (("--all-thin",), "--> v1.product.created"),
    ],
    ids=["snapshots", "newest-version", "thin"],
)
def test_it_listens(wanted: tuple[str, ...], shown: str, stripe: StripeCli, server: Server) -> None:
    with stripe.running("listen", "--skip-update", *wanted) as log:
        stripe("post", "/v1/products", "-d", "name=Seen")
        eventually(lambda: shown in log.read_text(), "it is shown", 20)
        (delivery,) = server.box.deliveries
        eventually(lambda: delivery.state == "delivered", "it is acknowledged", 20)


def test_it_comes_back_by_itself_to_what_happened_meanwhile(
    stripe: StripeCli, server: Server
) -> None:
    with stripe.running("listen", "--skip-update", "--all-snapshot") as log:
        server.box.delivery.lines.hang_up()
        stripe("post", "/v1/products", "-d", "name=Seen")
        eventually(lambda: "--> product.created" in log.read_text(), "it is shown", 30)


@pytest.mark.skipif(not SOAK, reason="the CLI waits for 20 s before it asks for a new session")
def test_it_comes_back_when_the_sandbox_was_started_anew(stripe: StripeCli, server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    with stripe.running("listen", "--skip-update", "--all-snapshot") as log:
        server.close()
        anew = open_server(port=port).start()
        try:
            lines = anew.box.delivery.lines
            eventually(lambda: any(one.connections for one in lines._lines.values()), "back", 60)
            stripe("post", "/v1/products", "-d", "name=Seen")
            eventually(lambda: "--> product.created" in log.read_text(), "it is shown", 20)
        finally:
            anew.close()
