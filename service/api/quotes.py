"""Quotes: what a change of plan would cost and mean, before anybody agrees to it."""

from __future__ import annotations

from typing import Any

from adapter.quotes.targets import Wanted

from ..wiring import Parts
from . import examples, schemas
from .access import SALES, require, scope
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The routes of quotes."""
    routes = Routes("quotes", __name__, url_prefix="/v1/accounts", description=__doc__)

    @routes.post("/<ref>/quotes")
    @routes.arguments(schemas.QuoteBody, example=examples.QUOTE)
    @routes.response(201, schemas.Quote)
    @scope("changes:write")
    def make_quote(body: dict[str, Any], ref: str) -> dict[str, Any]:
        """What an order would cost and mean, by Stripe's own preview. Holds for 15 minutes.

        What is due now of several families is one payment; the rest is scheduled, each line on
        its own date.
        """
        account = parts.accounts.find(ref)
        wanted = [Wanted(**change) for change in body["changes"]]
        if any(one.needs_sales for one in wanted):
            require(SALES)
        return parts.quotes.make(account, *wanted).document

    return routes
