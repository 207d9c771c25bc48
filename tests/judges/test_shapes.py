"""Our objects have exactly the fields that recorded ones have (``shapes.toml``)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .test_recorded import Replay

SHAPES = tomllib.loads(Path(__file__).with_name("shapes.toml").read_text())
START = 1_791_314_380


@cache
def seen() -> dict[str, Any]:
    """One object of each kind: of a month swapped for a year, and of an amount on its own."""
    from datetime import UTC, datetime

    replay = Replay(datetime.fromtimestamp(START, UTC), "pm_card_visa")
    names = replay.names
    params = {"customer": names["customer"], "items[0][price]": names["monthly"]}
    bought = replay.ask("POST", "/v1/subscriptions", params)
    replay.box.advance(seconds=2)
    item = bought["items"]["data"][0]["id"]
    change = {"items[0][id]": item, "items[0][price]": names["annual"]}
    change |= {"proration_behavior": "always_invoice", "expand[0]": "latest_invoice.payments"}
    change |= {"expand[1]": "latest_invoice.confirmation_secret", "expand[2]": "customer"}
    subscription = replay.ask("POST", f"/v1/subscriptions/{bought['id']}", change)
    invoice = subscription["latest_invoice"]
    amount = {"customer": names["customer"], "amount": 1000, "currency": "usd"}
    method = subscription["customer"]["invoice_settings"]["default_payment_method"]
    items = subscription["items"]["data"][0]
    shown = [
        subscription,
        subscription["customer"],
        items,
        items["price"],
        items["plan"],
        invoice,
        invoice["lines"]["data"][0],
        invoice["payments"]["data"][0],
        replay.ask("POST", "/v1/invoiceitems", amount),
        replay.ask("GET", f"/v1/payment_methods/{method}", {}),
    ]
    return {each["object"]: each for each in shown}


@pytest.mark.parametrize("kind", SHAPES)
def test_the_fields_are_those_of_recorded_objects(kind: str):
    shape, found = SHAPES[kind], seen()[kind]
    assert set(found) - set(shape.get("expanded", "").split()) == set(shape["fields"].split())
    for part, fields in shape.get("parts", {}).items():
        assert set(found[part]) == set(fields.split()), part
