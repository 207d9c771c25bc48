"""Products and prices: custom ids, lookup keys that move, amounts that never do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import stripe

from .conftest import Stage


def test_a_product_may_bring_its_own_id(stage: Stage) -> None:
    assert stage.api.products.create({"id": "core", "name": "Core"}).id == "core"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stage.api.products.create({"id": "core", "name": "Core"})
    assert caught.value.code == "resource_already_exists"


def test_a_lookup_key_moves_only_when_told_to(stage: Stage) -> None:
    old = stage.price(1000, lookup_key="core")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stage.price(1200, lookup_key="core")
    assert caught.value.param == "lookup_key"
    new = stage.price(1200, lookup_key="core", transfer_lookup_key=True)
    assert stage.api.prices.retrieve(old).lookup_key is None
    found = stage.api.prices.list({"lookup_keys": ["core", "other"]}).data
    assert [price.id for price in found] == [new]
    assert stage.events("price") == ["price.created", "price.updated", "price.created"]


def test_an_amount_cannot_be_changed(stage: Stage) -> None:
    params: Any = {"unit_amount": 5}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stage.api.prices.update(stage.price(1000), params)
    assert caught.value.code == "parameter_unknown"


def test_fractions_of_a_cent_stay_exact(stage: Stage) -> None:
    price = stage.api.prices.create(
        {
            "product": stage.product,
            "currency": "usd",
            "unit_amount_decimal": Decimal("0.05"),
            "recurring": {"interval": "month"},
        }
    )
    assert (price.unit_amount, price.unit_amount_decimal) == (None, Decimal("0.05"))
    sub = stage.api.subscriptions.create(
        {"customer": stage.customer(), "items": [{"price": price.id, "quantity": 20_010}]}
    )
    # 1000.5 cents: an exact half goes away from zero
    assert stage.latest(sub.id)["total"] == 1001


def test_an_archived_price_takes_no_new_subscriptions(stage: Stage) -> None:
    price = stage.price(1000)
    sub = stage.subscribe(stage.customer(), price)
    stage.api.prices.update(price, {"active": False})
    with pytest.raises(stripe.InvalidRequestError):
        stage.subscribe(stage.customer(), price)
    stage.box.advance(seconds=32 * 86_400)
    assert stage.latest(sub["id"])["status"] == "paid"


def test_a_product_comes_with_its_price(stage: Stage) -> None:
    product = stage.api.products.create(
        {
            "name": "Pro",
            "default_price_data": {
                "currency": "usd",
                "unit_amount": 500,
                "recurring": {"interval": "year"},
            },
            "expand": ["default_price"],
        }
    )
    assert product["default_price"]["recurring"]["interval"] == "year"
    with pytest.raises(stripe.InvalidRequestError):
        stage.api.products.delete(product.id)


def test_prices_are_filtered(stage: Stage) -> None:
    month, year = stage.price(1), stage.price(2, "year")
    listed = stage.api.prices.list({"recurring": {"interval": "year"}, "active": True}).data
    assert [price.id for price in listed] == [year]
    assert month
