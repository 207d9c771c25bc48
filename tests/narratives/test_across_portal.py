"""What customers do in Stripe's portal shows up here, like what staff do in the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.dashboard import lines, mails, price_of, refusal, unknown_price
from tests.support.sold import OPERATIONS, TEAM, Sold
from tests.support.world import World, world

BACK = "https://acme.example/billing"
# One pair of prices whose direction is clear, and rules that let a plan wait for its period's end.
SOLD = TEAM


@pytest.fixture
def sold() -> Sold:
    return SOLD


@pytest.fixture
def w(database_url: str, sold: Sold) -> Iterator[World]:
    with world(database_url, catalogue=sold.catalogue) as made:
        yield made


def somebodys_portal(w: World, *prices: str, **more: Any) -> str:
    """The page of a portal that lets customers cancel and switch to these prices."""
    on = {"subscription_cancel": {"enabled": True}, "subscription_update": {"enabled": True}}
    update: dict[str, Any] = {
        **on["subscription_update"],
        "default_allowed_updates": ["price"],
        "proration_behavior": "always_invoice",
        "products": [
            {"product": w.stripe("GET", f"/v1/prices/{price}")["product"], "prices": [price]}
            for price in prices
        ],
        **more,
    }
    features = {"subscription_cancel": on["subscription_cancel"]}
    if prices:
        features["subscription_update"] = update
    made = w.stripe("POST", "/v1/billing_portal/configurations", **form("features", features))
    session = w.stripe(
        "POST",
        "/v1/billing_portal/sessions",
        customer=w.state("acme")["customer"],
        configuration=made["id"],
        return_url=BACK,
    )
    return str(session["url"])


def form(name: str, value: Any) -> dict[str, str]:
    """Nested values as Stripe's API takes them."""
    if isinstance(value, dict):
        parts = [form(f"{name}[{key}]", each) for key, each in value.items()]
    elif isinstance(value, list):
        parts = [form(f"{name}[{number}]", each) for number, each in enumerate(value)]
    else:
        return {name: str(value).lower() if isinstance(value, bool) else str(value)}
    return {key: told for part in parts for key, told in part.items()}


def ends(w: World) -> Any:
    return next(plan["ends_at"] for plan in w.state("acme")["plans"] if plan["subscription"])


def test_row_6_5_a_plan_changed_in_the_portal_is_mapped_back_and_an_unknown_price_reported(
    w: World, sold: Sold
):
    sold.buy(w)
    large, strange = price_of(w, sold, sold.large), unknown_price(w)
    url = somebodys_portal(w, large, strange)
    w.advance(days=10)
    assert w.visit(url, action="switch", price=large).status_code == 303
    assert (sold.plan(w), lines(w)) == (sold.large, [(*sold.large, 1, False)])
    assert w.state("acme")["open_changes"] == []
    w.visit(url, action="switch", price=strange)
    # No plan is guessed: the account is on what it surely has.
    assert (sold.plan(w), lines(w)) == (sold.free, [(None, None, 1, True)])
    assert refusal(w, sold, sold.small) == (409, "unknown_price")


def test_row_6_5_a_downgrade_that_the_portal_schedules_is_shown_entered_and_mapped_back(
    w: World, sold: Sold
):
    sold.buy(w)
    small = price_of(w, sold, ("starter", "2k"))
    later = {"schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]}}
    url = somebodys_portal(w, small, **later)
    assert w.visit(url, action="switch", price=small).status_code == 303
    (sub,) = w.state("acme")["subscriptions"]
    assert (sub["schedule"]["ours"], sold.plan(w)) == (False, sold.small)
    w.advance(days=31, hours=2)
    assert sold.plan(w) == ("starter", "2k")
    assert w.charged("acme") == [sold.small_price, 4500]


def test_row_6_5_a_downgrade_that_the_portal_schedules_gives_way_to_a_change_made_here(
    w: World, sold: Sold
):
    sold.buy(w)
    small = price_of(w, sold, ("starter", "2k"))
    later = {"schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]}}
    w.visit(somebodys_portal(w, small, **later), action="switch", price=small)
    answer = sold.order(w, sold.large, "period_end")
    assert (answer.status_code, answer.json["lines"][0]["state"]) == (201, "scheduled")
    w.advance(days=31, hours=2)
    assert sold.plan(w) == sold.large
    assert w.charged("acme") == [sold.small_price, sold.large_price]


def test_row_6_5_an_end_set_in_the_portal_is_shown_told_once_and_taken_back(w: World, sold: Sold):
    sold.buy(w)
    url = somebodys_portal(w)
    w.visit(url, action="cancel")
    sub = w.subscription("acme")
    # The portal sets the date and leaves the flag alone.
    assert (sub["cancel_at"] is not None, sub["cancel_at_period_end"]) == (True, False)
    assert ends(w) is not None
    assert sold.plan(w) == sold.small
    assert mails(w, "is set to end") == 1
    answer = w.call("DELETE", "/v1/accounts/acme/cancellation")
    assert answer.status_code == 200, answer.json
    w.settle()
    assert (ends(w), w.subscription("acme")["cancel_at"]) == (None, None)
    # Set again, taken back there, and set for good.
    for action in ("cancel", "renew", "cancel"):
        w.visit(url, action=action)
    assert ends(w) is not None
    w.advance(days=31, hours=2)
    assert sold.plan(w) == sold.free
    assert w.charged("acme") == [sold.small_price]
    assert mails(w, "has ended") == 1


@pytest.mark.parametrize("sold", [OPERATIONS], ids=str)
def test_our_own_portal_shows_invoices_and_keeps_cards_and_changes_no_plan(w: World, sold: Sold):
    sold.buy(w)
    since = len(w.calls())
    opened = [
        w.call("POST", "/v1/accounts/acme/portal-sessions", {"return_url": BACK, **more})
        for more in ({}, {"flow": "payment_method_update"})
    ]
    assert [answer.status_code for answer in opened] == [201, 201], opened[-1].json
    asked = [call.path for call in w.calls(since) if call.method == "POST"]
    # Its settings are made once.
    assert asked.count("/v1/billing_portal/configurations") == 1
    url = opened[0].json["url"]
    assert w.visit(url, action="cancel").status_code == 400
    assert w.visit(url, action="switch", price=price_of(w, sold, sold.large)).status_code == 400
    assert w.visit(url, action="card", card="pm_card_mastercard").status_code == 303
    saved = w.get("/v1/accounts/acme/payment-methods")["data"]
    assert [card["brand"] for card in saved if card["default"]] == ["mastercard"]
    assert sold.plan(w) == sold.small
    wrong = {"return_url": BACK, "flow": "subscription_cancel"}
    refused = w.call("POST", "/v1/accounts/acme/portal-sessions", wrong)
    assert refused.status_code == 422
