"""Goodbyes: one for each plan that ends, by its name, and none for what had never started.

Some of the subscriptions are made in Stripe's dashboard, while no webhook comes through: who only
sees their end still knows whether they had ever started.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.mirror import Mirror
from adapter.tables import SubscriptionRow
from sandbox import Switches
from tests.support.world import DAY, World, world

SHARED = str(Path(__file__).parents[1] / "narratives" / "shared.toml")
DECLINED = "pm_card_chargeCustomerFail"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@pytest.fixture
def team(database_url: str) -> Iterator[World]:
    """One plan, alone on its subscription."""
    with world(database_url, catalogue="choose-when") as made:
        made.account("acme")
        made.change("acme", "growth", "5k", family="virtual-team")
        yield made


@pytest.fixture
def two(database_url: str) -> Iterator[World]:
    """Two plans on one subscription."""
    with world(database_url, catalogue=SHARED) as made:
        made.account("acme")
        made.change("acme", "plus", "1k", family="mail")
        made.change("acme", "small", "1", family="bots")
        yield made


def price(w: World, **recurring: str) -> str:
    catalogue = w.parts.catalogue
    if not recurring:
        key = catalogue.lookup_key(catalogue.offer("operations", "core", "10k", "month", "usd"))
        return str(w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"])
    product = w.stripe("POST", "/v1/products", name="Metered by hand")["id"]
    terms = {"recurring[interval]": "month"} | {f"recurring[{k}]": v for k, v in recurring.items()}
    money = {"currency": "usd", "unit_amount": 2, "product": product}
    return str(w.stripe("POST", "/v1/prices", **money, **terms)["id"])


def start(w: World, customer: str, item: str | None = None, **more: Any) -> Any:
    params = {"customer": customer, "items[0][price]": item or price(w), **more}
    return w.stripe("POST", "/v1/subscriptions", **params)


def end(w: World, sub: Any) -> Any:
    return w.stripe("DELETE", f"/v1/subscriptions/{sub['id']}")


def look(w: World, sub: Any) -> str:
    """Fetch the subscription and nothing else; the status it has now."""
    parts = w.parts
    mirror = Mirror(parts.database, parts.reader, parts.catalogue, parts.clock)
    mirror.refresh_subscription(sub["id"])
    with parts.database.read() as tx:
        return tx.get_one(SubscriptionRow, sub["id"]).status


def goodbyes(w: World) -> int:
    """How many e-mails said so, once everything that is still to be heard is heard as well."""
    w.settle()
    return sum("has ended" in subject for subject in w.mail.subjects())


def card(w: World, customer: str, name: str) -> None:
    """Make a card the customer's default, unheard."""
    method = w.stripe("POST", f"/v1/payment_methods/{name}/attach", customer=customer)["id"]
    settings = {"invoice_settings[default_payment_method]": method}
    w.stripe("POST", f"/v1/customers/{customer}", **settings)


def renewal_given_up(w: World, customer: str) -> Any:
    """Paid for a month; then its renewal is declined and made void, and it is cancelled."""
    sub = start(w, customer)
    card(w, customer, DECLINED)
    w.box.advance(seconds=32 * DAY)
    renewal = w.stripe("GET", f"/v1/subscriptions/{sub['id']}")["latest_invoice"]
    assert renewal != sub["latest_invoice"]
    assert w.stripe("POST", f"/v1/invoices/{renewal}/void")["status"] == "void"
    assert end(w, sub)["latest_invoice"] == renewal
    return sub


def test_a_last_invoice_that_is_void_does_not_hide_the_months_that_were_paid(w: World):
    sub = renewal_given_up(w, w.account("acme"))
    assert look(w, sub) == "canceled"
    assert goodbyes(w) == 1


def test_the_same_from_webhooks_that_all_come_late(w: World):
    renewal_given_up(w, w.account("acme"))
    assert goodbyes(w) == 1


def test_what_was_on_trial_had_started(w: World):
    sub = start(w, w.account("acme"), trial_period_days=14)
    end(w, sub)
    assert look(w, sub) == "canceled"
    assert goodbyes(w) == 1


def test_what_sends_its_invoices_starts_before_they_are_paid(w: World):
    sub = start(w, w.account("acme"), collection_method="send_invoice", days_until_due=30)
    end(w, sub)
    assert look(w, sub) == "canceled"
    assert goodbyes(w) == 1


def test_usage_alone_starts_without_an_invoice(w: World):
    named = {"display_name": "Operations", "event_name": "operations"}
    meter = w.stripe(
        "POST", "/v1/billing/meters", **named, **{"default_aggregation[formula]": "sum"}
    )
    sub = start(w, w.account("acme"), price(w, usage_type="metered", meter=meter["id"]))
    assert end(w, sub)["latest_invoice"] is None
    assert look(w, sub) == "canceled"
    assert goodbyes(w) == 1


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
@pytest.mark.parametrize("seen", [True, False], ids=["seen_before", "first_seen"])
def test_what_was_never_paid_had_not_started(sqlite_url: str, status: Any, seen: bool):
    with world(sqlite_url, switches=Switches(cancel_incomplete=status)) as w:
        sub = start(w, w.account("acme", card=DECLINED))
        assert not seen or look(w, sub) == "incomplete"
        end(w, sub)
        assert look(w, sub) == status
        assert goodbyes(w) == 0


