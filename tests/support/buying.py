"""Buying packs, and seeing what was granted for them."""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from adapter.allowances.ledger import Kind
from adapter.tables import AllowanceLotRow
from tests.support.world import World

_keys = count(1)


def buy(w: World, ref: str = "acme", *, key: str | None = None, **more: Any) -> TestResponse:
    """One request to buy a pack of 1,000 extra operations, with a key of its own."""
    body = {"family": "operations", "pack": "extra-1k", "quantity": 1, **more}
    headers = {"Idempotency-Key": key or f"purchase {next(_keys)}"}
    return w.call("POST", f"/v1/accounts/{ref}/purchases", body, **headers)


def packs(w: World) -> list[AllowanceLotRow]:
    """What was granted for purchases, oldest first."""
    with w.parts.database.read() as tx:
        lots = select(AllowanceLotRow).where(AllowanceLotRow.kind == Kind.PACK)
        return list(tx.scalars(lots.order_by(AllowanceLotRow.seq)))


def bought_units(w: World) -> list[int]:
    """The units of every grant that a purchase brought, oldest first."""
    return [lot.units for lot in packs(w)]


def without_saved_method(w: World, ref: str = "acme") -> None:
    """The account's cards are taken off it, at Stripe."""
    customer = w.state(ref)["customer"]
    for method in w.stripe("GET", f"/v1/customers/{customer}/payment_methods")["data"]:
        w.stripe("POST", f"/v1/payment_methods/{method['id']}/detach")
    w.settle()


def session_of(w: World, ref: str = "acme") -> Any:
    """The account's newest Checkout Session, as Stripe has it."""
    customer = w.state(ref)["customer"]
    return w.stripe("GET", "/v1/checkout/sessions", customer=customer)["data"][0]
