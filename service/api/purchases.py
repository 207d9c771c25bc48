"""Extra allowance bought once, on top of a plan."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

from flask import request

from adapter.errors import Invalid
from adapter.purchases.orders import Basket, purchase_document
from adapter.purchases.states import UNFINISHED, State
from adapter.tables import PurchaseRow

from ..wiring import Parts
from . import examples, schemas
from .access import caller, scope
from .paging import listed
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The routes of purchases."""
    routes = Routes("purchases", __name__, url_prefix="/v1", description=__doc__)

    @routes.post("/accounts/<ref>/purchases")
    @routes.arguments(schemas.PurchaseBody, example=examples.PURCHASE)
    @routes.response(201, schemas.Purchase)
    @routes.alt_response(202, schema=schemas.Purchase)
    @routes.alt_response(402, schema=schemas.Problem)
    @scope("changes:write")
    def buy(body: dict[str, Any], ref: str) -> tuple[dict[str, Any], int]:
        """Buy packs; needs an Idempotency-Key. 202: it waits for the customer's payment at
        ``payment_url``, or goes on by itself.
        """
        account = parts.accounts.find(ref)
        return _answer(parts.purchases.buy(account, Basket(_request(), **body)))

    @routes.get("/accounts/<ref>/purchases")
    @routes.arguments(schemas.PageQuery, location="query")
    @routes.response(200, schemas.PurchasePage)
    @scope("accounts:read")
    def list_purchases(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """The account's purchases, newest first."""
        account = parts.accounts.find(ref)
        return listed(query, partial(parts.purchases.of_account, account), purchase_document)

    @routes.get("/purchases/<purchase_id>")
    @routes.response(200, schemas.Purchase)
    @scope("accounts:read")
    def get_purchase(purchase_id: str) -> dict[str, Any]:
        """One purchase, with its state and how it got there."""
        return purchase_document(parts.purchases.find(purchase_id))

    return routes


def _request() -> str:
    """What makes this request the one it is, for as long as the purchase is remembered: also when
    the answer to it was never given, the same key does not buy twice.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise Invalid(
            "idempotency_key_required",
            "A purchase takes money each time it is asked for: send an Idempotency-Key.",
            path="Idempotency-Key",
        )
    return hashlib.sha256(f"{caller().key_id}:{key}".encode()).hexdigest()


def _answer(purchase: PurchaseRow) -> tuple[dict[str, Any], int]:
    unfinished = State(purchase.state) in UNFINISHED
    return purchase_document(purchase), 202 if unfinished else 201
