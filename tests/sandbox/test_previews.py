"""A preview equals, line by line, what carrying the change out then charges."""

from __future__ import annotations

import random
from typing import Any

import pytest
import stripe

from .conftest import DAY, Stage


def seen(invoice: Any) -> list[tuple[Any, ...]]:
    """What must agree: amounts, periods, kinds and texts of the lines, in order."""
    return [
        (
            line["amount"],
            line["description"],
            line["period"]["start"],
            line["period"]["end"],
            line["parent"]["type"],
            line["quantity"],
        )
        for line in invoice["lines"]["data"]
    ]


def agree(preview: Any, invoice: Any) -> None:
    assert seen(preview) == seen(invoice)
    for name in ("subtotal", "total", "amount_due", "starting_balance", "ending_balance"):
        assert preview[name] == invoice[name], name


@pytest.mark.parametrize("seed", range(25))
def test_a_random_change_is_charged_as_previewed(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    prices = {
        key: stage.price(chance.randrange(100, 90_000), interval)
        for key, interval in [("m1", "month"), ("m2", "month"), ("y1", "year"), ("y2", "year")]
    }
    balance = chance.choice([0, 0, -500, -100_000, 700])
    customer = stage.customer(balance=balance)
    start = [{"price": prices[chance.choice(["m1", "y1"])], "quantity": chance.randrange(1, 4)}]
    if chance.random() < 0.4:
        start.append({"price": prices["y2"], "quantity": 2})
    sub = stage.api.subscriptions.create({"customer": customer, "items": start})  # type: ignore[typeddict-item]
    for _ in range(3):
        stage.box.advance(seconds=chance.randrange(1, 25 * DAY))
        change = random_change(chance, sub, prices, stage.box.now())
        preview = stage.api.invoices.create_preview(
            {"subscription": sub["id"], "subscription_details": change}  # type: ignore[typeddict-item]
        )
        assert preview["id"].startswith("upcoming_in_")
        before = stage.sub(sub["id"])["latest_invoice"]
        sub = stage.api.subscriptions.update(sub["id"], change)  # type: ignore[arg-type]
        assert sub["latest_invoice"] != before
        agree(preview, stage.latest(sub["id"]))


def random_change(chance: random.Random, sub: Any, prices: dict[str, str], now: int) -> Any:
    items = [item for item in sub["items"]["data"] if item["price"]["id"] != prices["y2"]]
    item = chance.choice(items)
    others = [prices[key] for key in ("m1", "m2", "y1") if prices[key] != item["price"]["id"]]
    change: dict[str, Any] = {
        "items": [
            {"id": item["id"], "price": chance.choice(others), "quantity": chance.randrange(1, 6)}
        ],
        "proration_behavior": "always_invoice",
    }
    if chance.random() < 0.5:
        change["billing_cycle_anchor"] = {"type": "now"}
        change["proration_behavior"] = chance.choice(["always_invoice", "none"])
    if change["proration_behavior"] != "none" and chance.random() < 0.5:
        earliest = max(item["current_period_start"] for item in sub["items"]["data"])
        change["proration_date"] = max(now - 5, earliest)
    return change


def test_a_credit_line_is_previewed_as_invoice_item_and_charged_as_added_item(
    stage: Stage,
) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    stage.box.advance(seconds=10 * DAY)
    plus = stage.price(5000)
    item = sub["items"]["data"][0]["id"]
    credit = {
        "price_data": {"currency": "usd", "product": stage.product, "unit_amount": -650},
        "discountable": False,
    }
    change: Any = {
        "items": [{"id": item, "price": plus, "quantity": 1}],
        "proration_behavior": "none",
        "billing_cycle_anchor": {"type": "now"},
    }
    preview = stage.api.invoices.create_preview(
        {
            "subscription": sub["id"],
            "subscription_details": change,
            "invoice_items": [credit],  # type: ignore[typeddict-item]
        }
    )
    stage.api.subscriptions.update(sub["id"], {**change, "add_invoice_items": [credit]})
    invoice = stage.latest(sub["id"])
    assert invoice["total"] == 4350
    agree(preview, invoice)


def test_without_an_invoice_now_the_preview_is_the_renewal(stage: Stage, when: Any) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(1000))
    stage.box.advance(seconds=15 * DAY)
    item = sub["items"]["data"][0]["id"]
    change: Any = {"items": [{"id": item, "price": stage.price(2000), "quantity": 1}]}
    preview = stage.api.invoices.create_preview(
        {"subscription": sub["id"], "subscription_details": change}
    )
    assert preview["billing_reason"] == "upcoming"
    stage.api.subscriptions.update(sub["id"], change)
    stage.box.advance(to=when(2025, 12, 10, 18, 29, 11) + 3_600)
    agree(preview, stage.latest(sub["id"]))


def test_a_new_subscription_is_previewed_without_being_made(stage: Stage) -> None:
    customer, price = stage.customer(balance=-300), stage.price(2500)
    details: Any = {"items": [{"price": price, "quantity": 2}]}
    counts = stage.box.world.store.families()
    preview = stage.api.invoices.create_preview(
        {"customer": customer, "subscription_details": details}
    )
    assert stage.box.world.store.families() == counts
    assert (preview["total"], preview["amount_due"]) == (5000, 4700)
    sub = stage.api.subscriptions.create({"customer": customer, **details})
    agree(preview, stage.latest(sub["id"]))


def test_a_cancellation_now_is_previewed_with_its_credit(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(3000))
    stage.box.advance(seconds=20 * DAY)
    preview = stage.api.invoices.create_preview(
        {
            "subscription": sub["id"],
            "subscription_details": {"cancel_now": True, "proration_behavior": "always_invoice"},
        }
    )
    ended = stage.api.subscriptions.cancel(sub["id"], {"prorate": True, "invoice_now": True})
    assert preview["total"] == -1000
    assert seen(preview) == seen(stage.invoice(ended["latest_invoice"]))


def test_a_subscription_that_ends_has_no_upcoming_invoice(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(3000))
    details: Any = {"cancel_at_period_end": True}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stage.api.invoices.create_preview(
            {"subscription": sub["id"], "subscription_details": details}
        )
    assert caught.value.code == "invoice_upcoming_none"


def test_a_preview_leaves_no_events_and_no_ids(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(3000))
    before = stage.events(), dict(stage.box.world.store.counters)
    stage.api.invoices.create_preview({"subscription": sub["id"]})
    assert (stage.events(), dict(stage.box.world.store.counters)) == before


def test_the_old_anchor_string_is_refused_in_previews_too(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer(), stage.price(3000))
    details: Any = {"billing_cycle_anchor": "now"}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stage.api.invoices.create_preview(
            {"subscription": sub["id"], "subscription_details": details}
        )
    assert caught.value.param == "subscription_details[billing_cycle_anchor]"