def test_what_was_last_seen_incomplete_may_have_been_paid_since(w: World):
    customer = w.account("acme", card=DECLINED)
    sub = start(w, customer)
    assert look(w, sub) == "incomplete"
    card(w, customer, "pm_card_visa")
    assert w.stripe("POST", f"/v1/invoices/{sub['latest_invoice']}/pay")["status"] == "paid"
    end(w, sub)
    assert look(w, sub) == "canceled"
    assert goodbyes(w) == 1


def told(w: World) -> list[str]:
    """The goodbyes, in full."""
    w.settle()
    ended = [m for m in w.mail.messages if "has ended" in str(m["Subject"])]
    return [" ".join(m.get_body(("plain",)).get_content().split()) for m in ended]


def decline_from_now_on(w: World) -> None:
    state = w.state("acme")
    w.use_card(state["customer"], DECLINED)
    w.stripe("POST", f"/v1/payment_methods/{state['default_payment_method']}/detach")


def later(w: World, family: str, plan: str | None, tier: str | None = None) -> None:
    answer = w.execute("acme", w.quote("acme", plan, tier, family=family), when="period_end")
    assert answer.status_code == 201, answer.json
    w.settle()


def test_a_downgrade_that_nobody_paid_for_ends_the_plan_before_it(team: World):
    later(team, "virtual-team", "starter", "2k")
    decline_from_now_on(team)
    team.advance(days=31, hours=2)
    assert told(team) == []
    team.advance(days=7)
    (goodbye,) = told(team)
    assert "Your subscription to Growth 5k monthly ended on 17 February 2026" in goodbye
    assert "because we could not collect a payment for it." in goodbye


def test_who_cancels_before_paying_for_the_downgrade_is_told_of_the_plan_still_held(team: World):
    later(team, "virtual-team", "starter", "2k")
    decline_from_now_on(team)
    team.advance(days=31, hours=2)
    end(team, team.subscription("acme"))
    (goodbye,) = told(team)
    assert "Your subscription to Growth 5k monthly ended on 10 February 2026." in goodbye


def test_a_shared_downgrade_that_nobody_paid_for_ends_that_familys_plan(two: World):
    later(two, "mail", "basic", "1k")
    decline_from_now_on(two)
    two.advance(days=31, hours=2)
    assert told(two) == []
    two.advance(days=3)
    (goodbye,) = told(two)
    assert "Your subscription to Plus 1k monthly ended on 13 February 2026" in goodbye
    assert "because we could not collect a payment for it." in goodbye


def item_of(w: World, amount: int) -> str:
    items = w.subscription("acme")["items"]["data"]
    (found,) = [item["id"] for item in items if item["price"]["unit_amount"] == amount]
    return str(found)


def edit(w: World, **items: str) -> None:
    w.stripe("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}", **items)


def test_a_line_taken_off_in_the_dashboard_is_told_of_once(two: World):
    edit(two, **{"items[0][id]": item_of(two, 2_000), "items[0][deleted]": "true"})
    (goodbye,) = told(two)
    assert "Your subscription to Small 1 monthly ended on 10 January 2026." in goodbye
    two.advance(days=32)
    assert len(told(two)) == 1


def test_a_line_put_in_the_place_of_another_is_no_end(two: World):
    catalogue = two.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("bots", "large", "1", "month", "usd"))
    (large,) = two.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"]
    old = {"items[0][id]": item_of(two, 2_000), "items[0][deleted]": "true"}
    edit(two, **old, **{"items[1][price]": large["id"]})
    assert told(two) == []
    assert two.plan("acme", "bots") == ("large", "1")


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_a_line_that_is_cancelled_here_is_told_of_once(two: World, when: str):
    body = {"family": "bots", "when": when}
    assert two.call("POST", "/v1/accounts/acme/cancellation", body).status_code == 201
    two.advance(days=32)
    (goodbye,) = told(two)
    assert "Your subscription to Small 1 monthly ended on" in goodbye


def test_a_line_taken_off_by_somebody_while_its_downgrade_waits_is_told_of_once(two: World):
    later(two, "mail", "basic", "1k")
    sub = two.subscription("acme")
    two.stripe("POST", f"/v1/subscription_schedules/{sub['schedule']}/release")
    edit(two, **{"items[0][id]": item_of(two, 3_000), "items[0][deleted]": "true"})
    (goodbye,) = told(two)
    assert "Your subscription to Plus 1k monthly ended on 10 January 2026." in goodbye
