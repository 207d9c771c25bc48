"""Sales requests: what is sold by people is asked for here."""

from __future__ import annotations

from functools import partial
from typing import Any

from adapter.clock import iso
from adapter.sales.requests import SalesForm
from adapter.tables import AccountRow, SalesRequestRow

from ..wiring import Parts
from . import examples, schemas
from .access import scope
from .paging import listed
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The routes of sales requests."""
    routes = Routes("sales-requests", __name__, url_prefix="/v1/accounts", description=__doc__)

    @routes.post("/<ref>/sales-requests")
    @routes.arguments(schemas.SalesRequestBody, example=examples.SALES_REQUEST)
    @routes.response(201, schemas.SalesRequest)
    @scope("changes:write")
    def ask_sales(body: dict[str, Any], ref: str) -> dict[str, Any]:
        """Ask to be contacted. The form is kept and mailed to sales; nothing changes at Stripe."""
        account = parts.accounts.find(ref)
        return _document(account, parts.sales.take(account, SalesForm(**body)))

    @routes.get("/<ref>/sales-requests")
    @routes.arguments(schemas.PageQuery, location="query")
    @routes.response(200, schemas.SalesRequestPage)
    @scope("accounts:read")
    def list_sales_requests(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """The account's requests, newest first."""
        account = parts.accounts.find(ref)
        return listed(query, partial(parts.sales.of_account, account), partial(_document, account))

    return routes


def _document(account: AccountRow, row: SalesRequestRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "account": account.ref,
        "family": row.family,
        "plan": row.plan,
        "fields": row.fields,
        "created_at": iso(row.created_at),
    }
