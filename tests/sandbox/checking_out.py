"""Sessions that are ready to be completed, in one line."""

from __future__ import annotations

from typing import Any

from .conftest import Stage

BACK = {
    "success_url": "https://shop.test/ok?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://shop.test/back",
}


def subscribing(stage: Stage, **more: Any) -> Any:
    """An open session for a monthly subscription of 10.00."""
    line = {"price": more.pop("price", None) or stage.price(1000), "quantity": 1}
    params: Any = {"mode": "subscription", "line_items": [line], **BACK, **more}
    return stage.api.checkout.sessions.create(params)


def buying(stage: Stage, **more: Any) -> Any:
    """An open session for something that costs 15.00 once, twice over."""
    price: Any = {"product": stage.product, "currency": "usd", "unit_amount": 1500}
    line = {"price": stage.api.prices.create(price).id, "quantity": 2}
    params: Any = {"mode": "payment", "line_items": [line], **BACK, **more}
    return stage.api.checkout.sessions.create(params)


def again(stage: Stage, session: Any, *expand: str) -> Any:
    return stage.api.checkout.sessions.retrieve(session.id, {"expand": list(expand)})
