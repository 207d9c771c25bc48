"""The billing portal: changes that customers make by themselves, outside of any integration."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Visitor, create_app

from .conftest import DAY, START, Stage


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    return Visitor(stage.box)


def configure(stage: Stage, **features: Any) -> str:
    return stage.api.billing_portal.configurations.create({"features": features}).id


def enter(stage: Stage, customer: str, configuration: str | None = None) -> Any:
    params: Any = {"customer": customer, "return_url": "https://shop.test/account"}
    if configuration:
        params["configuration"] = configuration
    return stage.api.billing_portal.sessions.create(params)


def offering(stage: Stage, *prices: str, **more: Any) -> str:
    update = {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "products": [{"product": stage.product, "prices": list(prices)}],
        "proration_behavior": "always_invoice",
        **more,
    }
    return configure(stage, subscription_update=update)


def test_canceling_in_flexible_mode_sets_a_date_and_no_flag(stage: Stage, visitor: Visitor) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    session = enter(stage, sub["customer"])
    assert session.url.startswith("https://billing.stripe.com/p/session/bps_")
    assert visitor.use_portal(session.id, "cancel", feedback="too_expensive") == "will end"
    left = stage.sub(sub["id"])
    end = left["items"]["data"][0]["current_period_end"]
    assert (left["cancel_at"], left["cancel_at_period_end"]) == (end, False)
    assert left["canceled_at"] == START
    assert left["cancellation_details"]["feedback"] == "too_expensive"
    assert stage.events("customer.subscription")[-1] == "customer.subscription.updated"
    assert visitor.use_portal(session.id, "renew") == "goes on"
    assert stage.sub(sub["id"])["cancel_at"] is None
    with pytest.raises(ValueError, match="does not end"):
        visitor.use_portal(session.id, "renew")
    visitor.use_portal(session.id, "cancel", subscription=sub["id"])
    stage.box.advance(seconds=31 * DAY)
    assert stage.sub(sub["id"])["status"] == "canceled"
    with pytest.raises(LookupError):
        visitor.use_portal(session.id, "cancel")


def test_canceling_in_classic_mode_sets_the_flag(stage: Stage, visitor: Visitor) -> None:
    classic = {"billing_mode": {"type": "classic"}}
    sub = stage.subscribe(stage.customer(), stage.price(1000), **classic)
    visitor.use_portal(enter(stage, sub["customer"]).id, "cancel")
    assert stage.sub(sub["id"])["cancel_at_period_end"] is True


def test_canceling_at_once_where_it_is_configured_so(stage: Stage, visitor: Visitor) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    at_once = configure(stage, subscription_cancel={"enabled": True, "mode": "immediately"})
    visitor.use_portal(enter(stage, sub["customer"], at_once).id, "cancel")
    assert stage.sub(sub["id"])["status"] == "canceled"


def test_another_plan_now(stage: Stage, visitor: Visitor) -> None:
    big = stage.price(2000)
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    session = enter(stage, sub["customer"], offering(stage, big))
    stage.box.advance(seconds=DAY)
    assert visitor.use_portal(session.id, "switch", price=big) == "changed"
    left = stage.sub(sub["id"])
    assert left["items"]["data"][0]["price"]["id"] == big
    assert stage.latest(sub["id"])["billing_reason"] == "subscription_update"
    with pytest.raises(ValueError, match="not offered"):
        visitor.use_portal(session.id, "switch", price=stage.price(5))
    stage.swap_card(sub["customer"], "pm_card_chargeCustomerFail")
    reset = offering(stage, stage.price(3000), billing_cycle_anchor="now")
    offered = stage.api.billing_portal.configurations.retrieve(reset)
    price = offered.features.subscription_update.products[0].prices[0]
    with pytest.raises(ValueError, match="declined"):
        visitor.use_portal(enter(stage, sub["customer"], reset).id, "switch", price=price)


def test_a_smaller_plan_at_the_period_s_end_by_a_schedule_of_its_own(
    stage: Stage, visitor: Visitor
) -> None:
    small = stage.price(500)
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    conditions = [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
    later = {"schedule_at_period_end": {"conditions": conditions}}
    session = enter(stage, sub["customer"], offering(stage, small, **later))
    assert visitor.use_portal(session.id, "switch", price=small) == "scheduled"
    left = stage.sub(sub["id"])
    assert left["items"]["data"][0]["price"]["id"] != small
    schedule = stage.api.subscription_schedules.retrieve(left["schedule"])
    assert [phase["items"][0]["price"] for phase in schedule["phases"]][-1] == small
    with pytest.raises(ValueError, match="schedule"):
        visitor.use_portal(enter(stage, sub["customer"]).id, "cancel")
    stage.box.advance(seconds=31 * DAY)
    assert stage.sub(sub["id"])["items"]["data"][0]["price"]["id"] == small


def test_another_card(stage: Stage, visitor: Visitor) -> None:
    customer = stage.customer()
    session = enter(stage, customer)
    assert visitor.use_portal(session.id, "card", card="pm_card_mastercard") == "saved"
    settings = stage.api.customers.retrieve(customer)["invoice_settings"]
    method = stage.api.payment_methods.retrieve(settings["default_payment_method"])
    assert method["card"]["brand"] == "mastercard"
    with pytest.raises(ValueError, match="declined"):
        visitor.use_portal(session.id, "card", card="pm_card_chargeDeclined")


def test_only_what_is_configured(stage: Stage, visitor: Visitor) -> None:
    customer = stage.customer()
    stage.subscribe(customer, stage.price(1000))
    bare = configure(stage, invoice_history={"enabled": True})
    session = enter(stage, customer, bare)
    for action in ("cancel", "switch", "card"):
        with pytest.raises(ValueError, match="does not allow"):
            visitor.use_portal(session.id, action)
    with pytest.raises(ValueError, match="unknown action"):
        visitor.use_portal(session.id, "dance")
    with pytest.raises(LookupError):
        visitor.use_portal("bps_none", "cancel")


def test_configurations_are_kept(stage: Stage) -> None:
    made = configure(stage, invoice_history={"enabled": True})
    api = stage.api.billing_portal.configurations
    api.update(made, {"metadata": {"k": "v"}, "active": False})
    assert (api.retrieve(made).active, api.retrieve(made).metadata["k"]) == (False, "v")
    assert [entry.id for entry in api.list({"active": False}).data] == [made]
    enter(stage, stage.customer())
    assert [entry.is_default for entry in api.list({"is_default": True}).data] == [True]
    assert stage.events("billing_portal") == [
        "billing_portal.configuration.created",
        "billing_portal.configuration.updated",
        "billing_portal.session.created",
    ]
    nothing: Any = {}
    with pytest.raises(stripe.InvalidRequestError, match="features"):
        api.create(nothing)


def test_a_person_uses_the_page(stage: Stage) -> None:
    big = stage.price(2000)
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    web = create_app(stage.box).test_client()
    url = f"/p/session/{enter(stage, sub['customer']).id}"
    shown = web.get(url).text
    assert "Small (month)" in shown
    assert "https://shop.test/account" in shown
    done = web.post(url, data={"action": "cancel", "subscription": sub["id"]})
    assert (done.status_code, "will end" in web.get(done.location).text) == (303, True)
    assert "cancel" in web.get(url).text
    assert web.post(url, data={"action": "switch", "price": big}).status_code == 400
    assert web.get("/p/session/bps_none").status_code == 404
    assert web.post("/p/session/bps_none", data={"action": "cancel"}).status_code == 404
    update = f"/p/session/{enter(stage, sub['customer'], offering(stage, big)).id}"
    assert "Update plan" in web.get(update).text
