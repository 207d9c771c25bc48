"""``planshift webhooks``, as an operator types it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapter.gateway.client import API_VERSION
from service.cli import main
from tests.support.world import SERVICE, World, world
from webhooks.registry import LISTED

pytestmark = pytest.mark.by_turns

PUBLIC = {"PLANSHIFT_PUBLIC_URL": SERVICE}


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        (theirs,) = endpoints(made)
        made.stripe("DELETE", f"/v1/webhook_endpoints/{theirs['id']}")
        made.parts.edge.secrets.clear()
        yield made


@pytest.fixture
def planshift(w: World, database_url: str) -> partial[Result]:
    return partial(run, database_url)


def run(database_url: str, *arguments: str, **more: str) -> Result:
    environment = {
        "STRIPE_API_KEY": "sk_test_planshift_tests",
        "PLANSHIFT_DATABASE_URL": database_url,
        **more,
    }
    return CliRunner().invoke(main, arguments, env=environment)


def endpoints(w: World) -> list[Any]:
    return list(w.stripe("GET", "/v1/webhook_endpoints")["data"])


def secret_in(result: Result) -> str:
    (found,) = re.findall(r"STRIPE_WEBHOOK_SECRET=(whsec_\w+)", result.output)
    return str(found)


def test_an_endpoint_is_made_once_and_grows_with_what_is_handled(
    w: World, planshift: partial[Result]
):
    tried = planshift("webhooks", "register", "--dry-run", **PUBLIC)
    assert "create an endpoint for http://planshift.test/webhooks/stripe" in tried.output
    assert endpoints(w) == []
    made = planshift("webhooks", "register", **PUBLIC)
    (endpoint,) = endpoints(w)
    assert (endpoint["url"], endpoint["api_version"]) == (f"{SERVICE}/webhooks/stripe", API_VERSION)
    assert endpoint["enabled_events"] == list(LISTED)
    # What was printed is the secret: an event that it signs is taken in.
    w.parts.edge.secrets.append(secret_in(made))
    w.account("acme")
    assert w.parts.inbox.counts()["processed"] > 0
    again = planshift("webhooks", "register", **PUBLIC)
    assert "Nothing to do" in again.output
    assert "whsec_" not in again.output
    # An older release handled less, and Stripe has given up on it since.
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    w.stripe("POST", path, **{"enabled_events[]": "invoice.paid", "disabled": "true"})
    mended = planshift("webhooks", "register", **PUBLIC)
    assert "enable it again" in mended.output
    (endpoint,) = endpoints(w)
    assert (endpoint["enabled_events"], endpoint["status"]) == (list(LISTED), "enabled")


def test_a_rotation_loses_no_event_and_ends_when_the_new_one_was_reached(
    w: World, planshift: partial[Result]
):
    early = planshift("webhooks", "rotate", **PUBLIC)
    assert (early.exit_code, "planshift webhooks register" in early.output) == (1, True)
    old = secret_in(planshift("webhooks", "register", **PUBLIC))
    w.parts.edge.secrets.append(old)
    first = planshift("webhooks", "rotate", **PUBLIC)
    new = secret_in(first)
    assert new != old
    assert len(endpoints(w)) == 2
    assert "planshift webhooks rotate" in planshift("webhooks", "register", **PUBLIC).output
    # The service does not know the new secret yet, so what comes by the new endpoint is refused.
    customer = w.account("acme")
    soon = planshift("webhooks", "rotate", **PUBLIC)
    assert (soon.exit_code, "rotation_not_seen" in soon.output) == (1, True)
    w.parts.edge.secrets.insert(0, new)
    w.use_card(customer, "pm_card_mastercard")
    second = planshift("webhooks", "rotate", **PUBLIC)
    assert second.exit_code == 0, second.output
    (left,) = endpoints(w)
    assert left["id"] in second.output
    # By the new one alone, and with its secret alone.
    w.parts.edge.secrets.remove(old)
    w.change("acme", "core", "10k")
    assert w.parts.inbox.counts().get("pending", 0) == 0


def test_an_endpoint_of_another_version_or_tenant_is_said_and_not_touched(
    w: World, planshift: partial[Result]
):
    theirs = {"enabled_events[]": "*", "metadata[planshift_tenant]": "another"}
    url = f"{SERVICE}/webhooks/stripe"
    w.stripe("POST", "/v1/webhook_endpoints", url=url, **theirs)
    assert "create an endpoint" in planshift("webhooks", "register", "--dry-run", **PUBLIC).output
    by_hand = {"enabled_events[]": "*", "api_version": "2025-03-31.basil"}
    made = w.stripe("POST", "/v1/webhook_endpoints", url=url, **by_hand)
    said = planshift("webhooks", "register", **PUBLIC).output
    assert f"{made['id']} sends API 2025-03-31.basil" in said
    assert "planshift webhooks rotate" in said
    assert made["id"] in planshift("doctor", **PUBLIC).output


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "Stripe cannot reach http://127.0.0.1:8000"),
        ({"PLANSHIFT_PUBLIC_URL": "https://localhost:8000"}, "Stripe cannot reach"),
        (
            {
                "STRIPE_API_KEY": "sk_live_planshift_tests",
                "PLANSHIFT_LIVEMODE": "1",
                "PLANSHIFT_PUBLIC_URL": "http://planshift.example",
            },
            "https only",
        ),
    ],
)
def test_an_address_that_stripe_cannot_reach_is_refused_before_anything_is_asked(
    w: World, planshift: partial[Result], more: dict[str, str], reason: str
):
    before = len(w.calls())
    refused = planshift("webhooks", "register", **more)
    assert (refused.exit_code, reason in refused.output) == (1, True)
    assert len(w.calls()) == before
