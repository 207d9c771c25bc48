"""Invoices: what was charged, and what is owed."""

from __future__ import annotations

from typing import Any

from ..wiring import Parts
from . import schemas
from .access import scope
from .paging import page
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The route of invoices."""
    routes = Routes("invoices", __name__, url_prefix="/v1/accounts", description=__doc__)

    @routes.get("/<ref>/invoices")
    @routes.arguments(schemas.PageQuery, location="query")
    @routes.response(200, schemas.InvoicePage)
    @scope("accounts:read")
    def list_invoices(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """Invoices, newest first, with Stripe's own lines; and what plans that are billed by usage
        have come to in the running period, as Stripe calculated it some days before its end.
        """
        limit, account = query["limit"], parts.accounts.find(ref)
        rows = parts.states.invoices(account, query["after"], limit + 1)
        found = page(rows, limit, lambda row: row["id"], lambda row: row)
        return {**found, "upcoming": parts.states.upcoming(account)}

    return routes
