"""Who only sees that a subscription has ended still knows whether it had ever started.

The subscriptions here are made in Stripe's dashboard, while no webhook comes through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapter.mirror import Mirror
from adapter.tables import SubscriptionRow
from sandbox import Switches
from tests.support.world import DAY, World, world

DECLINED = "pm_card_chargeCustomerFail"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
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
